"""The dated targets in force."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence

from jobs.clock import NS_PER_S, Clock
from storage.records import Capacities, CapacityRecord
from water.capacity import Capacity, CapacityKind, in_force

_REFRESH_NS = 30 * NS_PER_S


class Targets:
    """What is in force, read from the records at most twice a minute."""

    def __init__(self, capacities: Capacities, clock: Clock) -> None:
        self._capacities = capacities
        self._clock = clock
        self._rows: Sequence[Capacity] = ()
        self._read_ns: int | None = None

    async def refresh(self) -> None:
        """Raises what the records raise; what was known stays known."""
        now_ns = self._clock()
        if self._read_ns is not None and 0 <= now_ns - self._read_ns < _REFRESH_NS:
            return
        self._rows = [_capacity(row) for row in await asyncio.to_thread(self._capacities.rows)]
        self._read_ns = now_ns

    def target_m3_per_day(self, site: str, date: dt.date) -> float | None:
        row = in_force(self._rows, site, CapacityKind.TARGET, date)
        return None if row is None else row.m3_per_day


def _capacity(row: CapacityRecord) -> Capacity:
    return Capacity(
        row.site, CapacityKind(row.kind), row.m3_per_day, row.valid_from, row.valid_to, row.source
    )
