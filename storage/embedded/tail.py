"""The journal's tail in memory: every committed reading that no sealed file holds yet.

By UTC hour, in the order of arrival, in blocks that only grow at their end: a view taken once stays
as it was without a copy.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from water.batch import Batch, concatenate

HOUR_NS = 3_600_000_000_000
_BLOCK = 1 << 15
_SMALLEST_BLOCK = 1 << 9


@dataclass(slots=True)
class _Block:
    """Room for some readings of one hour; the first ``used`` are filled and never change again."""

    batch: Batch
    used: int = 0
    earliest_ns: int = np.iinfo(np.int64).max
    latest_ns: int = np.iinfo(np.int64).min

    @classmethod
    def empty(cls, size: int) -> _Block:
        return cls(
            Batch(
                np.empty(size, np.int32),
                np.empty(size, np.int64),
                np.empty(size, np.float64),
                np.empty(size, np.uint8),
            )
        )

    def take(self, batch: Batch) -> int:
        """Copy what fits of a batch; returns how many readings that were."""
        begin = self.used
        n = min(len(batch), len(self.batch) - begin)
        end = begin + n
        self.batch.tag_id[begin:end] = batch.tag_id[:n]
        self.batch.time_ns[begin:end] = batch.time_ns[:n]
        self.batch.value[begin:end] = batch.value[:n]
        self.batch.quality[begin:end] = batch.quality[:n]
        self.earliest_ns = min(self.earliest_ns, int(batch.time_ns[:n].min()))
        self.latest_ns = max(self.latest_ns, int(batch.time_ns[:n].max()))
        self.used = end
        return n


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of readings in the order of arrival, none outside its two times."""

    batch: Batch
    earliest_ns: int
    latest_ns: int


@dataclass(slots=True)
class _Hour:
    blocks: list[_Block] = field(default_factory=list["_Block"])
    dropped: int = 0
    """readings at the front that are sealed"""

    def add(self, batch: Batch) -> None:
        while len(batch):
            if not self.blocks or self.blocks[-1].used == len(self.blocks[-1].batch):
                size = 4 * len(self.blocks[-1].batch) if self.blocks else _SMALLEST_BLOCK
                self.blocks.append(_Block.empty(min(_BLOCK, max(size, _SMALLEST_BLOCK))))
            batch = batch.where(slice(self.blocks[-1].take(batch), None))

    def pieces(self) -> list[Piece]:
        found: list[Piece] = []
        skip = self.dropped
        for block in self.blocks:
            if skip < block.used:
                kept = block.batch.where(slice(skip, block.used))
                found.append(Piece(kept, block.earliest_ns, block.latest_ns))
            skip = max(0, skip - block.used)
        return found

    def drop(self, count: int) -> None:
        self.dropped += count
        while self.blocks and self.dropped >= self.blocks[0].used > 0:
            self.dropped -= self.blocks.pop(0).used

    def __len__(self) -> int:
        return sum(block.used for block in self.blocks) - self.dropped


@dataclass(frozen=True, slots=True)
class TailView:
    """The tail as it was at one moment; ``through`` is the last sequence that it knows of."""

    hours: Mapping[int, Sequence[Piece]]
    through: int

    def of_hours(self, begin: int, end: int) -> TailView:
        """Hours (counted since 1970) from ``begin``, before ``end``."""
        return TailView({h: p for h, p in self.hours.items() if begin <= h < end}, self.through)

    def __len__(self) -> int:
        return sum(len(piece.batch) for pieces in self.hours.values() for piece in pieces)

    def readings(self, from_ns: int, to_ns: int, wanted: NDArray[np.bool_] | None = None) -> Batch:
        """Readings of ``[from_ns, to_ns)`` in the order of arrival within each hour.

        wanted : by tag number, which are asked for; all where it is None
        """
        parts: list[Batch] = []
        for hour in sorted(self.hours):
            if hour * HOUR_NS >= to_ns or (hour + 1) * HOUR_NS <= from_ns:
                continue
            parts.extend(
                _picked(piece, from_ns, to_ns, wanted)
                for piece in self.hours[hour]
                if piece.latest_ns >= from_ns and piece.earliest_ns < to_ns
            )
        return concatenate(part for part in parts if len(part))


def _picked(piece: Piece, from_ns: int, to_ns: int, wanted: NDArray[np.bool_] | None) -> Batch:
    batch = piece.batch
    if wanted is not None:
        batch = batch.where(np.flatnonzero(wanted[batch.tag_id]))
    if piece.earliest_ns < from_ns or piece.latest_ns >= to_ns:
        batch = batch.where((batch.time_ns >= from_ns) & (batch.time_ns < to_ns))
    return batch


class Tail:
    """Written by the journal's thread, read by every other."""

    def __init__(self) -> None:
        self._hours: dict[int, _Hour] = {}
        self._through = 0
        self._lock = threading.Lock()

    def begin(self, through: int) -> None:
        """At the start: the journal's last sequence, whether it still holds that or not."""
        with self._lock:
            self._through = max(self._through, through)

    def add(self, through: int, batch: Batch) -> None:
        """Committed readings in the order of arrival, the last of them of that sequence."""
        parts = list(by_hour(batch))
        with self._lock:
            self._through = through
            for hour, part in parts:
                self._hours.setdefault(hour, _Hour()).add(part)

    def view(self) -> TailView:
        """Everything, as it is now."""
        with self._lock:
            return TailView({h: hour.pieces() for h, hour in self._hours.items()}, self._through)

    def hours(self) -> list[int]:
        """Hours, counted since 1970, of which it holds readings."""
        with self._lock:
            return sorted(self._hours)

    def drop(self, sealed: TailView) -> None:
        """Forget what was sealed: all that this view held."""
        with self._lock:
            for number, pieces in sealed.hours.items():
                hour = self._hours[number]
                hour.drop(sum(len(piece.batch) for piece in pieces))
                if len(hour) == 0:
                    del self._hours[number]


def by_hour(batch: Batch) -> Iterable[tuple[int, Batch]]:
    """A batch cut by UTC hour; mostly it is of one."""
    if len(batch) == 0:
        return
    first = int(batch.time_ns.min()) // HOUR_NS
    if int(batch.time_ns.max()) // HOUR_NS == first:
        yield first, batch
        return
    hours = batch.time_ns // HOUR_NS
    for hour in np.unique(hours):
        yield int(hour), batch.where(hours == hour)
