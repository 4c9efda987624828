"""Closed days that ended within a gap which a totalizer has bridged since: now their volume is known."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence

from jobs.clock import NS_PER_S
from jobs.measuring import Point
from jobs.slicing import NEIGHBOUR_NS, of_tag
from storage.records import Outputs
from storage.series import SeriesReader
from water.day import Day
from water.output import DailyOutput, Figure
from water.quality import is_good

REACH_DAYS = NEIGHBOUR_NS // (86_400 * NS_PER_S) + 1
"""how many days back a reading of today can still bridge"""
_CLOCKS_DIFFER_NS = 300 * NS_PER_S
"""a device's clock may lag behind the one by which the day was computed"""


class Bridging:
    """Finds days whose first reading after their end came when they had been computed already.

    Such a reading is of its own time, not late, so nothing else tells of it.
    """

    def __init__(self, measured: Sequence[Point], reader: SeriesReader, outputs: Outputs) -> None:
        self._totalizers = {
            point.meter.id: point.totalizer for point in measured if point.totalizer is not None
        }
        self._reader = reader
        self._outputs = outputs
        self._told: set[tuple[str, dt.date, int]] = set()

    async def dates(self, days: Sequence[Day]) -> set[dt.date]:
        """Those of these days (rising, without a hole) to be computed again; each told once.

        Raises what the store and the records raise.
        """
        rows = await asyncio.to_thread(
            self._outputs.read, days[0].date, days[-1].date, figures=[Figure.METER]
        )
        ends = {day.date: day.end_ns for day in days}
        found: set[dt.date] = set()
        for row in rows:
            if row.part in self._totalizers and not row.volume.boundary_ok:
                came_ns = await self._next_ns(self._totalizers[row.part], ends[row.date])
                if came_ns is not None and self._is_news(row, came_ns):
                    found.add(row.date)
        return found

    def _is_news(self, row: DailyOutput, came_ns: int) -> bool:
        key = row.part, row.date, came_ns
        if key in self._told or came_ns <= row.computed_at_ns - _CLOCKS_DIFFER_NS:
            return False
        self._told.add(key)
        return True

    async def _next_ns(self, tag: int, end_ns: int) -> int | None:
        """Time of a tag's first good reading from ``end_ns`` on, None where none is near."""
        around = of_tag(await self._reader.read([tag], end_ns, end_ns, neighbours=True), tag)
        times = around.time_ns[is_good(around.quality) & (around.time_ns >= end_ns)]
        return int(times[0]) if times.size else None
