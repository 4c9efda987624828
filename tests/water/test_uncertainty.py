from __future__ import annotations

import pytest

from water.uncertainty import (
    in_quadrature,
    of_boundary,
    of_count,
    of_float32,
    of_unseen,
    widened,
)


def test_independent_causes_add_in_quadrature():
    assert in_quadrature([3.0, 4.0]) == 5.0
    assert in_quadrature([]) == 0.0


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 0), (1.0, 0), (0.5, 50), (0.25, 25), (0.9, 10)]
)
def test_a_boundary_is_worst_in_the_middle_of_its_gap(share, expected):
    assert of_boundary(100.0, share) == pytest.approx(expected)


def test_a_boundary_bounds_every_flow_up_to_twice_the_mean():
    """All of the gap's water early, or late: the share by time is off by no more than said."""
    for share in (0.1, 0.3, 0.5, 0.8):
        for early in (min(1.0, 2 * share), max(0.0, 2 * share - 1)):
            assert abs(early - share) <= of_boundary(1.0, share) + 1e-12


def test_half_a_count_and_unseen_time():
    assert of_count(10.0) == 5.0
    assert of_unseen(20_833.0, 1_800) == pytest.approx(10_416.5)


def test_a_float32_at_1e8_knows_nothing_of_a_day():
    assert of_float32(691_200, 8.0, 86_400) == 345_600
    assert of_float32(100_000, 8.0, 86_400) == 100_000


def test_methods_that_differ_more_than_they_claim_widen_the_claim():
    assert widened(30.0, 40.0, 49.0) == 30.0
    assert widened(30.0, 40.0, -60.0) == 60.0
