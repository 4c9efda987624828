"""The ports of the series store: what every way of keeping readings offers.

Tags are numbered by the store once and for ever; the numbers survive restarts and edits of the
description. Times are UTC ns; spans are ``[from_ns, to_ns)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from water.batch import Batch


@dataclass(frozen=True, slots=True)
class Trend:
    """A tag's history reduced to steps: one row a step that holds good readings, rising in time.

    time_ns : (n,) int64, begin of the step; the other columns (n,) float64, good readings only
    mean is time-weighted; count (n,) int64 is of good readings
    """

    step_ns: int
    time_ns: NDArray[np.int64]
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]
    mean: NDArray[np.float64]
    last: NDArray[np.float64]
    count: NDArray[np.int64]


class SeriesWriter(Protocol):
    def number(self, tags: Sequence[str]) -> Mapping[str, int]:
        """The numbers of these tags; unknown ones are given a number, durably, now."""
        ...

    async def append(self, batch: Batch) -> None:
        """Commit a batch; on return it survives a crash and every reader sees it.

        Order within a tag does not matter. Same tag and time again: the later arrival wins, once.
        Raises: DiskFull, Unavailable (nothing taken, offer it again), Rejected.
        """
        ...


class SeriesReader(Protocol):
    async def read(
        self, tag_ids: Sequence[int], from_ns: int, to_ns: int, *, neighbours: bool = False
    ) -> Batch:
        """Raw readings by tag and time, each key once.

        neighbours: also each tag's last reading of good status before ``from_ns`` and first of good
        status from ``to_ns`` on, wherever they lie (within 8 days), for boundary values.
        Unknown tags and empty spans give no rows.
        """
        ...

    async def trend(self, tag_id: int, from_ns: int, to_ns: int, points: int) -> Trend:
        """At most ``points`` steps of equal width over the span, from rollups where they serve."""
        ...

    async def export(
        self,
        path: Path,
        tags: Sequence[str],
        from_ns: int,
        to_ns: int,
        form: Literal["csv", "parquet"],
        progress: Callable[[float], None] | None = None,
    ) -> int:
        """Write raw readings (tag, time, value, quality, reason) to a file; returns how many rows."""
        ...


class SeriesUpkeep(Protocol):
    """What the calendar starts."""

    async def seal(self, now_ns: int) -> None:
        """Seal every closed hour, merge closed days, renew rollups of days that late data touched."""
        ...

    async def retain(self, now_ns: int) -> None:
        """Drop what retention no longer keeps; announce a filling disk."""
        ...

    def condition(self) -> StoreCondition: ...


@dataclass(frozen=True, slots=True)
class StoreCondition:
    """How the store is doing. ``warnings`` are sentences for people, empty when all is well."""

    journal_batches: int
    journal_bytes: int
    sealed_bytes: int
    sealed_readings: int
    disk_free_bytes: int
    disk_free_ratio: float
    oldest_ns: int | None
    newest_ns: int | None
    warnings: tuple[str, ...]


class LateReadings(Protocol):
    """Whoever wants to know that committed readings reached back in time (days to recompute)."""

    def __call__(self, tag_ids: NDArray[np.int32], earliest_ns: int, latest_ns: int) -> None: ...
