"""Raw readings from sealed files and the journal's tail together, each key once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from storage.embedded.columns import readings_in
from storage.embedded.folder import Folder
from storage.embedded.layout import DAY_NS, SealedName
from storage.embedded.tail import HOUR_NS, TailView
from storage.errors import Unavailable
from water.batch import Batch, concatenate, sorted_unique
from water.quality import is_good

NEIGHBOUR_DAYS = 8
_ATTEMPTS = 5
_T = TypeVar("_T")


class RawReader:
    """Reads in the caller's thread.

    names : tag number → name, which only grows
    """

    def __init__(self, folder: Folder, names: Mapping[int, str]) -> None:
        self._folder = folder
        self._catalogue = folder.raw
        self._tail = folder.tail
        self._names = names

    def read(self, tag_ids: Sequence[int], from_ns: int, to_ns: int) -> Batch:
        """Readings of ``[from_ns, to_ns)`` by tag and time."""
        tags = self.known(tag_ids)
        if not tags or to_ns <= from_ns:
            return Batch.empty()
        return self.retried(lambda: self._read(self._tail.view(), tags, from_ns, to_ns))

    def known(self, tag_ids: Sequence[int]) -> list[tuple[str, int]]:
        """(name, number) of the tags that the store knows, by name: the order in sealed files."""
        found = {int(tag) for tag in tag_ids}
        return sorted((self._names[tag], tag) for tag in found if tag in self._names)

    def retried(self, read: Callable[[], _T]) -> _T:
        """Again where a file was replaced between finding its name and opening it."""
        for _ in range(_ATTEMPTS):
            try:
                return read()
            except FileNotFoundError:
                self._folder.refresh()
        raise Unavailable("history, which changes too fast,")

    def read_seen(
        self, view: TailView, tags: Sequence[tuple[str, int]], from_ns: int, to_ns: int
    ) -> Batch:
        """As ``read``, with a view of the tail that was taken before."""
        return self._read(view, tags, from_ns, to_ns)

    def _read(
        self, view: TailView, tags: Sequence[tuple[str, int]], from_ns: int, to_ns: int
    ) -> Batch:
        # The tail is looked at before the files: what is sealed meanwhile is in both, not in none.
        parts: list[Batch] = []
        for day in self._catalogue.days():
            if day * DAY_NS < to_ns and (day + 1) * DAY_NS > from_ns:
                parts += self._read_day(day, tags, from_ns, to_ns)
        parts.append(view.readings(from_ns, to_ns, mask_of(tags, max(self._names) + 1)))
        return sorted_unique(concatenate(part for part in parts if len(part)))

    def _read_day(
        self, day: int, tags: Sequence[tuple[str, int]], from_ns: int, to_ns: int
    ) -> list[Batch]:
        found: list[Batch] = []
        for name in self._catalogue.of(day):
            begin, end = span_of(name)
            if begin >= to_ns or end <= from_ns:
                continue
            batch = readings_in(self._catalogue.path(name), tags)
            if begin < from_ns or end > to_ns:
                batch = batch.where((batch.time_ns >= from_ns) & (batch.time_ns < to_ns))
            found.append(batch)
        return found

    def neighbours(self, tag_ids: Sequence[int], from_ns: int, to_ns: int) -> Batch:
        """Each tag's last good reading before ``from_ns`` and first good one from ``to_ns`` on."""
        before = self._nearest(tag_ids, [(from_ns - d, from_ns - c) for c, d in _STEPS], -1)
        after = self._nearest(tag_ids, [(to_ns + c, to_ns + d) for c, d in _STEPS], 0)
        return concatenate([before, after])

    def _nearest(
        self, tag_ids: Sequence[int], windows: Sequence[tuple[int, int]], which: int
    ) -> Batch:
        """Of each tag the first (0) or last (-1) good reading in the first window that has one."""
        missing = {tag for _, tag in self.known(tag_ids)}
        found: list[Batch] = []
        for begin, end in windows:
            if not missing:
                break
            batch = self.read(sorted(missing), begin, end)
            batch = batch.where(is_good(batch.quality))
            edge = _edge_of_each_tag(batch.tag_id, which)
            found.append(batch.where(edge))
            missing -= set(batch.tag_id[edge].tolist())
        return concatenate(found)


_STEPS = [
    (0, 2 * HOUR_NS),
    (2 * HOUR_NS, DAY_NS),
    *((n * DAY_NS, (n + 1) * DAY_NS) for n in range(1, NEIGHBOUR_DAYS)),
]
"""How far from the span a neighbour is looked for, nearest first."""


def span_of(name: SealedName) -> tuple[int, int]:
    """The span that a sealed file is for."""
    begin = name.day * DAY_NS
    if name.hour is None:
        return begin, begin + DAY_NS
    return begin + name.hour * HOUR_NS, begin + (name.hour + 1) * HOUR_NS


def mask_of(tags: Sequence[tuple[str, int]], size: int) -> NDArray[np.bool_]:
    """By tag number, below ``size``: is it among these?"""
    mask = np.zeros(size, np.bool_)
    mask[[number for _, number in tags]] = True
    return mask


def _edge_of_each_tag(tag_id: NDArray[np.int32], which: int) -> NDArray[np.intp]:
    """Index of the first (0) or last (-1) row of each tag, in a column sorted by tag."""
    if tag_id.shape[0] == 0:
        return np.empty(0, np.intp)
    new = np.flatnonzero(tag_id[1:] != tag_id[:-1]) + 1
    return np.append(0, new) if which == 0 else np.append(new, tag_id.shape[0]) - 1
