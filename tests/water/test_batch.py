from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from water.batch import Batch, concatenate, sorted_unique
from water.errors import BadBatch

rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.floats(-9, 9)), max_size=40)


@given(rows)
def test_of_one_tag_and_time_the_later_arrival_stays_once(given_rows):
    batch = (
        Batch.of(*(list(c) for c in zip(*given_rows, strict=True))) if given_rows else Batch.empty()
    )
    found = sorted_unique(batch)
    expected = {(tag, time): value for tag, time, value in given_rows}
    keys = list(zip(found.tag_id.tolist(), found.time_ns.tolist(), strict=True))
    assert keys == sorted(expected)
    assert [expected[key] for key in keys] == found.value.tolist()


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(BadBatch, match="shapes"):
        Batch.of([1, 2], [1], [1.0])


def test_a_column_of_another_type_is_refused():
    good = Batch.of([1], [1], [1.0])
    with pytest.raises(BadBatch, match="value is float32"):
        Batch(good.tag_id, good.time_ns, good.value.astype(np.float32), good.quality)


def test_spans_are_half_open_and_tags_are_picked():
    batch = Batch.of([1, 2, 1], [10, 20, 30], [1.0, 2.0, 3.0])
    assert batch.span(10, 30).time_ns.tolist() == [10, 20]
    assert batch.of_tag(1).value.tolist() == [1.0, 3.0]
    assert len(concatenate([batch, batch])) == 6
    assert len(concatenate([])) == 0
    assert concatenate([batch]) is batch
