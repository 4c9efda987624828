"""When a job of the calendar is due, as APScheduler asks for it."""

from __future__ import annotations

import datetime as dt

from apscheduler.triggers.base import BaseTrigger

from jobs.clock import NS_PER_S
from water.day import Calendar


class AfterDayTrigger(BaseTrigger):
    """Fires a fixed time after the end of every production day.

    The ends come from the plant's own calendar, so days of 23 and 25 h and a changed hour of begin
    need no thought here, as they would with a cron expression.
    """

    __slots__ = ("_calendar", "_delay_ns")

    def __init__(self, calendar: Calendar, delay_s: float) -> None:
        self._calendar = calendar
        self._delay_ns = round(delay_s * NS_PER_S)

    def get_next_fire_time(  # pyright: ignore[reportIncompatibleMethodOverride] - the library has no types
        self, previous_fire_time: dt.datetime | None, now: dt.datetime
    ) -> dt.datetime:
        at_ns = _ns(now) - self._delay_ns
        if previous_fire_time is not None:
            at_ns = max(at_ns, _ns(previous_fire_time) - self._delay_ns)
        due_ns = self._calendar.day_of(at_ns).end_ns + self._delay_ns
        return _time(due_ns)


class EveryTrigger(BaseTrigger):
    """Fires at whole multiples of an interval since 1970 UTC, plus each offset: 00:00:30, 00:01:30."""

    __slots__ = ("_interval_ns", "_offsets_ns")

    def __init__(self, interval_s: float, *offsets_s: float) -> None:
        self._interval_ns = round(interval_s * NS_PER_S)
        self._offsets_ns = tuple(round(offset * NS_PER_S) for offset in offsets_s or (0.0,))

    def get_next_fire_time(  # pyright: ignore[reportIncompatibleMethodOverride] - the library has no types
        self, previous_fire_time: dt.datetime | None, now: dt.datetime
    ) -> dt.datetime:
        at_ns = _ns(now)
        if previous_fire_time is not None:
            at_ns = max(at_ns, _ns(previous_fire_time))
        return _time(min(self._after(at_ns, offset) for offset in self._offsets_ns))

    def _after(self, at_ns: int, offset_ns: int) -> int:
        return ((at_ns - offset_ns) // self._interval_ns + 1) * self._interval_ns + offset_ns


Due = AfterDayTrigger | EveryTrigger


def fires_between(trigger: Due, due_ns: int, now_ns: int, at_most: int = 1000) -> int:
    """How many times after ``due_ns`` a trigger has been due again up to now."""
    due, now = _time(due_ns), _time(now_ns)
    count = 0
    while count < at_most:
        following = trigger.get_next_fire_time(due, due)
        if following > now:
            return count
        due = following
        count += 1
    return count


def _ns(time: dt.datetime) -> int:
    """To the microsecond, which is as exact as a datetime is."""
    since = time - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return (since // dt.timedelta(microseconds=1)) * 1000


def _time(time_ns: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=time_ns // 1000)
