"""Sealed files and a part of the tail made one, by tag and time, in bounded memory.

Tags are taken in ranges of about a million readings: of each range, what every source has is read,
put in order and handed on before the next is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.embedded.columns import read_readings
from storage.embedded.sealed_file import SealedReader
from storage.embedded.tail import TailView
from water.batch import Batch, concatenate, sorted_unique

_RANGE_READINGS = 1_500_000
_RANGE_TAGS = 1 << 16
_FOR_EVER_NS = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Part:
    """All readings of some tags, by tag and time, each key once.

    names : the tags; counts : (tags,) how many readings each has, none 0
    batch : tag_id is a place in the order of all merged names, no store's number
    """

    names: Sequence[str]
    counts: NDArray[np.int64]
    batch: Batch

    def pieces(self, most: int) -> Iterator[Part]:
        """Cut between tags into pieces of at most so many readings, or of one tag."""
        ends = np.cumsum(self.counts)
        begin = 0
        while begin < len(self.names):
            offset = int(ends[begin - 1]) if begin else 0
            end = max(begin + 1, int(np.searchsorted(ends, offset + most, "right")))
            rows = slice(offset, int(ends[end - 1]))
            yield Part(self.names[begin:end], self.counts[begin:end], self.batch.where(rows))
            begin = end


class Merge:
    """What is to be one file. Sources are in the order of arrival: what comes later wins.

    names : the store's tag number → name; only : the tags wanted, all where it is None
    """

    def __init__(
        self,
        sources: Sequence[SealedReader],
        tail: TailView,
        names: Mapping[int, str],
        imported: Batch | None = None,
        only: frozenset[str] | None = None,
    ) -> None:
        self._sources = sources
        self._tail = tail
        self._imported = Batch.empty() if imported is None else imported
        self._numbers = self._numbers_in_memory(len(names))
        here = {names[number] for number in np.flatnonzero(self._numbers).tolist()}
        here = here.union(*(source.index.rows for source in sources))
        self.names = sorted(here if only is None else here & only)
        rank = {name: n for n, name in enumerate(self.names)}
        self._rank_of_number = np.full(len(names), -1, np.int32)
        for number in np.flatnonzero(self._numbers).tolist():
            self._rank_of_number[number] = rank.get(names[number], -1)
        self.counts = self._counted(rank)

    @property
    def readings(self) -> int:
        """How many there are at most: keys that come twice count twice."""
        return int(self.counts.sum())

    def times_in_memory(self) -> Iterator[NDArray[np.int64]]:
        for pieces in self._tail.hours.values():
            for piece in pieces:
                yield piece.batch.time_ns
        yield self._imported.time_ns

    def parts(self) -> Iterator[Part]:
        """Everything, by name."""
        begin = 0
        totals = np.cumsum(self.counts)
        while begin < len(self.names):
            before = int(totals[begin - 1]) if begin else 0
            end = int(np.searchsorted(totals, before + _RANGE_READINGS, "right"))
            end = min(max(begin + 1, end), begin + _RANGE_TAGS)
            yield self._part(begin, end)
            begin = end

    def _part(self, begin: int, end: int) -> Part:
        tags = [(self.names[rank], rank) for rank in range(begin, end)]
        found = [read_readings(source, tags) for source in self._sources]
        if len(self._tail) or len(self._imported):
            wanted = (self._rank_of_number >= begin) & (self._rank_of_number < end)
            found.append(self._ranked(self._tail.readings(0, _FOR_EVER_NS, wanted)))
            found.append(self._ranked(self._imported.where(wanted[self._imported.tag_id])))
        batch = ordered(concatenate(part for part in found if len(part)), begin)
        counts = np.bincount(batch.tag_id - begin, minlength=end - begin)
        have = np.flatnonzero(counts)
        return Part([self.names[begin + n] for n in have.tolist()], counts[have], batch)

    def _ranked(self, batch: Batch) -> Batch:
        return Batch(self._rank_of_number[batch.tag_id], batch.time_ns, batch.value, batch.quality)

    def _numbers_in_memory(self, tags: int) -> NDArray[np.int64]:
        counts = np.bincount(self._imported.tag_id, minlength=tags)
        for pieces in self._tail.hours.values():
            for piece in pieces:
                counts += np.bincount(piece.batch.tag_id, minlength=tags)
        return counts

    def _counted(self, rank: Mapping[str, int]) -> NDArray[np.int64]:
        counts = np.zeros(len(self.names), np.int64)
        known = np.flatnonzero(self._rank_of_number >= 0)
        counts[self._rank_of_number[known]] = self._numbers[known]
        for source in self._sources:
            for name, rows in source.index.rows.items():
                if name in rank:
                    counts[rank[name]] += rows
        return counts


def ordered(batch: Batch, lowest: int) -> Batch:
    """By tag, then time, the later arrival of each key only.

    Tags are within 65,536 above ``lowest``, so numpy sorts them by radix; and within a tag readings
    mostly arrive in the order of their times, so that a second key is seldom needed.
    """
    if len(batch) == 0:
        return batch
    order = np.argsort((batch.tag_id - lowest).astype(np.uint16), kind="stable")
    by_tag = batch.where(order)
    rising = by_tag.time_ns[1:] > by_tag.time_ns[:-1]
    rising |= by_tag.tag_id[1:] != by_tag.tag_id[:-1]
    return by_tag if rising.all() else sorted_unique(by_tag)
