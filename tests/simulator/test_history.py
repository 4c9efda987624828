"""The past: complete, exact, healthy over a year, and joined to the present without a step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from config.loading import load
from config.plant import Plant
from config.resolving import calendar, register
from simulator.physics import PlantPhysics
from simulator.segment import Segment
from water.batch import Batch, sorted_unique
from water.units import Kind

CONFIG = Path(__file__).parents[2] / "config"
NOW_NS = 1_790_000_123 * 1_000_000_000
S_NS = 1_000_000_000
DAY_NS = 86_400 * S_NS


@pytest.fixture(scope="module")
def oran() -> Plant:
    return load(CONFIG / "oran.yaml").plant


class _Kept(PlantPhysics):
    """Remembers every segment that it made."""

    def __init__(self, plant: Plant, seed: int) -> None:
        super().__init__(plant, seed)
        self.segments: list[Segment] = []

    def _advance(self, to_ns: int, step_ns: int) -> Segment:
        self.segments.append(super()._advance(to_ns, step_ns))
        return self.segments[-1]


def _columns(physics: PlantPhysics, days: int, end_ns: int) -> list[Batch]:
    return [batch for _, batch in physics.history(days, end_ns)]


def test_days_come_oldest_first_sorted_and_complete(oran: Plant) -> None:
    physics = PlantPhysics(oran, 1)
    reached = 0
    flow = physics.tags.index("mactaa.outlet.oran.flow")
    chlorine = physics.tags.index("mactaa.product.chlorine")
    for n, (tags, batch) in enumerate(physics.history(3, NOW_NS)):
        assert tags == physics.tags
        assert int(batch.time_ns.min()) >= reached
        assert np.array_equal(sorted_unique(batch).time_ns, batch.time_ns)
        reached = int(batch.time_ns.max())
        assert (batch.quality == 0).all()
        assert set(np.unique(batch.tag_id)) == set(range(len(tags)))
        if n in (1, 2):
            assert len(batch.of_tag(flow)) == 288
            assert len(batch.of_tag(chlorine)) == 24
    assert NOW_NS - 300 * S_NS <= reached < NOW_NS


def test_same_plant_seed_and_end_give_the_same_past(oran: Plant) -> None:
    for one, other in zip(
        _columns(PlantPhysics(oran, 3), 2, NOW_NS),
        _columns(PlantPhysics(oran, 3), 2, NOW_NS),
        strict=True,
    ):
        np.testing.assert_array_equal(one.value, other.value)


def test_registers_only_rise_and_roll_over_at_their_modulus(oran: Plant) -> None:
    physics = PlantPhysics(oran, 1)
    counters = {
        i: register(oran.tags[tag])[0]
        for i, tag in enumerate(physics.tags)
        if oran.tags[tag].kind in (Kind.TOTALIZER, Kind.ENERGY)
    }
    last: dict[int, float] = {}
    rolled = 0
    for _, batch in physics.history(40, NOW_NS):
        for i, modulus in counters.items():
            values = batch.value[batch.tag_id == i]
            joined = np.append(last.get(i, values[0]), values)
            steps = np.diff(joined)
            rolled += int((steps < 0).sum())
            assert (np.mod(steps, modulus) < min(modulus / 2, 70_000)).all(), physics.tags[i]
            assert (values < modulus).all()
            last[i] = values[-1]
    assert rolled >= 4


def test_registers_are_the_integral_of_the_flow_that_is_shown(oran: Plant) -> None:
    """Bias included: the flow reading and the register are of one meter; noise averages out."""
    physics = PlantPhysics(oran, 1)
    flow = physics.tags.index("mactaa.outlet.oran.flow")
    total = physics.tags.index("mactaa.outlet.oran.totalizer")
    batches = _columns(physics, 4, NOW_NS)[1:4]
    q = np.concatenate([b.of_tag(flow).value for b in batches])
    t = np.concatenate([b.of_tag(flow).time_ns for b in batches])
    counted = batches[-1].of_tag(total).value[-1] - batches[0].of_tag(total).value[0]
    integral = np.sum((q[1:] + q[:-1]) / 2 * np.diff(t) / 3.6e12)
    assert counted == pytest.approx(integral, rel=0.002)


def test_the_present_continues_the_past_without_a_step(oran: Plant) -> None:
    physics = PlantPhysics(oran, 1)
    batches = _columns(physics, 3, NOW_NS)
    now = physics.at(NOW_NS)
    total_before = {s: f["total_m3"] for s, f in physics.truth()["sites"].items()}
    for meter in oran.meters:
        if meter.totalizer is None:
            continue
        i = physics.tags.index(meter.totalizer)
        past = batches[-1].of_tag(i)
        modulus, resolution = register(oran.tags[meter.totalizer])
        gained = (now[i] - past.value[-1]) % modulus
        hours = (NOW_NS - int(past.time_ns[-1])) / 3.6e12
        assert gained <= meter.maximum_flow_m3_per_h * hours * 1.01 + 2 * max(resolution, 10)
    later = physics.at(NOW_NS + S_NS)
    assert later.shape == now.shape
    for site, figures in physics.truth()["sites"].items():
        step = figures["total_m3"] - total_before[site]
        assert 0 <= step <= figures["flow_m3_per_h"] / 3600 * 1.1 + 0.01


def test_a_day_counted_from_readings_is_the_true_day(oran: Plant) -> None:
    physics = _Kept(oran, 1)
    batches = _columns(physics, 6, NOW_NS)
    day = calendar(oran).day_of(NOW_NS - 2 * DAY_NS)
    total = {}
    for tag in ("mactaa.outlet.oran.totalizer", "mactaa.outlet.mascara.totalizer"):
        i = physics.tags.index(tag)
        readings = [(t, v) for b in batches for t, v in zip(*_of(b, i), strict=True)]
        at = dict(readings)
        total[tag] = at[day.end_ns] - at[day.begin_ns]
    ends = {s.end_ns: s.total[-1] for s in physics.segments}
    site = physics.network.source("mactaa")
    assert site is not None
    true = ends[day.end_ns] - ends[day.begin_ns]
    assert sum(total.values()) == pytest.approx(true[physics._of_sites][site], rel=0.004)


def _of(batch: Batch, tag: int) -> tuple[list[int], list[float]]:
    one = batch.of_tag(tag)
    return one.time_ns.tolist(), one.value.tolist()


def test_a_year_is_healthy(oran: Plant) -> None:
    """No reservoir lies empty or runs over for long; the plant misses its target on some days."""
    physics = _Kept(oran, 1)
    for _ in physics.history(400, NOW_NS, slow_spacing_s=86_400, spacing_s=86_400):
        pass  # readings once a day: the physics alone are looked at
    volume = np.concatenate([s.course.volume_m3 for s in physics.segments])
    drawn = np.concatenate([s.course.draw[1:] for s in physics.segments]).mean(axis=0)
    assert physics._moment is not None
    overflow, unmet, makeup = physics._moment.lost_m3
    for i, storage in enumerate(physics.network.storages):
        low = (volume[:, i] < 0.9 * storage.low_m3).mean()
        assert low < 0.02, storage.id
        assert (volume[:, i] > 0.99 * storage.full_m3).mean() < 0.02, storage.id
        if drawn[i]:
            assert unmet[i] < 0.01 * drawn[i] * 24 * 400, storage.id
        swing = np.ptp(volume[-960:, i]) / storage.full_m3
        assert swing > 0.005, storage.id
    assert makeup.max() == 0
    assert overflow.sum() < 1000
    days = _daily(physics, "mactaa")
    assert 330_000 < np.median(days) < 420_000
    assert 0.5 < (days >= 350_000).mean() < 0.98
    assert days.max() < 430_000


def _daily(physics: _Kept, site: str) -> np.ndarray:
    """True m³ of every whole production day."""
    index = physics.network.source(site)
    ends = [s for s in physics.segments if s.end_ns % DAY_NS == 23 * 3600 * S_NS]
    totals = np.array([s.total[-1][physics._of_sites][index] for s in ends])
    return np.diff(totals)
