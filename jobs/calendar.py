"""What the calendar starts: closing and sealing days, retention. One scheduler, owned here.

Every job is idempotent, keyed by production date where it has one, and catches up from the ledger
what was due while nothing ran. The clock that schedules is the machine's; what a job does with the
time it takes from the clock that it was handed.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence

import structlog
from apscheduler.events import EVENT_JOB_MAX_INSTANCES, JobSubmissionEvent
from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from numpy import int32, isin
from numpy.typing import NDArray

from config.plant import Plant
from jobs.accounting import Accounting
from jobs.clock import NS_PER_S, Clock
from jobs.closing import BRIDGE, CLOSE, DONE, FAILED, FINALISE, RECOMPUTE, Closed, Closing
from jobs.errors import UnknownJob
from jobs.running import Course, Job, JobState
from jobs.triggers import AfterDayTrigger, EveryTrigger, fires_between
from storage.errors import StorageError
from storage.records import JobRun, JobRuns
from storage.series import SeriesUpkeep

log = structlog.get_logger(__name__)

SETTLE_S = 60.0
LATE_WAIT_S = 20.0
"""late readings come in bursts: their days are computed once for all of them"""
STOP_S = 2.0
_RETRY_S = (15.0, 60.0, 300.0, 900.0)
_HOUR_S = 3600.0
_SEAL_AT_S = (30.0, 90.0)
"""after the full hour; the second time for readings that were under way"""
_RETAIN_EVERY_S = 900.0
_BRIDGE_EVERY_S = 900.0
_NOTE = "note_late"


class Jobs:
    """Starts the jobs of one plant and tells how they go.

    settle_s : how long after its end a production day is closed
    late_wait_s : how long late readings wait for more of their kind
    """

    def __init__(
        self,
        plant: Plant,
        accounting: Accounting,
        upkeep: SeriesUpkeep,
        ledger: JobRuns,
        clock: Clock,
        *,
        settle_s: float = SETTLE_S,
        late_wait_s: float = LATE_WAIT_S,
    ) -> None:
        self._accounting = accounting
        self._upkeep = upkeep
        self._ledger = ledger
        self._clock = clock
        self._late_wait = dt.timedelta(seconds=late_wait_s)
        self._noted: set[dt.date] = set()
        self._closing = Closing(
            accounting, ledger, lambda: upkeep.condition().oldest_ns, clock, settle_s
        )
        window_s = plant.plant.late_data_window_s
        calendar = accounting.calendar
        jobs = (
            Job(CLOSE, AfterDayTrigger(calendar, settle_s), self._closing.close_due, ledger=False),
            Job(
                FINALISE,
                AfterDayTrigger(calendar, window_s + settle_s),
                self._closing.finalise_due,
                ledger=False,
            ),
            Job(RECOMPUTE, None, self._recompute, ledger=False),
            Job(BRIDGE, EveryTrigger(_BRIDGE_EVERY_S), self._closing.bridge, ledger=False),
            Job("seal", EveryTrigger(_HOUR_S, *_SEAL_AT_S), self._seal),
            Job("retain", EveryTrigger(_RETAIN_EVERY_S), self._retain),
        )
        self._jobs = {job.id: job for job in jobs}
        self._courses = {job.id: Course() for job in jobs}
        self._tasks: dict[str, asyncio.Task[object]] = {}
        self._scheduler = AsyncIOScheduler(
            timezone=dt.UTC,
            executors={"default": AsyncIOExecutor()},
            jobstores={"default": MemoryJobStore()},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

    async def start(self) -> None:
        """Recall the ledger, start the calendar; what is due since we were last here runs at once."""
        for run in await asyncio.to_thread(self._ledger.latest):
            if run.job in self._courses:
                self._courses[run.job].recall(run)
        await self._closing.remember_unfinished()
        self._scheduler.add_listener(self._left_to_running, EVENT_JOB_MAX_INSTANCES)
        for job in self._jobs.values():
            self._scheduler.add_job(
                self._start_job,
                job.trigger if job.trigger is not None else "date",
                args=(job.id,),
                id=job.id,
                next_run_time=dt.datetime.now(dt.UTC),
            )
        self._scheduler.start()

    async def stop(self, timeout_s: float = STOP_S) -> None:
        """Start nothing more, give what runs ``timeout_s`` to end, then cancel it."""
        if not self._scheduler.running:
            return
        self._scheduler.pause()
        waiting = set(self._tasks.values())
        if waiting:
            _, unfinished = await asyncio.wait(waiting, timeout=timeout_s)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
        # The scheduler cannot wait for coroutines, and ends itself in the loop's next turn.
        self._scheduler.shutdown(wait=False)
        await asyncio.sleep(0)

    def states(self) -> Sequence[JobState]:
        return [self._courses[id_].state(id_, self._next_run_ns(id_)) for id_ in self._jobs]

    def late_readings(self, tag_ids: NDArray[int32], earliest_ns: int, latest_ns: int) -> None:
        """For the store to call: committed readings reached back in time (``LateReadings``)."""
        if not isin(tag_ids, self._accounting.meter_tags).any():
            return
        self._noted |= self._closing.note_late(earliest_ns, latest_ns)
        if not self._noted or not self._scheduler.running:
            return
        self._scheduler.add_job(self._keep_noted, id=_NOTE, replace_existing=True)
        if self._next_run_ns(RECOMPUTE) is None:
            self._start_at(RECOMPUTE, dt.datetime.now(dt.UTC) + self._late_wait)

    async def run_now(self, id_: str) -> JobState:
        """Run a job and wait for its end; where it runs already, run it once more after that.

        Raises: UnknownJob.
        """
        if id_ not in self._jobs:
            raise UnknownJob(id_, tuple(self._jobs))
        while (running := self._tasks.get(id_)) is not None:
            await asyncio.wait({running})
        await self._start_job(id_)
        return self._courses[id_].state(id_, self._next_run_ns(id_))

    async def _start_job(self, id_: str) -> None:
        course = self._courses[id_]
        if course.running:
            course.overlapped += 1
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks[id_] = task
        self._count_missed(id_)
        course.begin(self._clock())
        try:
            await self._run(self._jobs[id_], course)
        finally:
            if course.running:
                course.end(self._clock(), "interrupted", "")
            del self._tasks[id_]

    async def _run(self, job: Job, course: Course) -> None:
        try:
            done = await job.work()
        except Exception as err:  # noqa: BLE001 - whatever a job fails with is shown; others go on
            detail = f"{type(err).__name__}: {err}"
            course.end(self._clock(), FAILED, detail)
            wait_s = _RETRY_S[min(course.failures_in_a_row, len(_RETRY_S)) - 1]
            log.warning("job failed", job=job.id, error=detail, again_in_s=wait_s)
            await self._enter(job, course)
            self._retry(job.id, wait_s)
            return
        if isinstance(done, Closed):
            course.missed += done.missed
        course.end(self._clock(), DONE, "" if done is None else str(done))
        if job.ledger:
            await self._enter(job, course)

    async def _enter(self, job: Job, course: Course) -> None:
        begun_ns = course.begun_ns or 0
        key = dt.datetime.fromtimestamp(begun_ns // NS_PER_S, dt.UTC).isoformat()
        run = JobRun(job.id, key, begun_ns, course.ended_ns, course.outcome, course.detail)
        try:
            await asyncio.to_thread(self._ledger.record, run)
        except StorageError as err:
            # The run itself is over and its state is kept here; the ledger is told of the next one.
            log.warning("job run not entered", job=job.id, error=str(err))

    def _retry(self, id_: str, wait_s: float) -> None:
        again = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=wait_s)
        planned = self._next_run_ns(id_)
        if planned is None or planned > again.timestamp() * NS_PER_S:
            self._start_at(id_, again)

    def _start_at(self, id_: str, when: dt.datetime) -> None:
        if not self._scheduler.running:
            return
        if self._scheduler.get_job(id_) is not None:
            self._scheduler.modify_job(id_, next_run_time=when)
        else:
            self._scheduler.add_job(
                self._start_job, "date", run_date=when, args=(id_,), id=id_, replace_existing=True
            )

    def _count_missed(self, id_: str) -> None:
        """Times that were due between the one that now starts it and now: coalesced, not run."""
        course, trigger = self._courses[id_], self._jobs[id_].trigger
        now_ns = round(dt.datetime.now(dt.UTC).timestamp() * NS_PER_S)
        if trigger is not None:
            if course.due_ns is not None and course.due_ns <= now_ns:
                course.missed += fires_between(trigger, course.due_ns, now_ns)
            now = dt.datetime.now(dt.UTC)
            following = trigger.get_next_fire_time(None, now)
            course.due_ns = round(following.timestamp() * NS_PER_S)

    def _left_to_running(self, event: JobSubmissionEvent) -> None:
        if event.job_id in self._courses:
            self._courses[event.job_id].overlapped += 1

    def _next_run_ns(self, id_: str) -> int | None:
        job = self._scheduler.get_job(id_)
        if job is None or job.next_run_time is None:
            return None
        return round(job.next_run_time.timestamp() * NS_PER_S)

    async def _keep_noted(self) -> None:
        dates, self._noted = self._noted, set()
        await self._closing.keep_noted(dates)

    async def _recompute(self) -> Closed:
        closed = await self._closing.recompute_late()
        # History that was brought in reaches back before the first closed day.
        await self._closing.close_due()
        return closed

    async def _seal(self) -> None:
        await self._upkeep.seal(self._clock())

    async def _retain(self) -> None:
        await self._upkeep.retain(self._clock())
