"""Which production days are to be closed, made final or computed again, and that each was, once.

The ledger of job runs says what was done; what was not, because nothing was running then, is done
when next asked. Every step may be repeated: the records keep only what has changed.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass

from jobs.accounting import Accounting
from jobs.clock import NS_PER_S, Clock
from jobs.measuring import Progress
from jobs.spans import dates_of, key_of, runs
from storage.records import JobRun, JobRuns
from water.day import Day

CLOSE = "close_day"
FINALISE = "finalise_day"
RECOMPUTE = "recompute"
BRIDGE = "bridge"
DONE, FAILED = "done", "failed"
MOST_DAYS = 3700
"""how far back days are closed: a machine that started at 1970 has one reading of then, and no days"""
_LATEST_NS = 600 * NS_PER_S
"""a day closed later than this after it was due has been missed"""


@dataclass(frozen=True, slots=True)
class Closed:
    """What a step has done: how many days, how many of them were missed before, figures recorded."""

    days: int
    missed: int
    recorded: int

    def __str__(self) -> str:
        late = f", {self.missed} of them missed before" if self.missed else ""
        return f"{self.days} days{late}, {self.recorded} figures recorded"


class Closing:
    """Closes days and makes them final, each once.

    oldest_ns : the time of the oldest reading in the store, None where there is none
    settle_s : how long after its end a day is closed, so that its last readings are in
    """

    def __init__(
        self,
        accounting: Accounting,
        ledger: JobRuns,
        oldest_ns: Callable[[], int | None],
        clock: Clock,
        settle_s: float,
    ) -> None:
        self._accounting = accounting
        self._ledger = ledger
        self._oldest_ns = oldest_ns
        self._clock = clock
        self._settle_ns = round(settle_s * NS_PER_S)
        self._late: set[dt.date] = set()
        self._doing = asyncio.Lock()

    async def close_due(self, progress: Progress | None = None) -> Closed:
        """Close every ended day since the oldest reading that was never closed."""
        return await self._do_due(CLOSE, self._close_due_ns, progress)

    async def finalise_due(self, progress: Progress | None = None) -> Closed:
        """Make every day final whose late-data window is over."""
        return await self._do_due(FINALISE, self._final_due_ns, progress)

    def note_late(self, earliest_ns: int, latest_ns: int) -> set[dt.date]:
        """Remember which ended days late readings reached; returns those that are new.

        A reading near a boundary also moves the neighbour's boundary value, so both are taken.
        """
        calendar = self._accounting.calendar
        today = self._accounting.today().date
        one = dt.timedelta(days=1)
        first = max(calendar.day_of(earliest_ns).date - one, today - MOST_DAYS * one)
        last = min(calendar.day_of(latest_ns).date + one, today - one)
        dates = {day.date for day in calendar.days(first, last)} - self._late
        self._late |= dates
        return dates

    async def keep_noted(self, dates: Collection[dt.date]) -> None:
        """Enter late days in the ledger as begun, so that a crash before they are done loses none.

        A day that is not closed yet needs no entry: closing it will see those readings.
        """
        closed = await self._closed()
        for date in sorted(closed.intersection(dates)):
            await self._enter(RECOMPUTE, date.isoformat(), None)

    async def remember_unfinished(self) -> None:
        """At the start: late days that an earlier process had noted and did not come to."""
        unfinished = await asyncio.to_thread(self._ledger.unfinished, RECOMPUTE)
        self._late |= dates_of(run.key for run in unfinished)

    async def recompute_late(self) -> Closed:
        """Compute the noted days again. Those that are not closed yet are left to ``close_due``."""
        late, self._late = self._late, set()
        try:
            dates = late & await self._closed()
            recorded = await self._accounting.recompute(dates)
            for date in sorted(dates):
                await self._enter(RECOMPUTE, date.isoformat(), DONE)
        except BaseException:
            self._late |= late
            raise
        return Closed(len(dates), 0, len(recorded))

    async def bridge(self) -> Closed:
        """Compute days again that ended within a gap which is over now."""
        days, recorded = await self._accounting.bridge()
        return Closed(days, 0, recorded)

    async def _do_due(
        self, job: str, due_ns: Callable[[dt.date], int], progress: Progress | None
    ) -> Closed:
        async with self._doing:
            now_ns = self._clock()
            done = dates_of(await asyncio.to_thread(self._ledger.done, job))
            due = [day.date for day in self._days(now_ns) if due_ns(day.date) <= now_ns]
            missing = [date for date in due if date not in done]
            recorded = await self._accounting.record_days(missing, progress)
            for first, last in runs(missing):
                await self._enter(job, key_of(first, last), DONE)
            missed = [date for date in missing if now_ns - due_ns(date) > _LATEST_NS]
            return Closed(len(missing), len(missed), len(recorded))

    def _days(self, now_ns: int) -> list[Day]:
        """Every ended day since the oldest reading."""
        oldest_ns = self._oldest_ns()
        if oldest_ns is None or oldest_ns >= now_ns:
            return []
        calendar = self._accounting.calendar
        last = calendar.day_of(now_ns).date - dt.timedelta(days=1)
        first = max(calendar.day_of(oldest_ns).date, last - dt.timedelta(days=MOST_DAYS - 1))
        return list(calendar.days(first, last))

    def _close_due_ns(self, date: dt.date) -> int:
        return self._accounting.calendar.day(date).end_ns + self._settle_ns

    def _final_due_ns(self, date: dt.date) -> int:
        return self._accounting.final_ns(date) + self._settle_ns

    async def _closed(self) -> set[dt.date]:
        return dates_of(await asyncio.to_thread(self._ledger.done, CLOSE))

    async def _enter(self, job: str, key: str, outcome: str | None) -> None:
        now_ns = self._clock()
        ended_ns = None if outcome is None else now_ns
        await asyncio.to_thread(self._ledger.record, JobRun(job, key, now_ns, ended_ns, outcome))
