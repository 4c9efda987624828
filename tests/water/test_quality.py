from __future__ import annotations

import numpy as np
import pytest

from water.quality import (
    BAD,
    GOOD,
    UNCERTAIN,
    Reason,
    is_good,
    quality,
    reason_of,
    status_of,
    worst,
)


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize(
    ("status", "name"), [(GOOD, "good"), (UNCERTAIN, "uncertain"), (BAD, "bad")]
)
def test_every_status_and_reason_fits_in_one_byte_and_comes_back(status, name, reason):
    code = quality(status, reason)
    assert 0 <= code < 256
    assert status_of(code) == name
    assert reason_of(code) == (None if reason is Reason.NONE else reason.name.lower())


def test_the_worse_of_two_is_their_maximum():
    column = np.array([quality(GOOD, Reason.BACKFILLED), UNCERTAIN, quality(BAD)], np.uint8)
    assert status_of(worst(column)) == "bad"
    assert worst(column[:0]) == GOOD
    assert is_good(column).tolist() == [True, False, False]


def test_a_reason_of_a_later_version_is_told_by_its_number():
    assert reason_of(BAD | 0x3F) == "reason_63"
