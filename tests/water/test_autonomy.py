from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from water.autonomy import (
    Streams,
    VolumeHistory,
    autonomy_h,
    hours_left,
    reservoir_now,
    slope_per_h,
    volume_history,
)
from water.quality import GOOD, status_of
from water.reservoir import Compartment, Curve, Reservoir

MINUTE = 60 * 10**9
BASIN = Curve.upright(6_250.0, 8.0)
RESERVOIR = Reservoir("araba", (Compartment("a", BASIN, "araba.level"),), minimum_level_m=0.8)


def history(slope_m3_per_h, minutes=40, start=30_000.0, spoiled=()):
    time_ns = np.arange(minutes + 1, dtype=np.int64) * MINUTE
    volume = start + slope_m3_per_h * time_ns / 3.6e12
    volume[list(spoiled)] += 20_000
    return VolumeHistory(time_ns, volume)


@given(st.floats(-5e4, 5e4), st.sets(st.integers(0, 40), max_size=10))
def test_the_slope_stands_a_quarter_of_wild_values(slope, spoiled):
    found = history(slope, spoiled=spoiled)
    got = slope_per_h(found.time_ns, found.volume_m3)
    if not spoiled:
        assert got == pytest.approx(slope, rel=1e-6, abs=1e-3)
    assert abs(got - slope) <= 30_000  # a least-squares line is off without bound


def test_the_slope_ignores_one_wild_value():
    found = history(-1_200.0, spoiled=(7,))
    assert slope_per_h(found.time_ns, found.volume_m3) == pytest.approx(-1_200.0, rel=0.01)


def test_two_points_make_no_slope():
    assert slope_per_h(np.array([0, MINUTE]), np.array([1.0, 2.0])) is None


def test_a_value_that_is_not_a_number_is_left_out_of_the_slope():
    found = history(600.0)
    found.volume_m3[::3] = np.nan
    assert slope_per_h(found.time_ns, found.volume_m3) == pytest.approx(600.0)


@pytest.mark.parametrize(
    ("net", "empty", "full"),
    [(-1_000.0, 20.0, None), (2_000.0, None, 5.0), (0.0, None, None), (40.0, None, None),
     (None, None, None)],
)  # fmt: skip
def test_hours_to_empty_and_to_full(net, empty, full):
    found = hours_left(20_000.0, 10_000.0, net, noise_m3_per_h=50.0)
    assert (found.to_empty, found.to_full) == (empty, full)


@pytest.mark.parametrize(
    ("usable", "draw", "hours"),
    [(20_000.0, 1_000.0, 20.0), (0.0, 1_000.0, 0.0), (None, 1_000.0, None), (5.0, 0.0, None),
     (5.0, None, None)],
)  # fmt: skip
def test_autonomy_is_usable_over_draw_with_no_inflow(usable, draw, hours):
    assert autonomy_h(usable, draw) == hours


def test_a_reservoir_now_with_both_meters():
    now = reservoir_now(RESERVOIR, 5, {"a": 4.8}, GOOD, Streams(6_000.0, 7_000.0))
    assert now.volume_m3 == 30_000
    assert now.usable_m3 == 25_000
    assert now.fill == pytest.approx(0.6)
    assert now.net_flow_m3_per_h == -1_000
    assert now.hours_to_empty == 25
    assert now.hours_to_full is None
    assert now.autonomy_h == pytest.approx(25_000 / 7_000)
    assert (now.as_of_ns, now.in_service, now.capacity_m3) == (5, True, 50_000)


def test_with_the_level_alone_the_net_flow_is_its_slope():
    now = reservoir_now(RESERVOIR, 5, {"a": 4.8}, GOOD, None, history(-2_500.0))
    assert now.net_flow_m3_per_h == pytest.approx(-2_500)
    assert now.hours_to_empty == pytest.approx(10)
    assert now.autonomy_h == pytest.approx(10)  # no inflow is known: the fall is the draw


def test_an_unmeasured_draw_follows_from_inflow_and_slope():
    now = reservoir_now(
        RESERVOIR, 5, {"a": 4.8}, GOOD, Streams(inflow_m3_per_h=3_000.0), history(500)
    )
    assert now.autonomy_h == pytest.approx(25_000 / 2_500)
    assert now.hours_to_full == pytest.approx(20_000 / 500)


def test_a_filling_reservoir_without_meters_has_no_known_draw():
    assert reservoir_now(RESERVOIR, 5, {"a": 4.8}, GOOD, None, history(900)).autonomy_h is None


def test_a_silent_level_is_unknown_and_never_zero():
    now = reservoir_now(RESERVOIR, None, {"a": None}, 0x89, Streams(1.0, 2.0), history(100))
    assert (now.level_m, now.volume_m3, now.usable_m3, now.fill) == (None,) * 4
    assert (now.net_flow_m3_per_h, now.autonomy_h, now.hours_to_empty) == (None,) * 3
    assert now.capacity_m3 == 50_000


def test_a_level_off_its_curve_worsens_the_quality():
    now = reservoir_now(RESERVOIR, 5, {"a": 9.5}, GOOD)
    assert now.volume_m3 is None
    assert status_of(now.quality) == "bad"


def test_volumes_of_several_basins_over_time():
    two = Reservoir("r", (Compartment("a", BASIN, "r.a"), Compartment("b", BASIN, "r.b")))
    times = np.array([0, MINUTE], np.int64)
    levels = [("a", np.array([1.0, 2.0])), ("b", np.array([1.0, np.nan]))]
    np.testing.assert_allclose(volume_history(two, levels, times).volume_m3, [12_500, np.nan])
