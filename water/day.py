"""Production days of a plant's time zone: when each begins and ends, and which day an instant is in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Day:
    """One production day: ``[begin_ns, end_ns)``, labelled with the local date on which it begins."""

    date: dt.date
    begin_ns: int
    end_ns: int

    @property
    def hours(self) -> float:
        """24, or 23 or 25 where the zone changes its clocks, or what a changed start leaves."""
        return (self.end_ns - self.begin_ns) / 3.6e12


@dataclass(frozen=True, slots=True)
class DayStart:
    """From ``valid_from`` on a production day begins at the local time ``start``."""

    start: dt.time
    valid_from: dt.date


@dataclass(frozen=True, slots=True)
class Calendar:
    """The production days of one plant.

    ``starts`` is sorted by ``valid_from``; the first is in force for every earlier date too.
    """

    zone: ZoneInfo
    starts: tuple[DayStart, ...] = (DayStart(dt.time(0), dt.date.min),)

    def day(self, date: dt.date) -> Day:
        """The production day of that label. A day ends where the next begins, so none overlap."""
        return Day(date, self._begin_ns(date), self._begin_ns(date + dt.timedelta(days=1)))

    def day_of(self, time_ns: int) -> Day:
        """The production day in which an instant lies."""
        local = dt.datetime.fromtimestamp(time_ns // 1_000_000_000, self.zone)
        day = self.day(local.date())
        if time_ns < day.begin_ns:
            return self.day(day.date - dt.timedelta(days=1))
        if time_ns >= day.end_ns:
            return self.day(day.date + dt.timedelta(days=1))
        return day

    def days(self, first: dt.date, last: dt.date) -> Sequence[Day]:
        """Every day from ``first`` to ``last``, both included."""
        return [self.day(first + dt.timedelta(days=n)) for n in range((last - first).days + 1)]

    def _begin_ns(self, date: dt.date) -> int:
        start = self.starts[0].start
        for row in self.starts:
            if row.valid_from <= date:
                start = row.start
        local = dt.datetime.combine(date, start, tzinfo=self.zone)
        return round(local.timestamp()) * 1_000_000_000
