"""Today's volume as readings come: a state that is fed, at the cost of what is new.

The account of a span is the sum of the accounts of its parts (``water.account``). So what lies far
enough back is settled into one account, and only a short tail of readings is looked at again. The
volume equals ``meter_volume`` over all readings of the day.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from water.account import Account, account, joined
from water.bridging import course
from water.meter import Meter
from water.output import NO_READINGS, Series, readings_of
from water.readings import Readings, good_readings
from water.register import gap_limit_s
from water.totalizer import Step
from water.verdict import volume_of
from water.volume import NOTHING, Volume

TAIL = 256
"""Readings kept before some are settled."""
CONTEXT = 16
"""Readings on each side of a cut in which nothing may have happened."""


@dataclass(frozen=True, slots=True, eq=False)
class RunningDay:
    """A meter's day so far. Immutable: ``fed`` gives the next state.

    settled : account of ``[begin_ns, settled_ns)``, None while nothing is settled
    totalizer, flow : the readings since, and some before
    late : a reading came that belongs to the settled part; begin anew from the store
    """

    meter: Meter
    begin_ns: int
    settled_ns: int
    settled: Account | None = None
    totalizer: Readings = NO_READINGS
    flow: Readings = NO_READINGS
    late: bool = False

    @classmethod
    def of(
        cls, meter: Meter, begin_ns: int, totalizer: Series | None, flow: Series | None
    ) -> RunningDay:
        """A day from what is already known of it, with at least a good reading before ``begin_ns``."""
        return _settled(
            cls(
                meter,
                begin_ns,
                begin_ns,
                totalizer=readings_of(totalizer),
                flow=readings_of(flow),
            )
        )

    def fed(self, totalizer: Series | None, flow: Series | None) -> RunningDay:
        """The state with new readings, in order of arrival. Of one time the later arrival wins."""
        if self.late:
            return self
        if self._is_late(totalizer) or self._is_late(flow):
            return replace(self, late=True)
        grown = replace(
            self,
            totalizer=_with_new(self.totalizer, totalizer),
            flow=_with_new(self.flow, flow),
        )
        return _settled(grown)

    def volume(self, until_ns: int) -> Volume:
        """The volume of ``[begin_ns, until_ns)``; until_ns is not before what is settled."""
        if until_ns <= self.begin_ns:
            return NOTHING
        if self.settled is None:
            tail = account(self.meter, self.totalizer, self.flow, self.begin_ns, until_ns)
            return volume_of(self.meter, tail)
        if until_ns <= self.settled_ns:
            return volume_of(self.meter, self.settled)
        tail = account(self.meter, self.totalizer, self.flow, self.settled_ns, until_ns)
        return volume_of(self.meter, joined(self.settled, tail))

    def last_ns(self) -> int | None:
        """Time of the latest good reading."""
        times = [int(r.time_ns[-1]) for r in (self.totalizer, self.flow) if len(r)]
        return max(times, default=None)

    def _is_late(self, series: Series | None) -> bool:
        if self.settled is None or series is None or series.time_ns.size == 0:
            return False
        return int(series.time_ns.min()) <= self.settled_ns


def _settled(day: RunningDay) -> RunningDay:
    if max(len(day.totalizer), len(day.flow)) <= TAIL:
        return day
    cut_ns = _cut_ns(day)
    if cut_ns is None or cut_ns <= day.settled_ns:
        return day
    part = account(day.meter, day.totalizer, day.flow, day.settled_ns, cut_ns)
    limit_ns = round(gap_limit_s(day.meter) * 1e9)
    return replace(
        day,
        settled=part if day.settled is None else joined(day.settled, part),
        settled_ns=cut_ns,
        totalizer=_since(day.totalizer, cut_ns, limit_ns),
        flow=_since(day.flow, cut_ns, 0),
    )


def _cut_ns(day: RunningDay) -> int | None:
    """A reading up to which nothing that comes later can change what is known; None if none is."""
    if len(day.totalizer) == 0:
        return int(day.flow.time_ns[-CONTEXT])
    found = course(day.meter, day.totalizer)
    time_ns, limit_ns = found.time_ns, round(gap_limit_s(day.meter) * 1e9)
    newest = _flow_known_until(day, int(time_ns[-1])) - limit_ns
    i = min(int(np.searchsorted(time_ns, newest, "right")) - 1, time_ns.size - 1 - CONTEXT)
    if i < CONTEXT or found.behind_m3[i] > 0:
        return None
    around = time_ns[i - CONTEXT], time_ns[i + CONTEXT]
    first, last = np.searchsorted(day.totalizer.time_ns, around)
    if last - first != 2 * CONTEXT:  # a reading was left out here
        return None
    held = np.flatnonzero(found.step[: i + CONTEXT] >= Step.RESET)
    if held.size and int(time_ns[held[-1] + 1]) + limit_ns > int(time_ns[i]):
        return None
    return int(time_ns[i])


def _flow_known_until(day: RunningDay, register_ns: int) -> int:
    """Until when the flow's course is certain: its last reading, or anything if it fell silent."""
    if len(day.flow) == 0:
        return register_ns
    last_ns = int(day.flow.time_ns[-1])
    silent = last_ns + round(day.meter.flow_max_gap_s * 1e9) < register_ns
    return register_ns if silent else min(last_ns, register_ns)


def _with_new(readings: Readings, series: Series | None) -> Readings:
    if series is None or series.time_ns.size == 0:
        return readings
    return good_readings(
        np.concatenate([readings.time_ns, series.time_ns]),
        np.concatenate([readings.value, series.value]),
        np.concatenate([np.zeros(len(readings), np.uint8), series.quality]),
    )


def _since(readings: Readings, cut_ns: int, context_ns: int) -> Readings:
    """The readings from a cut on, with some before: by number and by time."""
    by_number = int(np.searchsorted(readings.time_ns, cut_ns, "right")) - 1 - CONTEXT
    by_time = int(np.searchsorted(readings.time_ns, cut_ns - context_ns, "right")) - 1
    return readings.where(slice(max(0, min(by_number, by_time)), None))
