"""What the calendar starts: when, once, after a restart, in spite of failures, and until it stops."""

import asyncio
import datetime as dt
import time
from dataclasses import replace

import pytest

from config.resolving import calendar
from jobs.calendar import Jobs
from jobs.closing import MOST_DAYS, Closing
from jobs.errors import UnknownJob
from jobs.spans import dates_of, key_of, runs
from jobs.triggers import AfterDayTrigger, EveryTrigger, fires_between
from storage.embedded import open_store
from storage.errors import Unavailable
from storage.records import JobRun
from water.output import Figure, Status

DAY = dt.date(2026, 3, 9)
NS = 1_000_000_000


def utc(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC)


def jobs_of(world, upkeep, **options):
    """Of a process that has just started, so with an accounting of its own."""
    world.accounting = world.make_accounting()
    return Jobs(
        world.plant, world.accounting, upkeep, world.records.job_runs, world.clock, **options
    )


def state_of(jobs, id_):
    return next(state for state in jobs.states() if state.id == id_)


async def until(what, timeout_s=20.0):
    async with asyncio.timeout(timeout_s):
        while not what():  # noqa: ASYNC110 - what is awaited is a state on disk, nobody tells of it
            await asyncio.sleep(0.02)


def statuses(world, date=DAY):
    rows = world.records.outputs.read(date, date, site="mactaa", figures=[Figure.PRODUCED])
    return [row.status.value for row in rows]


# --- when


def test_a_day_is_closed_after_its_own_end_whatever_the_clocks_do(world_of):
    days = calendar(world_of(time_zone="Europe/Rome").plant)
    trigger = AfterDayTrigger(days, 60)
    at = utc(2026, 3, 27, 12)
    fired = []
    for _ in range(4):
        at = trigger.get_next_fire_time(at, at)
        fired.append(at)
    assert fired == [
        utc(2026, 3, 27, 23, 1),
        utc(2026, 3, 28, 23, 1),
        utc(2026, 3, 29, 22, 1),  # summer time began: a day of 23 h
        utc(2026, 3, 30, 22, 1),
    ]


def test_a_production_day_that_begins_in_the_morning(world_of):
    days = calendar(world_of(start="06:00").plant)
    trigger = AfterDayTrigger(days, 60)
    assert trigger.get_next_fire_time(None, utc(2026, 3, 10, 4)) == utc(2026, 3, 10, 5, 1)
    assert trigger.get_next_fire_time(None, utc(2026, 3, 10, 5, 1)) == utc(2026, 3, 11, 5, 1)


def test_a_clock_set_back_does_not_fire_twice(world):
    trigger = AfterDayTrigger(calendar(world.plant), 60)
    fired = utc(2026, 3, 9, 23, 1)
    assert trigger.get_next_fire_time(fired, utc(2026, 3, 9, 22, 59)) == utc(2026, 3, 10, 23, 1)


def test_twice_after_every_full_hour():
    trigger = EveryTrigger(3600, 30, 90)
    at, fired = utc(2026, 3, 10, 5), []
    for _ in range(4):
        at = trigger.get_next_fire_time(at, at)
        fired.append((at.hour, at.minute, at.second))
    assert fired == [(5, 0, 30), (5, 1, 30), (6, 0, 30), (6, 1, 30)]


def test_what_was_due_meanwhile_is_counted():
    trigger = EveryTrigger(3600)
    due = round(utc(2026, 3, 10, 5).timestamp()) * NS
    assert fires_between(trigger, due, due + 3600 * NS - 1) == 0
    assert fires_between(trigger, due, due + 3 * 3600 * NS) == 3


def test_dates_in_the_ledger():
    one = dt.timedelta(days=1)
    dates = [DAY, DAY + one, DAY + 3 * one]
    keys = [key_of(first, last) for first, last in runs(dates)]
    assert keys == ["2026-03-09/2026-03-10", "2026-03-12"]
    assert dates_of(keys) == set(dates)


# --- what


def test_days_never_closed_are_closed_at_the_start_and_only_once(world, upkeep_of):
    """The process was down from the 7th to the noon of the 10th; readings begin on the 5th."""
    world.run_all(world.ns(2026, 3, 5, 10), world.ns(2026, 3, 10, 12), step_s=600)
    world.clock.put(world.time(2026, 3, 7, 0, 5))

    async def life():
        jobs = jobs_of(world, upkeep_of(world), settle_s=60)
        await jobs.start()
        await until(lambda: all(s.outcome == "done" for s in jobs.states()))
        await jobs.stop()
        return jobs

    first = asyncio.run(life())
    assert dates_of(world.records.job_runs.done("close_day")) == {
        dt.date(2026, 3, 5),
        dt.date(2026, 3, 6),
    }
    assert statuses(world, dt.date(2026, 3, 5)) == ["final"]
    assert statuses(world, dt.date(2026, 3, 6)) == ["provisional"]
    assert state_of(first, "close_day").missed == 1

    world.clock.put(world.time(2026, 3, 10, 12))
    second = asyncio.run(life())
    closed = dates_of(world.records.job_runs.done("close_day"))
    assert closed == {dt.date(2026, 3, day) for day in range(5, 10)}
    assert [statuses(world, dt.date(2026, 3, day)) for day in range(6, 10)] == [["final"]] * 4
    assert state_of(second, "close_day").missed == 3

    third = asyncio.run(life())
    assert state_of(third, "close_day").detail.startswith("0 days")
    assert len(world.records.outputs.revisions("mactaa", dt.date(2026, 3, 9))) == 8


def test_nothing_is_closed_where_there_are_no_readings(world, upkeep_of):
    asyncio.run(jobs_of(world, upkeep_of(world)).run_now("close_day"))
    assert world.records.job_runs.done("close_day") == frozenset()


def test_a_day_is_closed_only_when_its_last_readings_had_time_to_come(world, upkeep_of):
    world.run_all(world.ns(2026, 3, 9), world.ns(2026, 3, 10, 1), step_s=600)
    jobs = jobs_of(world, upkeep_of(world), settle_s=60)
    world.clock.put(world.time(2026, 3, 10, 0, 0, 59))
    asyncio.run(jobs.run_now("close_day"))
    assert statuses(world) == []
    world.clock.put(world.time(2026, 3, 10, 0, 1))
    asyncio.run(jobs.run_now("close_day"))
    assert statuses(world) == ["provisional"]


def test_a_failing_job_is_shown_and_the_others_go_on(world, upkeep_of):
    world.run_all(world.ns(2026, 3, 9), world.ns(2026, 3, 10, 12), step_s=600)
    upkeep = upkeep_of(world)
    upkeep.failing = Unavailable("the disk")

    async def life():
        jobs = jobs_of(world, upkeep)
        await jobs.start()
        await until(lambda: all(s.outcome for s in jobs.states()))
        states = {s.id: s for s in jobs.states()}
        await jobs.stop()
        return states

    states = asyncio.run(life())
    assert states["seal"].outcome == "failed"
    assert states["seal"].detail == "Unavailable: the disk is not available now"
    soon_ns = states["seal"].next_run_ns - states["seal"].last_run_ns
    assert states["seal"].next_run_ns < (time.time() + 20) * NS, soon_ns
    assert {states[id_].outcome for id_ in ("close_day", "finalise_day", "retain")} == {"done"}
    assert statuses(world) == ["final"]
    assert [r.outcome for r in world.records.job_runs.latest() if r.job == "seal"] == ["failed"]


def test_a_job_that_still_runs_is_not_started_again(world, upkeep_of):
    upkeep = upkeep_of(world)

    async def life():
        upkeep.hold = asyncio.Event()
        jobs = jobs_of(world, upkeep)
        await jobs.start()
        await until(lambda: state_of(jobs, "seal").running)
        jobs._scheduler.modify_job("seal", next_run_time=dt.datetime.now(dt.UTC))
        await until(lambda: state_of(jobs, "seal").overlapped)
        during = state_of(jobs, "seal")
        upkeep.hold.set()
        await until(lambda: not state_of(jobs, "seal").running)
        await jobs.stop()
        return during, state_of(jobs, "seal")

    during, after = asyncio.run(life())
    assert (during.running, during.overlapped, during.runs) == (True, 1, 1)
    assert (after.outcome, after.runs) == ("done", 1)
    assert len(upkeep.sealed) == 1


def test_a_job_asked_for_while_it_runs_is_run_once_more(world, upkeep_of):
    upkeep = upkeep_of(world)

    async def life():
        upkeep.hold = asyncio.Event()
        jobs = jobs_of(world, upkeep)
        await jobs.start()
        await until(lambda: state_of(jobs, "seal").running)
        asyncio.get_running_loop().call_later(0.1, upkeep.hold.set)
        state = await jobs.run_now("seal")
        await jobs.stop()
        return state

    state = asyncio.run(life())
    assert (state.runs, state.outcome, state.overlapped, len(upkeep.sealed)) == (2, "done", 0, 2)


def test_stopping_waits_for_what_runs_and_no_longer_than_it_may(world, upkeep_of):
    async def life(opens):
        upkeep = upkeep_of(world)
        upkeep.hold = asyncio.Event()
        jobs = jobs_of(world, upkeep)
        await jobs.start()
        await until(lambda: state_of(jobs, "seal").running)
        if opens:
            asyncio.get_running_loop().call_later(0.1, upkeep.hold.set)
        begun = time.monotonic()
        await jobs.stop(timeout_s=0.5)
        assert time.monotonic() - begun < 5
        await jobs.stop()
        return state_of(jobs, "seal"), len(asyncio.all_tasks())

    waited, tasks = asyncio.run(life(opens=True))
    assert (waited.outcome, waited.running, tasks) == ("done", False, 1)
    cut, tasks = asyncio.run(life(opens=False))
    assert (cut.outcome, cut.running, tasks) == ("interrupted", False, 1)


def test_a_run_that_a_crash_cut_off_is_shown(world, upkeep_of):
    world.records.job_runs.record(JobRun("seal", "x", 5 * NS, None, None))

    async def life():
        upkeep = upkeep_of(world)
        upkeep.hold = asyncio.Event()
        jobs = jobs_of(world, upkeep)
        before = asyncio.create_task(jobs.start())
        await before
        state = state_of(jobs, "seal")
        await jobs.stop(timeout_s=0.05)
        return state

    state = asyncio.run(life())
    assert (state.outcome, state.last_run_ns) == ("interrupted", 5 * NS)


def test_an_unknown_job_is_named(world, upkeep_of):
    with pytest.raises(UnknownJob, match="close_day"):
        asyncio.run(jobs_of(world, upkeep_of(world)).run_now("brew_coffee"))


def test_a_day_that_ends_now_is_closed_by_the_clock_itself(world_of, upkeep_of):
    """The plant's day begins two seconds from now: the scheduler closes the one before by itself."""
    soon = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(seconds=3)
    world = world_of(time_zone="UTC", start=soon.strftime("%H:%M:%S"))
    end_ns = round(soon.timestamp()) * NS
    world.run_all(end_ns - 3600 * NS, end_ns + 60 * NS)
    world.clock = time.time_ns

    async def life():
        jobs = jobs_of(world, upkeep_of(world), settle_s=0.2)
        await jobs.start()
        await until(lambda: all(s.outcome for s in jobs.states()))
        assert world.records.job_runs.done("close_day") == frozenset()
        await until(lambda: world.records.job_runs.done("close_day"))
        await jobs.stop()

    asyncio.run(life())
    date = (soon - dt.timedelta(days=1)).date()
    assert dates_of(world.records.job_runs.done("close_day")) == {date}


# --- late data, with the real store


def test_late_readings_correct_their_final_day(world, tmp_path):
    """Ten hours of one train's flow come a day late, into the store on disk."""
    world.run_all(world.ns(2026, 3, 8, 22), world.ns(2026, 3, 10, 12), step_s=60)
    whole = world.store.batch
    own = whole.tag_id == world.numbers["mactaa.train.2.flow"]
    lost = (
        own
        & (whole.time_ns >= world.ns(2026, 3, 9, 5))
        & (whole.time_ns < world.ns(2026, 3, 9, 15))
    )

    async def life():
        retention = world.plant.store.retention
        async with open_store(tmp_path / "data", retention, clock=world.clock) as store:
            numbers = store.number(list(world.plant.tags))
            assert dict(numbers) == world.numbers
            world.store = store
            jobs = jobs_of(world, store, late_wait_s=0.1)
            store.on_late(jobs.late_readings)
            await store.append(whole.where(~lost))
            await jobs.start()
            await until(lambda: statuses(world) == ["final"])
            await until(lambda: not any(s.running for s in jobs.states()))
            asked_ns = world.clock()
            world.clock.put(world.time(2026, 3, 10, 12, 30))
            await store.append(whole.where(lost))
            await until(lambda: "2026-03-09" in world.records.job_runs.done("recompute"))
            await jobs.stop()
            return asked_ns

    asked_ns = asyncio.run(life())

    def trains(as_of_ns=None):
        return world.records.outputs.read(
            DAY, DAY, site="mactaa", figures=[Figure.TRAINS], as_of_ns=as_of_ns
        )[0]

    assert trains().status is Status.CORRECTED
    assert trains().volume.volume_m3 == pytest.approx(24 * 7000, abs=2)
    assert trains(asked_ns).status is Status.FINAL
    assert trains(asked_ns).volume.coverage < 0.7
    assert world.records.job_runs.unfinished("recompute") == []


def test_late_days_that_a_crash_cut_off_are_computed_after_the_restart(world, upkeep_of):
    world.run_all(world.ns(2026, 3, 8, 22), world.ns(2026, 3, 10, 12))
    whole = world.store.batch
    own = whole.tag_id == world.numbers["mactaa.train.2.flow"]
    world.store.batch = whole.where(~own)

    async def first():
        jobs = jobs_of(world, upkeep_of(world), late_wait_s=3600)
        await jobs.start()
        await until(lambda: statuses(world) == ["final"])
        await until(lambda: not any(s.running for s in jobs.states()))
        world.store.batch = whole
        jobs.late_readings(whole.tag_id[own], world.ns(2026, 3, 9, 1), world.ns(2026, 3, 9, 20))
        await until(lambda: world.records.job_runs.unfinished("recompute"))
        # and the process is killed here: nothing is stopped in order
        jobs._scheduler.shutdown(wait=False)
        await asyncio.sleep(0)

    async def second():
        jobs = jobs_of(world, upkeep_of(world))
        await jobs.start()
        await until(lambda: not world.records.job_runs.unfinished("recompute"))
        await jobs.stop()

    asyncio.run(first())
    asyncio.run(second())
    rows = world.records.outputs.read(DAY, DAY, site="mactaa", figures=[Figure.TRAINS])
    assert rows[0].status is Status.CORRECTED
    assert rows[0].volume.volume_m3 == pytest.approx(24 * 7000, abs=2)


def test_late_readings_of_other_tags_start_nothing(world, upkeep_of):
    async def life():
        jobs = jobs_of(world, upkeep_of(world), late_wait_s=0.01)
        await jobs.start()
        await until(lambda: all(s.outcome for s in jobs.states()))
        before = [replace(s, next_run_ns=None) for s in jobs.states()]
        level = world.numbers["araba.level.1"]
        jobs.late_readings(
            world.readings("araba.level.1", 0, 1, lambda t: t * 0.0).tag_id, 0, 60 * NS
        )
        assert level not in world.accounting.meter_tags
        await asyncio.sleep(0.1)
        after = [replace(s, next_run_ns=None) for s in jobs.states()]
        await jobs.stop()
        return before, after

    before, after = asyncio.run(life())
    assert before == after


def test_one_reading_of_1970_does_not_close_fifty_years(world):
    """A machine without a battery for its clock starts there, before it asks a time server."""
    made = Closing(
        world.accounting, world.records.job_runs, lambda: 86_400 * NS, world.clock, settle_s=60
    )
    assert len(made._days(world.clock())) == MOST_DAYS
    assert len(made.note_late(86_400 * NS, 2 * 86_400 * NS)) == 0
    assert len(made.note_late(86_400 * NS, world.clock())) <= MOST_DAYS
