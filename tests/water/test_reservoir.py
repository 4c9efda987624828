from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from water.errors import BadDescription, CurveRange
from water.reservoir import Compartment, Curve, Reservoir

BASIN = Curve.upright(6_250.0, 8.0)  # 50,000 m³


def two_basins(**changes):
    return Reservoir(
        "beida",
        (Compartment("a", BASIN, "beida.a.level"), Compartment("b", BASIN, "beida.b.level")),
        minimum_level_m=1.0,
        **changes,
    )


def test_a_curve_is_linear_between_its_points():
    curve = Curve.of_points([(0, 0), (1, 100), (3, 900)])
    assert curve.volume_at(0.5) == 50
    assert curve.volume_at(2.0) == 500
    assert curve.level_at(500) == 2.0
    assert (curve.lowest_m, curve.highest_m, curve.capacity_m3) == (0, 3, 900)


def test_a_cylinder():
    assert Curve.cylinder(20.0, 5.0).capacity_m3 == pytest.approx(math.pi * 100 * 5)


@pytest.mark.parametrize("level", [-0.01, 8.01, math.nan])
def test_a_level_outside_the_curve_is_an_error(level):
    with pytest.raises(CurveRange):
        BASIN.volume_at(level)


@pytest.mark.parametrize(
    "points",
    [[(0, 0)], [(0, 0), (0, 5)], [(0, 0), (1, 0)], [(1, 5), (0, 9)], [(0, -1), (1, 5)],
     [(0, 0), (math.nan, 1)]],
)  # fmt: skip
def test_a_curve_that_cannot_be_is_refused(points):
    with pytest.raises(BadDescription):
        Curve.of_points(points)


@given(st.lists(st.floats(0.01, 5), min_size=2, max_size=8), st.floats(0, 1))
def test_level_and_volume_are_each_others_inverse(rises, share):
    levels = np.cumsum(rises)
    curve = Curve(levels, np.cumsum(np.square(rises)) + 1)
    level = float(levels[0] + share * (levels[-1] - levels[0]))
    level = min(level, float(levels[-1]))
    assert curve.level_at(curve.volume_at(level)) == pytest.approx(level, abs=1e-9)


def test_the_contents_of_several_basins_are_added_up():
    found = two_basins().contents({"a": 4.0, "b": 6.0})
    assert found.volume_m3 == 62_500
    assert found.usable_m3 == 62_500 - 2 * 6_250
    assert found.fill == pytest.approx(0.625)
    assert found.level_m == pytest.approx(5.0)


def test_fill_is_of_volume_not_of_height():
    cone = Curve.of_points([(0, 0), (5, 1_000), (10, 9_000)])
    reservoir = Reservoir("tower", (Compartment("a", cone, "t"),))
    assert reservoir.contents({"a": 5.0}).fill == pytest.approx(1 / 9)


def test_works_take_a_compartment_out():
    reservoir = two_basins(out_of_service=frozenset({"b"}))
    assert reservoir.capacity_m3 == 50_000
    assert reservoir.design_capacity_m3 == 100_000
    found = reservoir.contents({"a": 4.0, "b": None})
    assert (found.volume_m3, found.fill) == (25_000, 0.5)


def test_works_that_name_a_volume_reduce_the_capacity():
    assert two_basins(capacity_offline_m3=30_000).capacity_m3 == 70_000


def test_a_reservoir_wholly_out_of_service_is_unknown_not_empty():
    reservoir = two_basins(out_of_service=frozenset({"a", "b"}))
    assert not reservoir.in_service
    assert reservoir.capacity_m3 == 0
    assert reservoir.contents({"a": 4.0, "b": 4.0}).volume_m3 is None


def test_one_silent_basin_makes_the_sum_unknown():
    assert two_basins().contents({"a": 4.0, "b": None}).volume_m3 is None
    assert two_basins().contents({"a": 4.0}).volume_m3 is None


def test_a_basin_without_a_sensor_stands_as_its_neighbours():
    reservoir = Reservoir("r", (Compartment("a", BASIN, "r.a"), Compartment("b", BASIN)))
    assert reservoir.contents({"a": 4.0}).volume_m3 == 50_000


@pytest.mark.parametrize(("level", "volume"), [(-0.03, 0), (8.04, 50_000), (8.2, None), (-1, None)])
def test_a_few_centimetres_outside_are_the_edge_and_more_is_unknown(level, volume):
    reservoir = Reservoir("r", (Compartment("a", BASIN, "r.a"),))
    assert reservoir.contents({"a": level}).volume_m3 == volume


def test_below_the_minimum_level_nothing_is_usable():
    assert two_basins().contents({"a": 0.5, "b": 0.5}).usable_m3 == 0


def test_works_on_a_stranger_are_refused():
    with pytest.raises(BadDescription, match="no such compartment: c"):
        two_basins(out_of_service=frozenset({"c"}))


def test_many_levels_at_once():
    found = BASIN.volumes_at(np.array([0.0, 4.0, 8.03, 9.0, math.nan]))
    np.testing.assert_allclose(found, [0, 25_000, 50_000, math.nan, math.nan])
