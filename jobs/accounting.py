"""Daily output: closes production days, computes them again after late data, answers what is known."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import structlog

from config.plant import Plant
from config.resolving import calendar
from jobs.bridging import REACH_DAYS, Bridging
from jobs.clock import NS_PER_S, Clock
from jobs.curves import Curves
from jobs.errors import DayNotOver
from jobs.measuring import Measuring, Progress, Volumes, points
from jobs.spans import runs
from jobs.sums import add_up, sums
from jobs.targets import Targets
from storage.records import Capacities, Outputs
from storage.series import SeriesReader
from water.day import Day
from water.output import DailyOutput, Figure, Volume
from water.revision import next_revision

log = structlog.get_logger(__name__)

_RUNNING_NS = 15 * NS_PER_S
"""the running day is computed anew at most this often, however many ask"""
_COVERAGE_LOST = 0.01


class Accounting:
    """Every figure of every production day, computed from the store and kept in the records.

    One recording at a time: two computations of one day would otherwise overtake each other.
    """

    def __init__(
        self,
        plant: Plant,
        numbers: Mapping[str, int],
        reader: SeriesReader,
        outputs: Outputs,
        capacities: Capacities,
        clock: Clock,
    ) -> None:
        self.calendar = calendar(plant)
        self.sums = sums(plant)
        self.targets = Targets(capacities, clock)
        self._window_s = plant.plant.late_data_window_s
        measured = points(plant, numbers)
        self.meter_tags = [tag for point in measured for tag in point.tag_ids]
        self._measuring = Measuring(measured, reader)
        self._curves = Curves(self._measuring)
        self._bridging = Bridging(measured, reader, outputs)
        self._outputs = outputs
        self._clock = clock
        self._recording = asyncio.Lock()
        self._running_lock = asyncio.Lock()
        self._running: tuple[Day, int, list[DailyOutput]] | None = None

    async def compute_day(self, date: dt.date) -> list[DailyOutput]:
        """Every figure of a day as its readings tell it now; recorded is nothing. Revision 0."""
        day = self.calendar.day(date)
        now_ns = self._clock()
        if day.begin_ns <= now_ns < day.end_ns:
            return await self._compute_running(day, now_ns)
        volumes = await self._measuring.volumes([day])
        return list(self._rows(day, volumes[date], now_ns))

    async def close_day(self, date: dt.date) -> Sequence[DailyOutput]:
        """Record every figure of a day that has ended; again, only what has changed.

        Provisional within the late-data window, final after it.
        Raises: DayNotOver; what the store and the records raise.
        """
        return await self.record_days([date])

    async def recompute(self, dates: Collection[dt.date]) -> Sequence[DailyOutput]:
        """Record days again that late readings reached; what changes a final one corrects it.

        Days that have not ended are left out: closing them will see those readings.
        """
        now_ns = self._clock()
        return await self.record_days(
            [date for date in dates if self.calendar.day(date).end_ns <= now_ns]
        )

    async def bridge(self) -> tuple[int, int]:
        """Record days again whose gap at the end a totalizer has bridged since they were computed.

        Returns how many days, and how many figures changed. Raises what the store and the records
        raise.
        """
        today = self.today().date
        days = self.calendar.days(
            today - dt.timedelta(days=REACH_DAYS), today - dt.timedelta(days=1)
        )
        dates = await self._bridging.dates(days)
        return len(dates), len(await self.recompute(dates))

    async def record_days(
        self, dates: Collection[dt.date], progress: Progress | None = None
    ) -> Sequence[DailyOutput]:
        """Compute many days in as few passes as their holes allow, and record what differs.

        Raises: DayNotOver; what the store and the records raise.
        """
        recorded: list[DailyOutput] = []
        async with self._recording:
            for first, last in runs(dates):
                days = self.calendar.days(first, last)
                self._require_over(days)
                volumes = await self._measuring.volumes(days, progress)
                recorded += await asyncio.to_thread(self._record, days, volumes)
        return recorded

    async def day_rows(
        self,
        first: dt.date,
        last: dt.date,
        as_of_ns: int | None = None,
        *,
        site: str | None = None,
        figures: Collection[Figure] | None = None,
    ) -> Sequence[DailyOutput]:
        """What is known of these days, by date; the running day is computed now, revision 0.

        So is one that has ended and is not closed yet. With ``as_of_ns`` in the past only what was
        recorded until then is answered.
        """
        now_ns = self._clock()

        def read() -> Sequence[DailyOutput]:
            return self._outputs.read(first, last, site=site, figures=figures, as_of_ns=as_of_ns)

        rows = list(await asyncio.to_thread(read))
        if as_of_ns is not None and as_of_ns < now_ns:
            return rows
        for day in self._unclosed(first, last, now_ns, {row.date for row in rows}):
            rows += _picked(await self._live(day, now_ns), site, figures)
        return rows

    async def curve(
        self, site: str, date: dt.date | None = None
    ) -> tuple[Day, Sequence[tuple[int, float | None]]]:
        """A day (the running one) and its accumulated produced m³ at rising times, ns UTC.

        One point a quarter of an hour, the last one as late as readings go; None from where the
        volume is not known. No points for a site that produces nothing.
        """
        now_ns = self._clock()
        day = self.calendar.day_of(now_ns) if date is None else self.calendar.day(date)
        header = next(
            (p for p in self.sums if p.site == site and p.figure is Figure.PRODUCED), None
        )
        if header is None or day.begin_ns > now_ns:
            return day, []
        points = await self._curves.of(header, day, now_ns)
        if day.end_ns <= now_ns:
            return day, points
        rows = _picked(await self._compute_running(day, now_ns), site, [Figure.PRODUCED])
        return day, [*points, (rows[0].computed_at_ns, rows[0].volume.volume_m3)]

    def today(self) -> Day:
        return self.calendar.day_of(self._clock())

    def final_ns(self, date: dt.date) -> int:
        """When a day's late-data window is over."""
        return self.calendar.day(date).end_ns + round(self._window_s * NS_PER_S)

    def _unclosed(
        self, first: dt.date, last: dt.date, now_ns: int, have: set[dt.date]
    ) -> list[Day]:
        today = self.calendar.day_of(now_ns)
        yesterday = self.calendar.day(today.date - dt.timedelta(days=1))
        return [
            day
            for day in (yesterday, today)
            if first <= day.date <= last and (day is today or day.date not in have)
        ]

    async def _live(self, day: Day, now_ns: int) -> list[DailyOutput]:
        if day.end_ns <= now_ns:
            return await self.compute_day(day.date)
        return await self._compute_running(day, now_ns)

    async def _compute_running(self, day: Day, now_ns: int) -> list[DailyOutput]:
        async with self._running_lock:
            kept = self._running
            if kept is not None and kept[0] == day and 0 <= now_ns - kept[1] < _RUNNING_NS:
                return kept[2]
            volumes = await self._measuring.so_far(day, now_ns)
            rows = list(self._rows(day, volumes, now_ns))
            self._running = (day, now_ns, rows)
            return rows

    def _rows(self, day: Day, volumes: Mapping[str, Volume], now_ns: int) -> Iterable[DailyOutput]:
        """As ``compute_day`` answers them: not recorded, so of revision 0."""
        for part, volume in add_up(self.sums, volumes):
            known = next_revision(None, volume, day.end_ns, now_ns, self._window_s)
            assert known is not None, "a figure without a revision always gets its first"
            yield DailyOutput(
                part.site,
                part.figure,
                part.part,
                day.date,
                volume,
                known.status,
                0,
                now_ns,
                known.reason,
            )

    def _record(self, days: Sequence[Day], volumes: Volumes) -> Sequence[DailyOutput]:
        now_ns = self._clock()
        known = {
            (row.site, row.figure, row.part, row.date): row
            for row in self._outputs.read(days[0].date, days[-1].date)
        }
        rows: list[DailyOutput] = []
        for day in days:
            for row in self._rows(day, volumes[day.date], now_ns):
                latest = known.get((row.site, row.figure, row.part, row.date))
                volume = _not_unmade(latest, row)
                found = next_revision(latest, volume, day.end_ns, now_ns, self._window_s)
                if found is not None:
                    rows.append(
                        replace(row, volume=volume, status=found.status, reason=found.reason)
                    )
        return self._outputs.record(rows)

    def _require_over(self, days: Sequence[Day]) -> None:
        now_ns = self._clock()
        for day in days:
            if day.end_ns > now_ns:
                raise DayNotOver(day.date)


def _picked(
    rows: Sequence[DailyOutput], site: str | None, figures: Collection[Figure] | None
) -> list[DailyOutput]:
    return [
        row
        for row in rows
        if (site is None or row.site == site) and (figures is None or row.figure in figures)
    ]


def _not_unmade(latest: DailyOutput | None, row: DailyOutput) -> Volume:
    """The volume just computed, or the one known before if that rests on more readings.

    Readings are only ever added; what is fewer now, retention has dropped since.
    """
    if latest is None or row.volume.coverage >= latest.volume.coverage - _COVERAGE_LOST:
        return row.volume
    log.warning("readings of a day are gone, its figure stays", date=str(row.date), part=row.part)
    return latest.volume
