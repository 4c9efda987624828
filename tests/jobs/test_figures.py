"""The live figures: equal to the accounting, honest about age, taken up again after a restart."""

import asyncio
import datetime as dt

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.loading import load
from jobs.figures import Figures
from storage.errors import Unavailable
from storage.last_values import LastValues
from storage.records import CapacityRecord
from water.batch import Batch, concatenate
from water.quality import BAD, Reason, reason_of, status_of

NS = 1_000_000_000
NS_PER_H = 3600 * NS
NOON = (2026, 3, 10, 12)


class Live:
    """Figures with the last-value table and the store that feed them."""

    def __init__(self, world):
        self.world = world
        self.last = LastValues()
        self.figures = self.make()

    def make(self):
        w = self.world
        return Figures(w.plant, w.numbers, w.store, self.last, w.make_accounting(), w.clock)

    def commit(self, batch, *, told=True):
        """As the store does: readers see it, then the last values and the listeners are told."""
        self.world.store.take(batch)
        self.last.take(batch)
        if told:
            self.figures.observe(batch)

    def refresh(self, at_ns=None):
        if at_ns is not None:
            self.world.clock.now_ns = at_ns
        asyncio.run(self.figures.refresh())
        return {row.site: row for row in self.figures.production()}


@pytest.fixture
def live_of(world_of):
    return lambda plant=None, **options: Live(world_of(plant, **options))


def produced_so_far(world):
    rows = asyncio.run(world.make_accounting().compute_day(dt.date(2026, 3, 10)))
    return next(r.volume for r in rows if r.site == "mactaa" and r.figure == "produced")


def test_production_now_of_a_steady_plant(live_of):
    live = live_of()
    w = live.world
    noon = w.ns(*NOON)
    w.records.capacities.replace(
        "mactaa",
        [CapacityRecord("mactaa", "target", 100_000, dt.date(2022, 3, 1), None, None, 1, "config")],
    )
    w.run_all(w.ns(2026, 3, 9, 22), noon + 1)
    live.last.take(w.store.batch)
    row = live.refresh(noon)["mactaa"]
    assert row.flow_m3_per_h == pytest.approx(3000)
    assert row.today_m3 == pytest.approx(12 * 3000, abs=2)
    assert row.projected_today_m3 == pytest.approx(24 * 3000, abs=2)
    assert row.target_m3_per_day == 100_000
    assert row.projected_attainment == pytest.approx(0.72, rel=1e-3)
    assert row.coverage == pytest.approx(1.0, abs=1e-3)
    assert status_of(row.quality) == "good"
    assert live.figures.ready


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10_000))
def test_figures_equal_the_accounting_for_the_same_readings(live_of, seed):
    """Law: fed batch by batch, in any sizes, late ones among them, the day so far is the day so far."""
    live = live_of()
    w = live.world
    rng = np.random.default_rng(seed)
    begin, now = w.ns(2026, 3, 9, 23), w.ns(2026, 3, 10, 3)
    w.run_all(begin, now + 1, step_s=20)
    whole = w.store.batch
    bad = rng.random(len(whole)) < 0.03
    hole = rng.integers(0, 4 * 3600) * NS + begin
    keep = ~((whole.time_ns >= hole) & (whole.time_ns < hole + 700 * NS))
    whole = Batch(
        whole.tag_id,
        whole.time_ns,
        np.where(bad, np.nan, whole.value),
        np.where(bad, BAD | Reason.OUT_OF_RANGE, 0).astype(np.uint8),
    ).where(keep)
    late = rng.random(len(whole)) < 0.01
    arrival = whole.time_ns + np.where(late, rng.integers(60, 1800, len(whole)) * NS, 0)
    w.store.batch = Batch.empty()
    start = w.ns(2026, 3, 10, 0, 30)
    live.commit(whole.where(arrival <= start), told=False)
    live.refresh(start)
    at = start
    while at < now:
        step = int(rng.integers(1, 400)) * NS
        live.commit(whole.where((arrival > at) & (arrival <= at + step)))
        at += step
        live.refresh(at)
    live.commit(whole.where(arrival > at))
    for _ in range(3):
        at += 11 * NS  # late readings are read again at most every ten seconds
        live.refresh(at)
    row = live.refresh(at)["mactaa"]
    volume = produced_so_far(w)
    assert row.today_m3 == pytest.approx(volume.volume_m3, rel=1e-9)
    assert row.coverage == pytest.approx(volume.coverage, abs=1e-9)


def test_a_restart_takes_the_day_up_from_the_store_once(live_of):
    live = live_of()
    w = live.world
    noon = w.ns(*NOON)
    w.run_all(w.ns(2026, 3, 9, 22), noon + 1)
    live.last.take(w.store.batch)
    before = live.refresh(noon)["mactaa"]
    live.figures = live.make()
    reads = w.store.reads
    assert live.refresh(noon)["mactaa"] == before
    first = w.store.reads - reads
    for n in range(5):
        live.refresh(noon + n * NS)
    assert w.store.reads - reads == first


def test_a_new_day_begins_at_zero(live_of):
    live = live_of()
    w = live.world
    midnight = w.ns(2026, 3, 11)
    w.run_all(w.ns(2026, 3, 10, 20), midnight + 1)
    live.last.take(w.store.batch)
    assert live.refresh(midnight - 30 * NS)["mactaa"].today_m3 > 11_000
    more = w.store.batch
    w.run_all(w.ns(2026, 3, 10, 20), midnight + 600 * NS + 1)
    new = w.store.batch.where(w.store.batch.time_ns > more.time_ns.max())
    live.commit(new)
    row = live.refresh(midnight + 600 * NS)["mactaa"]
    assert row.today_m3 == pytest.approx(500, abs=2)


def test_a_lost_device_is_unknown_and_never_zero(live_of):
    live = live_of()
    w = live.world
    noon = w.ns(*NOON)
    w.run_all(w.ns(2026, 3, 9, 22), noon + 1)
    live.last.take(w.store.batch)
    live.refresh(noon)
    tags = list(w.numbers.values())
    lost = Batch.of(
        tags,
        [noon + 5 * NS] * len(tags),
        [np.nan] * len(tags),
        [BAD | Reason.COMM_FAILURE] * len(tags),
    )
    live.commit(lost)
    row = live.refresh(noon + 5 * NS)["mactaa"]
    assert row.flow_m3_per_h is None  # the totalizer's last minutes are not now
    assert row.projected_today_m3 is None
    row = live.refresh(noon + 1800 * NS)["mactaa"]
    assert row.flow_m3_per_h is None
    assert row.projected_today_m3 is None
    assert row.today_m3 == pytest.approx(12 * 3000, abs=2)
    assert row.coverage == pytest.approx(12 / 12.5, abs=0.01)
    assert reason_of(row.quality) == "comm_failure"
    reservoir = live.figures.reservoirs()[0]
    assert reservoir.volume_m3 is None
    assert reservoir.net_flow_m3_per_h is None


def test_an_old_value_is_stale_and_a_very_old_one_is_dead(live_of):
    live = live_of()
    w = live.world
    noon = w.ns(*NOON)
    w.run_all(w.ns(2026, 3, 9, 22), noon + 1)
    live.last.take(w.store.batch)
    row = live.refresh(noon + 200 * NS)["mactaa"]  # scans are due every 60 s
    assert (status_of(row.quality), reason_of(row.quality)) == ("uncertain", "stale")
    row = live.refresh(noon + 3600 * NS)["mactaa"]
    assert (status_of(row.quality), reason_of(row.quality)) == ("bad", "stale")
    assert row.flow_m3_per_h is None


def test_before_the_first_reading_everything_is_unknown(live_of):
    live = live_of()
    row = live.refresh()["mactaa"]
    assert (row.flow_m3_per_h, row.today_m3, row.coverage) == (None, None, 0.0)
    reservoir = live.figures.reservoirs()[0]
    assert reservoir.level_m is None
    assert reservoir.as_of_ns is None
    assert status_of(reservoir.quality) == "bad"


def levels(w, level_at, from_ns, to_ns, basins="12"):
    return concatenate(
        [w.readings(f"araba.level.{n}", from_ns, to_ns, level_at, step_s=30) for n in basins]
    )


def test_a_reservoir_that_falls(live_of):
    """Two basins of 2,500 m² fall 0.2 m/h: net −1,000 m³/h; 3 m of 5,000 m² are usable."""
    live = live_of()
    w = live.world
    noon = w.ns(*NOON)

    def level_at(time_ns):
        return 4.0 - 0.2 * (time_ns - noon) / NS_PER_H

    live.commit(levels(w, level_at, noon - 2 * NS_PER_H, noon + 1))
    live.refresh(noon)
    now = live.figures.reservoirs()[0]
    assert now.level_m == pytest.approx(4.0)
    assert now.volume_m3 == pytest.approx(20_000)
    assert now.usable_m3 == pytest.approx(15_000)
    assert now.fill == pytest.approx(0.4)
    assert now.net_flow_m3_per_h == pytest.approx(-1000, rel=0.05)
    assert now.hours_to_empty == pytest.approx(15, rel=0.05)
    assert now.hours_to_full is None
    assert now.as_of_ns == noon
    assert status_of(now.quality) == "good"


def test_the_net_flow_follows_the_levels_as_they_come(live_of):
    live = live_of()
    w = live.world
    noon = w.ns(*NOON)

    def rising(time_ns):
        return 3.0 + 0.4 * (time_ns - noon) / NS_PER_H

    live.refresh(noon)
    for minute in range(1, 46):
        at = noon + minute * 60 * NS
        live.commit(levels(w, rising, at - 60 * NS, at + 1))
        live.refresh(at)
    now = live.figures.reservoirs()[0]
    assert now.net_flow_m3_per_h == pytest.approx(2000, rel=0.05)
    assert now.hours_to_empty is None
    assert now.hours_to_full == pytest.approx((50_000 - now.volume_m3) / 2000, rel=0.06)


def test_one_totalizer_is_enough_for_the_flow(live_of):
    from pathlib import Path

    live = live_of(load(Path("config/minimal.yaml")).plant)
    w = live.world
    noon = w.ns(*NOON)
    w.run_steadily("outlet.product", 500.0, w.ns(2026, 3, 9, 22), noon + 1, step_s=1)
    live.last.take(w.store.batch)
    row = live.refresh(noon)["outlet"]
    assert row.flow_m3_per_h == pytest.approx(500, rel=0.02)
    assert row.today_m3 == pytest.approx(6000, abs=1)
    assert row.target_m3_per_day is None


def test_the_curve_of_the_running_day_ends_where_the_day_stands(live_of):
    w = live_of().world
    w.run_all(w.ns(2026, 3, 9, 22), w.ns(*NOON) + 1)
    day, points = asyncio.run(w.accounting.curve("mactaa"))
    assert day.date == dt.date(2026, 3, 10)
    assert points[0] == (day.begin_ns, 0.0)
    assert len(points) == 1 + 47 + 1
    assert [m3 for _, m3 in points] == pytest.approx(
        [3000 * (t - day.begin_ns) / NS_PER_H for t, _ in points], abs=3
    )
    closed, whole = asyncio.run(w.accounting.curve("mactaa", dt.date(2026, 3, 9)))
    assert whole[-1][0] == closed.end_ns
    assert asyncio.run(w.accounting.curve("araba"))[1] == []


class FailingReads:
    """The store, which refuses to be read while it is told to."""

    def __init__(self, store, error):
        self.store, self.error, self.refuses = store, error, False

    async def read(self, *given, **named):
        if self.refuses:
            raise self.error
        return await self.store.read(*given, **named)


def test_a_store_that_fails_at_midnight_never_makes_yesterday_today(live_of):
    live = live_of()
    w = live.world
    midnight = w.ns(2026, 3, 11)
    w.run_all(w.ns(2026, 3, 10, 20), midnight + 120 * NS)
    live.last.take(w.store.batch)
    reader = FailingReads(w.store, Unavailable("history"))
    live.figures = Figures(w.plant, w.numbers, reader, live.last, w.make_accounting(), w.clock)
    assert live.refresh(midnight - 30 * NS)["mactaa"].today_m3 > 11_000
    reader.refuses = True
    for second in range(1, 5):
        with pytest.raises(Unavailable):
            live.refresh(midnight + second * NS)
    reader.refuses = False
    assert live.refresh(midnight + 65 * NS)["mactaa"].today_m3 == pytest.approx(50, abs=3)


@pytest.mark.parametrize("error", [Unavailable("history"), ZeroDivisionError("a fault of ours")])
def test_figures_that_cannot_be_renewed_are_stale_and_come_back(live_of, error):
    live = live_of()
    w = live.world
    noon = w.ns(*NOON)
    w.run_all(w.ns(2026, 3, 9, 22), noon + 1)
    live.last.take(w.store.batch)
    reader = FailingReads(w.store, error)
    figures = Figures(w.plant, w.numbers, reader, live.last, w.make_accounting(), w.clock)
    w.clock.now_ns = noon

    async def quality_after(change):
        change()
        for _ in range(100):
            await asyncio.sleep(0.02)
            if figures.ready is not reader.refuses:
                break
        return [(row.quality, row.today_m3) for row in figures.production()]

    def fail():
        reader.refuses = True
        figures.begin_again()

    async def course():
        running = asyncio.create_task(figures.run())
        good = await quality_after(lambda: None)
        stale = await quality_after(fail)
        again = await quality_after(lambda: setattr(reader, "refuses", False))
        assert not running.done()
        running.cancel()
        await asyncio.wait([running])
        return good, stale, again

    good, stale, again = asyncio.run(course())
    assert [status_of(quality) for quality, _ in good] == ["good"]
    assert [(status_of(q), reason_of(q)) for q, _ in stale] == [("uncertain", "stale")]
    assert again == good


def test_a_last_value_from_the_future_is_not_shown_as_good(live_of):
    live = live_of()
    w = live.world
    noon = w.ns(*NOON)
    w.run_all(w.ns(2026, 3, 9, 22), noon + 1)
    live.last.take(w.store.batch)
    row = live.refresh(noon - 1800 * NS)["mactaa"]  # the clock was set back by half an hour
    assert (status_of(row.quality), reason_of(row.quality)) == ("uncertain", "clock_skew")
