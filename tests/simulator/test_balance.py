"""The storages' balance: it closes at every node, whatever the network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.plant import Plant
from simulator.physics import PlantPhysics

S_NS = 1_000_000_000
NOON_NS = 1_790_000_100 * 1_000_000_000


def _tag(number: int, id_: str, kind: str, unit: str, data: str = "float32") -> dict[str, Any]:
    return {
        "id": id_,
        "kind": kind,
        "unit": unit,
        "register": "holding",
        "address": 4 * number,
        "data": data,
    }


def _plant(mains: list[tuple[str, str, float]], volumes: list[float], reserve: float) -> Plant:
    sites = [{"id": "sea", "name": "Sea", "type": "desalination_plant"}]
    sites += [{"id": "dam", "name": "Dam", "type": "surface_water"}]
    sites += [{"id": "ps", "name": "Pumps", "type": "pumping_station"}]
    basins = [f"r{i}" for i in range(len(volumes))]
    sites += [{"id": basin, "name": basin, "type": "reservoir"} for basin in basins]
    tags = [_tag(0, "sea.total", "totalizer", "m3", "uint32"), _tag(1, "sea.flow", "flow", "m3/h")]
    tags += [_tag(2 + i, f"{b}.level", "level", "m") for i, b in enumerate(basins)]
    device = {"id": "plc", "site": "sea", "protocol": "modbus", "host": "127.0.0.1", "tags": tags}
    return Plant.model_validate(
        {
            "plant": {"id": "net", "name": "Net", "city": "city"},
            "sites": sites,
            "devices": [device],
            "zones": [{"id": f"z-{b}", "name": b} for b in basins],
            "meters": [
                {
                    "id": "sea.product",
                    "site": "sea",
                    "measures": "produced",
                    "totalizer": "sea.total",
                    "flow": "sea.flow",
                    "maximum_flow": f"{max(volumes) * reserve} m3/h",
                }
            ],
            "reservoirs": [
                {
                    "id": basin,
                    "compartments": [
                        {"id": "c1", "level": f"{basin}.level", "area": volume / 5, "height": "5 m"}
                    ],
                    "zones": [f"z-{basin}"],
                }
                for basin, volume in zip(basins, volumes, strict=True)
            ],
            "mains": [
                {"id": f"m{k}", "from": a, "to": b, "capacity": f"{capacity} m3/h"}
                for k, (a, b, capacity) in enumerate(mains)
            ],
        }
    )


@st.composite
def _plants(draw: st.DrawFn) -> Plant:
    volumes = draw(st.lists(st.floats(50, 100_000), min_size=1, max_size=4))
    places = ["sea", "dam", "ps", *(f"r{i}" for i in range(len(volumes)))]
    pair = st.tuples(st.sampled_from(places), st.sampled_from(places[2:]), st.floats(1, 5000))
    mains = draw(st.lists(pair.filter(lambda m: m[0] != m[1]), max_size=7))
    return _plant(mains, volumes, draw(st.floats(0.01, 1)))


@settings(max_examples=30, deadline=None)
@given(_plants(), st.integers(0, 99), st.sampled_from([5, 60, 900, 3600]))
def test_every_balance_closes(plant: Plant, seed: int, step_s: int) -> None:
    physics = PlantPhysics(plant, seed)
    physics.at(NOON_NS - 12 * 3_600_000_000_000)
    for _ in range(3):
        start_ns = physics._segment.end_ns if physics._segment else NOON_NS
        segment = physics._advance(start_ns + 150 * step_s * S_NS, step_s * S_NS)
        course = segment.course
        hours = (np.diff(segment.times_ns) / 3.6e12)[:, None]
        net = course.inflow - course.outflow
        moved = (net[1:] + net[:-1]) / 2 * hours
        came = moved - course.overflow_m3[1:] + course.makeup_m3[1:]
        full = np.array([s.full_m3 for s in physics.network.storages])
        np.testing.assert_allclose(
            np.diff(course.volume_m3, axis=0), came, rtol=0, atol=1e-9 * full.max()
        )
        assert (course.volume_m3 >= 0).all()
        assert (course.volume_m3 <= full * (1 + 1e-12)).all()
        capacity = np.array([b.capacity_m3_per_h for b in physics.network.branches])
        assert (course.flows >= 0).all()
        assert (course.flows <= capacity * (1 + 1e-12)).all()
        assert (course.unmet[1:] >= -1e-9).all()


def test_no_water_from_nowhere_in_a_described_network() -> None:
    mains = [("sea", "ps", 800.0), ("ps", "r0", 800.0), ("r0", "r1", 300.0), ("dam", "r0", 500.0)]
    physics = PlantPhysics(_plant(mains, [9000.0, 900.0], 0.15), 3)
    for _ in physics.history(40, NOON_NS):
        pass
    assert physics._moment is not None
    overflow, _, makeup = physics._moment.lost_m3
    assert makeup.max() == 0
    assert overflow.max() == 0


def test_a_ring_of_mains_stands_by() -> None:
    mains = [("sea", "r0", 800.0), ("r0", "r1", 300.0), ("r1", "r0", 300.0)]
    physics = PlantPhysics(_plant(mains, [9000.0, 5000.0], 0.15), 3)
    shut = [b.id for b in physics.network.branches if b.capacity_m3_per_h == 0]
    assert shut == ["m2"]


def test_meters_see_what_storages_get() -> None:
    """What goes into all mains from a source is never more than its outlet meters see."""
    mains = [("sea", "r0", 4000.0), ("dam", "r0", 500.0)]
    physics = PlantPhysics(_plant(mains, [9000.0], 0.5), 3)
    physics.at(NOON_NS)
    segment = physics._segment
    assert segment is not None
    main = next(j for j, b in enumerate(physics.network.branches) if b.id == "m0")
    sea = physics.network.source("sea")
    assert sea is not None
    header = segment.flow[:, physics._of_sites][:, sea]
    assert (segment.course.flows[1:, main] <= header[1:] + 1e-9).all()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_source_that_fails_leaves_unmet_demand_not_a_negative_volume(seed: int) -> None:
    """A plant that gives next to nothing: the tank runs dry, and the lack is booked."""
    physics = PlantPhysics(_plant([("sea", "r0", 0.5)], [2000.0], 0.0001), seed)
    for _ in physics.history(20, NOON_NS):
        pass
    assert physics._moment is not None
    assert physics._moment.standing.volume_m3.min() >= 0
