"""The dated capacities and targets in force, and their first entry from the description."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from config.plant import Plant
from jobs.clock import NS_PER_S, Clock
from storage.records import Capacities, CapacityRecord
from water.capacity import Capacity, CapacityKind, in_force

FROM_CONFIG = "config"
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


def enter_described(plant: Plant, capacities: Capacities, now_ns: int) -> list[str]:
    """Enter the description's capacities for every site whose list nobody has changed since.

    A list that a person has put through the API stays. Returns the sites that were entered.
    """
    have: dict[str, list[CapacityRecord]] = {}
    for row in capacities.rows():
        have.setdefault(row.site, []).append(row)
    entered: list[str] = []
    for site in plant.sites:
        history = capacities.history(site.id)
        by_hand = any(row.recorded_by != FROM_CONFIG for rows in history for row in rows)
        emptied = bool(history) and not history[-1]
        described = [
            CapacityRecord(
                row.site,
                row.kind,
                row.m3_per_day,
                row.valid_from,
                row.valid_to,
                row.source,
                now_ns,
                FROM_CONFIG,
            )
            for row in plant.capacities
            if row.site == site.id
        ]
        if by_hand or emptied or _alike(described, have.get(site.id, [])):
            continue
        capacities.replace(site.id, described)
        entered.append(site.id)
    return entered


def _alike(one: Sequence[CapacityRecord], other: Sequence[CapacityRecord]) -> bool:
    return {replace(row, recorded_at_ns=0) for row in one} == {
        replace(row, recorded_at_ns=0) for row in other
    }


def _capacity(row: CapacityRecord) -> Capacity:
    return Capacity(
        row.site, CapacityKind(row.kind), row.m3_per_day, row.valid_from, row.valid_to, row.source
    )
