"""Days closed, computed again, answered: figures apart, late data with as_of, days of 23 and 25 h."""

import asyncio
import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.loading import load
from jobs.errors import DayNotOver
from water.batch import Batch
from water.output import Figure, Status
from water.revision import same_volume

DAY = dt.date(2026, 3, 9)
NS_PER_H = 3_600_000_000_000


def by_part(rows):
    return {(r.site, r.figure.value, r.part): r.volume for r in rows}


def test_every_figure_of_a_day_stands_apart(world):
    world.run_all(world.ns(2026, 3, 8, 22), world.ns(2026, 3, 10, 2))
    rows = asyncio.run(world.accounting.compute_day(DAY))
    m3 = {key: round(v.volume_m3) for key, v in by_part(rows).items()}
    assert m3 == {
        ("mactaa", "produced", ""): 24 * (1000 + 2000),
        ("mactaa", "delivered", "oran"): 24 * 1000,
        ("mactaa", "delivered", "mascara"): 24 * 2000,
        ("mactaa", "trains", ""): 24 * (3000 + 4000),
        ("mactaa", "meter", "mactaa.out.oran"): 24 * 1000,
        ("mactaa", "meter", "mactaa.out.mascara"): 24 * 2000,
        ("mactaa", "meter", "mactaa.train.1"): 24 * 3000,
        ("mactaa", "meter", "mactaa.train.2"): 24 * 4000,
        ("araba", "delivered", "oran"): 24 * 5000,
        ("araba", "meter", "araba.custody"): 24 * 5000,
        ("araba", "meter", "araba.in"): 24 * 6000,
        ("araba", "meter", "araba.out"): 24 * 7000,
    }


def test_trains_are_compared_with_the_header(world):
    world.run_all(world.ns(2026, 3, 8, 22), world.ns(2026, 3, 10, 2))
    rows = by_part(asyncio.run(world.accounting.compute_day(DAY)))
    trains = rows["mactaa", "trains", ""]
    assert trains.cross_check_m3 == rows["mactaa", "produced", ""].volume_m3
    assert trains.disagreement == pytest.approx((7000 - 3000) / 7000, rel=1e-3)


def test_a_silent_meter_makes_its_sum_unknown_and_no_other(world):
    flows = world.run_all(world.ns(2026, 3, 8, 22), world.ns(2026, 3, 10, 2))
    lost = [world.numbers[f"mactaa.out.mascara.{t}"] for t in ("totalizer", "flow")]
    world.store.batch = world.store.batch.where(~np.isin(world.store.batch.tag_id, lost))
    rows = by_part(asyncio.run(world.accounting.compute_day(DAY)))
    assert rows["mactaa", "produced", ""].volume_m3 is None
    assert rows["mactaa", "delivered", "mascara"].volume_m3 is None
    oran = rows["mactaa", "delivered", "oran"].volume_m3
    assert oran == pytest.approx(24 * flows["mactaa.out.oran"], abs=1)


def test_one_outlet_totalizer_is_enough(world_of):
    world = world_of(load(Path("config/minimal.yaml")).plant)
    world.run_steadily("outlet.product", 500.0, world.ns(2026, 3, 8, 22), world.ns(2026, 3, 10, 2))
    rows = by_part(asyncio.run(world.accounting.close_day(DAY)))
    assert rows["outlet", "produced", ""].volume_m3 == pytest.approx(12_000, abs=1)
    assert rows["outlet", "produced", ""].method == "totalizer"
    assert set(rows) == {("outlet", "produced", ""), ("outlet", "meter", "outlet.product")}


def test_a_day_without_data_is_recorded_as_unknown(world):
    rows = asyncio.run(world.accounting.close_day(DAY))
    assert len(rows) == 12
    assert {(r.volume.volume_m3, r.volume.coverage) for r in rows} == {(None, 0.0)}


def test_a_running_day_cannot_be_closed(world):
    with pytest.raises(DayNotOver):
        asyncio.run(world.accounting.close_day(dt.date(2026, 3, 10)))


def test_a_day_is_provisional_then_final_and_never_the_same_twice(world):
    world.run_all(world.ns(2026, 3, 8, 22), world.ns(2026, 3, 10, 2))
    world.clock.put(world.time(2026, 3, 10, 0, 2))
    first = asyncio.run(world.accounting.close_day(DAY))
    assert {r.status for r in first} == {Status.PROVISIONAL}
    assert asyncio.run(world.accounting.close_day(DAY)) == []
    world.clock.put(world.time(2026, 3, 10, 6, 2))
    second = asyncio.run(world.accounting.close_day(DAY))
    assert {(r.status, r.revision) for r in second} == {(Status.FINAL, 2)}
    assert asyncio.run(world.accounting.recompute([DAY])) == []


def test_late_data_after_the_day_is_final_correct_it_and_as_of_tells_the_earlier_answer(world):
    """Ten hours of one flow meter arrive a day late."""
    world.run_all(world.ns(2026, 3, 8, 22), world.ns(2026, 3, 10, 14))
    tag = world.numbers["mactaa.train.2.flow"]
    whole = world.store.batch
    lost = (whole.tag_id == tag) & (whole.time_ns >= world.ns(2026, 3, 9, 5))
    lost &= whole.time_ns < world.ns(2026, 3, 9, 15)
    world.store.batch = whole.where(~lost)
    asyncio.run(world.accounting.close_day(DAY))
    before = asyncio.run(
        world.accounting.day_rows(DAY, DAY, site="mactaa", figures=[Figure.TRAINS])
    )
    asked_ns = world.clock()
    assert before[0].status is Status.FINAL
    assert before[0].volume.coverage < 0.7

    world.clock.put(world.time(2026, 3, 10, 13))
    world.store.take(whole.where(lost))
    changed = asyncio.run(world.accounting.recompute([DAY]))
    assert {(r.figure.value, r.part) for r in changed} == {
        ("trains", ""),
        ("meter", "mactaa.train.2"),
    }
    assert {(r.status, r.revision, r.reason) for r in changed} == {
        (Status.CORRECTED, 2, "late data")
    }

    def trains(as_of_ns=None):
        rows = world.accounting.day_rows(DAY, DAY, as_of_ns, site="mactaa", figures=[Figure.TRAINS])
        return asyncio.run(rows)

    assert trains()[0].volume.volume_m3 == pytest.approx(24 * 7000, abs=2)
    assert trains(asked_ns) == before


def test_the_running_day_is_computed_live(world):
    world.run_all(world.ns(2026, 3, 8, 22), world.ns(2026, 3, 10, 12))
    asyncio.run(world.accounting.close_day(DAY))
    rows = asyncio.run(
        world.accounting.day_rows(
            DAY, dt.date(2026, 3, 11), site="mactaa", figures=[Figure.PRODUCED]
        )
    )
    assert [(r.date.day, r.status.value, r.revision) for r in rows] == [
        (9, "final", 1),
        (10, "provisional", 0),
    ]
    assert rows[1].volume.volume_m3 == pytest.approx(12 * 3000, rel=2e-3)
    assert rows[1].volume.coverage == pytest.approx(1.0, abs=0.01)


def test_yesterday_is_answered_before_it_is_closed(world):
    world.run_all(world.ns(2026, 3, 8, 22), world.ns(2026, 3, 10, 1))
    world.clock.put(world.time(2026, 3, 10, 0, 0, 30))
    rows = asyncio.run(world.accounting.day_rows(DAY, DAY, figures=[Figure.PRODUCED]))
    assert [(r.date, r.status.value, r.revision) for r in rows] == [(DAY, "provisional", 0)]


def test_silence_lowers_the_coverage_of_the_running_day(world):
    world.run_all(world.ns(2026, 3, 9, 22), world.ns(2026, 3, 10, 6))
    rows = by_part(asyncio.run(world.accounting.compute_day(dt.date(2026, 3, 10))))
    produced = rows["mactaa", "produced", ""]
    assert produced.volume_m3 == pytest.approx(6 * 3000, rel=5e-3)
    assert produced.coverage == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("date", "hours"),
    [
        (dt.date(2026, 3, 29), 23),
        (dt.date(2026, 10, 25), 25),
        (dt.date(2026, 3, 30), 24),
    ],
)
def test_days_of_a_zone_with_summer_time_have_their_own_length(world_of, date, hours):
    world = world_of(time_zone="Europe/Rome")
    noon = dt.datetime.combine(date, dt.time(12), world.zone)
    from_ns = round((noon - dt.timedelta(days=2)).timestamp()) * 10**9
    world.run_steadily("araba.custody", 1000.0, from_ns, from_ns + 96 * NS_PER_H)
    world.clock.put(noon + dt.timedelta(days=3))
    rows = by_part(asyncio.run(world.accounting.close_day(date)))
    custody = rows["araba", "delivered", "oran"]
    assert custody.volume_m3 == pytest.approx(1000 * hours, abs=1)
    assert custody.coverage == pytest.approx(1.0, abs=0.001)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10_000), days=st.integers(2, 9))
def test_a_day_alone_and_a_day_out_of_many_are_the_same(world_of, seed, days):
    """Law: the bulk pass says of each day what the day says when it is computed alone."""
    world = world_of()
    rng = np.random.default_rng(seed)
    first = DAY - dt.timedelta(days=days)
    from_ns = world.accounting.calendar.day(first).begin_ns - NS_PER_H
    world.run_all(from_ns, from_ns + days * 24 * NS_PER_H, step_s=900)
    whole = world.store.batch
    quality = np.where(rng.random(len(whole)) < 0.1, 0x80, 0).astype(np.uint8)
    noisy = Batch(whole.tag_id, whole.time_ns, whole.value, quality)
    holes = rng.random(len(noisy)) < 0.2
    for begin_h in rng.integers(0, days * 24, 3):
        begin_ns = from_ns + int(begin_h) * NS_PER_H
        holes |= (noisy.time_ns >= begin_ns) & (noisy.time_ns < begin_ns + 5 * NS_PER_H)
    world.store.batch = noisy.where(~holes)
    dates = [first + dt.timedelta(days=n) for n in range(days)]
    many = asyncio.run(world.accounting.record_days(dates))
    alone = [row for date in dates for row in asyncio.run(world.accounting.compute_day(date))]
    assert len(many) == len(alone)
    for one, other in zip(many, alone, strict=True):
        assert replace(one, revision=0) == replace(other) or same_volume(one.volume, other.volume)
    assert asyncio.run(world.accounting.recompute(dates)) == []


def recorded(world, date, meter="mactaa.out.oran"):
    rows = world.records.outputs.read(date, date, figures=[Figure.METER])
    return next(row for row in rows if row.part == meter)


def test_days_that_ended_in_an_outage_are_corrected_when_the_totalizer_is_back(world):
    """Lost on the 6th at noon, back on the 9th at noon: the days between were closed as unknown."""
    lost, back, now = (world.ns(2026, 3, *at) for at in ((6, 12), (9, 12), (10, 12)))
    whole = world.run_steadily("mactaa.out.oran", 1000, world.ns(2026, 3, 5), now)
    world.store.batch = whole.where(whole.time_ns < lost)
    days = [dt.date(2026, 3, day) for day in (6, 7, 8)]
    world.clock.now_ns = back
    asyncio.run(world.accounting.record_days(days))
    assert recorded(world, days[1]).volume.volume_m3 is None
    assert asyncio.run(world.accounting.bridge()) == (0, 0)

    world.store.take(whole.where(whole.time_ns >= back))
    world.clock.now_ns = back + 600 * 10**9
    days_again, _ = asyncio.run(world.accounting.bridge())
    assert days_again == 3
    for date in days:
        row = recorded(world, date)
        assert row.volume.volume_m3 == pytest.approx(24_000, abs=1)
        assert row.volume.boundary_ok is False
        assert row.status is (Status.CORRECTED if date == days[0] else row.status)
    assert recorded(world, days[1]).volume.method == "estimated"
    assert asyncio.run(world.accounting.bridge()) == (0, 0)


def test_a_final_figure_outlives_the_readings_it_was_made_of(world):
    """Retention has dropped the raw day when one late reading of it comes."""
    world.run_all(world.ns(2026, 3, 8, 22), world.ns(2026, 3, 10, 12))
    date = dt.date(2026, 3, 9)
    asyncio.run(world.accounting.close_day(date))
    before = recorded(world, date)
    assert before.status is Status.FINAL
    world.store.batch = world.store.batch.where(world.store.batch.time_ns > world.ns(2026, 3, 9, 1))
    asyncio.run(world.accounting.recompute([date]))
    assert recorded(world, date) == before
    world.store.batch = world.store.batch.where(
        world.store.batch.time_ns > world.ns(2026, 3, 10, 1)
    )
    asyncio.run(world.accounting.recompute([date]))
    assert recorded(world, date) == before


def test_a_provisional_figure_becomes_final_as_it_was_when_its_readings_are_gone(world):
    world.run_all(world.ns(2026, 3, 8, 22), world.ns(2026, 3, 10, 12))
    world.clock.now_ns = world.ns(2026, 3, 10, 0, 5)
    asyncio.run(world.accounting.close_day(DAY))
    before = recorded(world, DAY)
    world.store.batch = world.store.batch.where(
        world.store.batch.time_ns > world.ns(2026, 3, 9, 20)
    )
    world.clock.now_ns = world.ns(2026, 3, 10, 7)
    asyncio.run(world.accounting.close_day(DAY))
    after = recorded(world, DAY)
    assert (before.status, after.status) == (Status.PROVISIONAL, Status.FINAL)
    assert after.volume == before.volume
