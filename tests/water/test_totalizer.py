"""What each interval between two readings is, as a table; one reading every 10 s, at most 12 m³ + 2."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from water.meter import MeterInstallation
from water.readings import Readings
from water.totalizer import Increments, Step, increments

MAXIMUM = 12 * 360 / 1.05
N, R, B, Q, A = Step.NORMAL, Step.ROLLOVER, Step.BACKSTEP, Step.QUARANTINED, Step.AMBIGUOUS
X = Step.RESET


def found(values, *, modulus=10_000.0, count=1.0, step_s=10.0, factor=1.0) -> Increments:
    time_ns = (np.arange(len(values)) * step_s * 1e9).astype(np.int64)
    installation = MeterInstallation(modulus_m3=modulus, resolution_m3=count, factor=factor)
    return increments(
        Readings(time_ns, np.asarray(values, np.float64)), installation, MAXIMUM, refresh_s=10.0
    )


@pytest.mark.parametrize(
    ("values", "steps", "volumes"),
    [
        ([100, 105, 110], [N, N], [5, 5]),
        ([100, 100, 100], [N, N], [0, 0]),
        ([100, 114, 128], [N, N], [14, 14]),  # the limit itself is plausible
        ([100, 115, 130], [Q], [0]),  # one above it is not; two in a row are one hole
        ([100, 105, 104, 109], [N, B, N], [5, 0, 4]),  # one count back is not counted again
        ([100, 105, 103, 104, 108], [N, B, N, N], [5, 0, 0, 3]),
        ([5_000, 4_996, 4_997, 5_004], [Q, N, N], [0, 1, 7]),  # four counts back are no backstep
        ([9_990, 9_998, 3, 8], [N, R, N], [8, 5, 5]),
        ([9_999, 9_998, 3, 8], [B, R, N], [0, 4, 5]),
        ([5_000, 5_005, 4, 10], [N, X, N], [5, 4, 6]),
        ([5_000, 5_005, 15, 20], [N, Q, N], [5, 0, 5]),  # too far above zero for a reset
        ([100, 105, 900, 110, 115], [N, N, N], [5, 5, 5]),  # a spike is left out
        ([100, 105, 40, 110, 115], [N, N, N], [5, 5, 5]),
        ([100, 105, 8_000, 110, 7_000, 115, 120], [N, N, N, N], [5, 5, 5, 5]),
        ([900, 105, 110], [Q, N], [0, 5]),  # a first reading that no second confirms
        ([100, 105, 900], [N, Q], [5, 0]),  # a last one neither
        ([100], [], []),
    ],
)
def test_what_each_interval_is(values, steps, volumes):
    got = found(values)
    assert [Step(s) for s in got.step] == steps
    assert got.volume_m3.tolist() == volumes
    assert got.time_ns.size == got.behind_m3.size == len(steps) + 1


def test_no_reading_has_no_course():
    assert found([]).time_ns.size == found([]).behind_m3.size == 0


@pytest.mark.parametrize(
    ("modulus", "values", "step"),
    [
        (100.0, [95, 3], R),
        (28.0, [20, 3], A),  # 14 m³ in 10 s are half of this modulus
        (27.0, [20, 3], A),
        (13.0, [5, 6], A),  # once round more would be plausible too
        (16.0, [5, 6], N),
    ],
)
def test_a_modulus_that_half_an_interval_can_fill_is_ambiguous(modulus, values, step):
    assert [Step(s) for s in found(values, modulus=modulus).step] == [step]


def test_counts_of_a_tenth_are_exact():
    got = found([99_999.8, 99_999.9, 0.1, 0.3], modulus=100_000.0, count=0.1)
    np.testing.assert_allclose(got.volume_m3, [0.1, 0.2, 0.2], atol=1e-9)


def test_the_factor_applies_to_the_volume_and_to_what_is_plausible():
    got = found([100, 107, 114], factor=2.0)
    assert got.volume_m3.tolist() == [14, 14]
    assert [Step(s) for s in found([100, 110, 120], factor=2.0).step] == [Q]


def test_readings_of_a_second_clock_are_left_out_as_one_event():
    right = 5_000 + 5 * np.arange(40)
    mixed = right.astype(np.float64)
    mixed[11:30:2] -= 2_000
    got = found(mixed)
    assert [e.kind for e in got.events] == ["clock_jump"]
    assert got.volume_m3.sum() == 5 * 39
    assert set(got.step) == {N}


@settings(max_examples=200, deadline=None)
@given(
    rises=st.lists(st.integers(0, 14), min_size=1, max_size=50),
    backsteps=st.sets(st.integers(1, 49)),
)
def test_a_clean_register_with_backsteps_counts_its_highest(rises, backsteps):
    course = np.concatenate([[1_000], 1_000 + np.cumsum(rises)]).astype(np.float64)
    shown = course.copy()
    for i in backsteps:
        if i < shown.size - 1:
            shown[i] -= 1
    shown[-1] = course[-1]
    got = found(shown, modulus=2.0**32)
    held = got.step >= Step.RESET
    if not held.any() and not got.events:
        assert got.volume_m3.sum() == course[-1] - course[0]
    assert got.volume_m3.sum() <= course[-1] - course[0]


def test_a_day_of_seconds_costs_no_python_per_reading():
    """86,400 readings of which a thousand are wild: columns all the way, so it is over at once."""
    time_ns = np.arange(86_400, dtype=np.int64) * 10**9
    value = np.floor(np.arange(86_400) * 4.05)
    value[50::86] += 70_000
    got = increments(Readings(time_ns, value), MeterInstallation(), 20_833.0)
    assert got.volume_m3.sum() == value[-1] - value[0]
    assert got.time_ns.size == 86_400 - value[50::86].size
