"""The last value of every tag, in memory, as columns indexed by the tag's number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from water.batch import Batch, sorted_unique
from water.quality import BAD, Reason

_AHEAD_NS = 60_000_000_000
_NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Latest:
    """One tag's last reading."""

    time_ns: int
    value: float
    quality: int


class LastValues:
    """Written by the store after each commit, read by everybody, on one event loop.

    ``sequence`` rises with every update; a reader asks for what changed after the sequence it knows.
    """

    def __init__(self) -> None:
        self.sequence = 0
        self._time = np.empty(0, np.int64)
        self._value = np.empty(0, np.float64)
        self._quality = np.empty(0, np.uint8)
        self._changed = np.empty(0, np.int64)

    def take(self, batch: Batch, now_ns: int | None = None) -> None:
        """Newer readings, or the same instant again, replace what is known; older ones do not.

        now_ns : what is known of a time well after it is replaced by whatever comes: a clock was set
            back, and would else hide every reading until it has caught up
        """
        if len(batch) == 0:
            return
        self._reserve(int(batch.tag_id.max()) + 1)
        unique = sorted_unique(batch)
        newest = np.append(unique.tag_id[1:] != unique.tag_id[:-1], True)
        rows = unique.where(newest)
        known = self._time[rows.tag_id]
        newer = rows.time_ns >= known
        if now_ns is not None:
            newer |= known > now_ns + _AHEAD_NS
        rows = rows.where(newer)
        self.sequence += 1
        self._time[rows.tag_id] = rows.time_ns
        self._value[rows.tag_id] = rows.value
        self._quality[rows.tag_id] = rows.quality
        self._changed[rows.tag_id] = self.sequence

    def of(self, tag_id: int) -> Latest | None:
        """A tag's last reading, None where it never had one."""
        if not 0 <= tag_id < self._time.shape[0] or self._time[tag_id] == _NEVER:
            return None
        return Latest(
            int(self._time[tag_id]), float(self._value[tag_id]), int(self._quality[tag_id])
        )

    def changed_since(self, sequence: int) -> NDArray[np.int64]:
        """Numbers of the tags that were updated after that sequence."""
        return np.flatnonzero(self._changed > sequence)

    def columns(
        self, tag_ids: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.uint8]]:
        """Times, values and qualities of tags that have been updated at least once."""
        return self._time[tag_ids], self._value[tag_ids], self._quality[tag_ids]

    def newest_ns(self) -> int | None:
        """The newest time of all tags, None before the first reading."""
        newest = int(self._time.max(initial=_NEVER))
        return None if newest == _NEVER else newest

    def known(self) -> Batch:
        """Every tag's last reading."""
        tags = np.flatnonzero(self._time != _NEVER)
        return Batch(
            tags.astype(np.int32), self._time[tags], self._value[tags], self._quality[tags]
        )

    def _reserve(self, size: int) -> None:
        have = self._time.shape[0]
        if size <= have:
            return
        more = max(size, 2 * have) - have
        self._time = np.append(self._time, np.full(more, _NEVER, np.int64))
        self._value = np.append(self._value, np.full(more, np.nan))
        self._quality = np.append(self._quality, np.full(more, BAD | Reason.STALE, np.uint8))
        self._changed = np.append(self._changed, np.zeros(more, np.int64))
