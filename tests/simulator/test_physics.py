"""The model as a source of readings: its totals, its truth, its instruments."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from config.loading import load
from config.plant import Plant
from config.resolving import register
from simulator.errors import BadState
from simulator.physics import LIVE_STEP_NS, PlantPhysics
from simulator.signals import base_range
from simulator.wiring import wiring
from water.units import Kind

CONFIG = Path(__file__).parents[2] / "config"
NOW_NS = 1_790_000_123 * 1_000_000_000
S_NS = 1_000_000_000
HOUR_NS = 3600 * S_NS


@pytest.fixture(scope="module")
def oran() -> Plant:
    return load(CONFIG / "oran.yaml").plant


@pytest.fixture(scope="module")
def minimal() -> Plant:
    return load(CONFIG / "minimal.yaml").plant


@pytest.fixture(params=["oran", "minimal"])
def plant(request: pytest.FixtureRequest) -> Plant:
    return request.getfixturevalue(request.param)


def test_same_plant_seed_and_start_give_the_same_figures(plant: Plant) -> None:
    one, other = PlantPhysics(plant, 5), PlantPhysics(plant, 5)
    for seconds in (0, 1, 7, 4000):
        np.testing.assert_array_equal(
            one.at(NOW_NS + seconds * S_NS), other.at(NOW_NS + seconds * S_NS)
        )
    assert one.truth() == other.truth()
    assert not np.array_equal(one.at(NOW_NS), PlantPhysics(plant, 6).at(NOW_NS))


def test_figures_do_not_depend_on_how_often_they_are_asked_for(oran: Plant) -> None:
    often, seldom = PlantPhysics(oran, 5), PlantPhysics(oran, 5)
    often.at(NOW_NS)
    seldom.at(NOW_NS)
    for tenths in range(1, 1000):
        often.at(NOW_NS + tenths * S_NS // 10)
    np.testing.assert_array_equal(often.at(NOW_NS + 100 * S_NS), seldom.at(NOW_NS + 100 * S_NS))


def test_true_totals_are_the_integral_of_the_true_flow(oran: Plant) -> None:
    physics = PlantPhysics(oran, 2)
    begin_ns = NOW_NS // LIVE_STEP_NS * LIVE_STEP_NS
    truths = []
    for k in range(181):
        physics.at(begin_ns + k * LIVE_STEP_NS)
        truths.append(physics.truth()["sites"])
    for site in truths[0]:
        flow = np.array([t[site]["flow_m3_per_h"] for t in truths])
        total = np.array([t[site]["total_m3"] for t in truths])
        steps = (flow[1:] + flow[:-1]) / 2 * LIVE_STEP_NS / 3.6e12
        np.testing.assert_allclose(np.diff(total), steps, rtol=0, atol=1e-6)


def test_every_tag_shows_a_credible_value(plant: Plant) -> None:
    physics = PlantPhysics(plant, 4)
    for hours in range(0, 24 * 20, 7):
        shown = physics.at(NOW_NS + hours * HOUR_NS)
        assert np.isfinite(shown).all()
        for tag, value in zip(plant.tags.values(), shown, strict=True):
            low, high = base_range(tag) or (-np.inf, np.inf)
            assert low <= value <= high, tag.id
            if tag.kind is Kind.STATE:
                assert int(value) in (tag.states or {int(value): ""}), tag.id


def test_what_is_shown_fits_the_registers_of_the_devices(plant: Plant) -> None:
    physics = PlantPhysics(plant, 4)
    column = {tag: i for i, tag in enumerate(physics.tags)}
    for hours in (0, 1000):
        shown = physics.at(NOW_NS + hours * HOUR_NS)
        for device in plant.devices:
            wires = wiring(plant, device)
            values = shown[[column[tag.id] for tag in device.tags]]
            read = wires.raw(values) * wires.factor + wires.offset
            float32 = np.abs(values) * 2.0**-23
            count = np.maximum(np.abs(wires.factor) * np.maximum(wires.step, 1e-6), float32)
            assert (np.abs(read - values) <= count).all(), device.id


def test_outlet_meters_are_within_one_percent_of_the_truth(plant: Plant) -> None:
    physics = PlantPhysics(plant, 4)
    at = {tag: i for i, tag in enumerate(physics.tags)}
    first = physics.at(NOW_NS)
    before = physics.truth()["sites"]
    last = physics.at(NOW_NS + 6 * HOUR_NS)
    after = physics.truth()["sites"]
    for site, figures in after.items():
        outlets = [m for m in plant.meters if m.site == site and m.measures == "produced"]
        flow = sum(last[at[m.flow]] for m in outlets if m.flow)
        if all(m.flow for m in outlets):
            assert flow == pytest.approx(figures["flow_m3_per_h"], rel=0.01)
        counted = sum(
            (last[at[m.totalizer]] - first[at[m.totalizer]]) % register(plant.tags[m.totalizer])[0]
            for m in outlets
            if m.totalizer
        )
        volume = figures["total_m3"] - before[site]["total_m3"]
        assert counted == pytest.approx(volume, rel=0.01, abs=20)


def test_today_begins_with_the_production_day(oran: Plant) -> None:
    physics = PlantPhysics(oran, 4)
    midnight_ns = (NOW_NS // (24 * HOUR_NS) + 1) * 24 * HOUR_NS - HOUR_NS  # Algiers is UTC+1
    physics.at(midnight_ns - S_NS)
    evening = physics.truth()["sites"]["mactaa"]
    physics.at(midnight_ns + S_NS)
    night = physics.truth()["sites"]["mactaa"]
    assert evening["today_m3"] > 100_000
    assert night["today_m3"] == pytest.approx(night["flow_m3_per_h"] / 3600, rel=0.01)
    assert night["total_m3"] > evening["total_m3"]


def test_trains_of_a_site_make_its_header(oran: Plant) -> None:
    physics = PlantPhysics(oran, 4)
    at = {tag: i for i, tag in enumerate(physics.tags)}
    shown = physics.at(NOW_NS)
    trains = [m.flow for m in oran.meters if m.site == "mactaa" and m.measures == "train"]
    total = sum(shown[at[tag]] for tag in trains if tag)
    header = physics.truth()["sites"]["mactaa"]["flow_m3_per_h"]
    assert total == pytest.approx(header / (1 - 0.008), rel=0.01)


def test_a_resumed_model_goes_on_with_the_very_same_figures(plant: Plant) -> None:
    running = PlantPhysics(plant, 7)
    running.at(NOW_NS)
    running.at(NOW_NS + 777 * S_NS)
    kept = json.loads(json.dumps(running.state()))
    resumed = PlantPhysics(plant, 7)
    resumed.restore(kept)
    assert resumed.truth() == running.truth()
    for seconds in (778, 900, 2000):
        np.testing.assert_array_equal(
            running.at(NOW_NS + seconds * S_NS), resumed.at(NOW_NS + seconds * S_NS)
        )


def test_after_a_long_pause_no_total_steps_back(oran: Plant) -> None:
    running = PlantPhysics(oran, 7)
    running.at(NOW_NS)
    before = running.truth()
    resumed = PlantPhysics(oran, 7)
    resumed.restore(running.state())
    resumed.at(NOW_NS + 40 * 24 * HOUR_NS)
    after = resumed.truth()
    for site, figures in after["sites"].items():
        gained = figures["total_m3"] - before["sites"][site]["total_m3"]
        assert gained > 0
        if site == "mactaa":
            assert 300_000 < gained / 40 < 420_000


def test_a_state_of_another_plant_is_refused(oran: Plant, minimal: Plant) -> None:
    other = PlantPhysics(minimal, 7)
    with pytest.raises(BadState):
        other.state()
    other.at(NOW_NS)
    with pytest.raises(BadState):
        PlantPhysics(oran, 7).restore(other.state())
    with pytest.raises(BadState):
        PlantPhysics(minimal, 8).restore(other.state())


def test_an_earlier_instant_shows_the_last_figures(minimal: Plant) -> None:
    physics = PlantPhysics(minimal, 7)
    last = physics.at(NOW_NS)
    np.testing.assert_array_equal(physics.at(NOW_NS - HOUR_NS), last)


def test_levels_are_the_curve_of_the_volume(oran: Plant) -> None:
    physics = PlantPhysics(oran, 7)
    physics.at(NOW_NS)
    for reservoir, figures in physics.truth()["reservoirs"].items():
        storage = physics.network.storages[physics.network.storage(reservoir) or 0]
        height = min(float(basin.level_m[-1]) for basin in storage.basins)
        assert 0 <= figures["level_m"] <= height
        assert 0 <= figures["volume_m3"] <= storage.full_m3
