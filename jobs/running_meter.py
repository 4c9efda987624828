"""One meter's running day, fed as readings come: the same volume as a computation over the whole day.

The day so far is an account up to a checkpoint, which is settled, joined with the account of the few
readings since. The checkpoint follows ``SETTLING_NS`` behind, over spans in which nothing happened
that later readings could still explain differently.
"""

from __future__ import annotations

import numpy as np

from jobs.clock import NS_PER_S
from jobs.measuring import UNKNOWN, Point, standing_ns, up_to_now
from jobs.slicing import last_good_ns
from water.account import Account, account, joined
from water.batch import Batch
from water.output import Series, Volume, readings_of
from water.quality import is_good
from water.verdict import volume_of

SETTLING_NS = 30 * NS_PER_S
_LEAST_STEP_NS = 60 * NS_PER_S
_RATE_NS = 600 * NS_PER_S
"""over how long a rate is taken from a totalizer"""
_LEAST_RATE_NS = 20 * NS_PER_S
_LONG = 5000
_LONG_EVERY_NS = 10 * NS_PER_S
"""a buffer that long is gone through less often"""


class RunningMeter:
    """The volume of one measuring point since its production day began."""

    def __init__(self, point: Point) -> None:
        self.point = point
        self.stale = True
        """the readings must be read from the store again: late ones came, or a new day has begun"""
        self._begin_ns = 0
        self._settled: Account | None = None
        self._checkpoint_ns = 0
        self._totalizer = _NONE if point.totalizer is not None else None
        self._flow = _NONE if point.flow is not None else None
        self._volume = UNKNOWN
        self._computed_ns: int | None = None

    def begin(self, begin_ns: int, readings: Batch) -> None:
        """Take up a day from its stored readings (sorted by tag and time, with neighbours)."""
        self._begin_ns = self._checkpoint_ns = begin_ns
        self._settled = None
        self._totalizer = _of(readings, self.point.totalizer)
        self._flow = _of(readings, self.point.flow)
        self.stale = False
        self._computed_ns = None

    def take(self, readings: Batch) -> None:
        """Add committed readings, sorted by tag and time; those of other tags are left."""
        for tag_id, is_totalizer in ((self.point.totalizer, True), (self.point.flow, False)):
            own = _of(readings, tag_id)
            if own is None or own.time_ns.size == 0:
                continue
            if int(own.time_ns[0]) <= self._checkpoint_ns:
                self.stale = True
            if is_totalizer and self._totalizer is not None:
                self._totalizer = _joined(self._totalizer, own)
            elif self._flow is not None:
                self._flow = _joined(self._flow, own)

    def volume(self, now_ns: int) -> Volume:
        """The day so far, up to the last good reading."""
        long = _size(self._totalizer) + _size(self._flow) > _LONG
        if self._computed_ns is not None and long and now_ns - self._computed_ns < _LONG_EVERY_NS:
            return self._volume
        self._settle()
        self._volume = self._compute(now_ns)
        self._computed_ns = now_ns
        return self._volume

    def rate_m3_per_h(self, now_ns: int) -> float | None:
        """The flow that the totalizer tells over the last minutes, None where it tells none."""
        end_ns = last_good_ns(self._totalizer, now_ns - _RATE_NS, now_ns)
        if self._totalizer is None or end_ns is None:
            return None
        first = int(np.searchsorted(self._totalizer.time_ns, end_ns - _RATE_NS))
        good = np.flatnonzero(is_good(self._totalizer.quality[first:]))
        begin_ns = int(self._totalizer.time_ns[first + good[0]])
        if end_ns - begin_ns < _LEAST_RATE_NS:
            return None
        passed = account(
            self.point.meter, readings_of(self._totalizer), readings_of(None), begin_ns, end_ns
        )
        volume_m3 = volume_of(self.point.meter, passed).volume_m3
        return None if volume_m3 is None else volume_m3 * 3.6e12 / (end_ns - begin_ns)

    def _compute(self, now_ns: int) -> Volume:
        end_ns = standing_ns(self._totalizer, self._flow, self._begin_ns, now_ns)
        if end_ns is None or end_ns <= self._begin_ns:
            return UNKNOWN
        if end_ns <= self._checkpoint_ns:
            whole = self._settled
        else:
            part = self._account(self._checkpoint_ns, end_ns)
            whole = part if self._settled is None else joined(self._settled, part)
        if whole is None:
            return UNKNOWN
        volume = volume_of(self.point.meter, whole)
        return up_to_now(volume, self.point.meter, self._begin_ns, whole.end_ns, now_ns)

    def _settle(self) -> None:
        """Move the checkpoint on, where nothing between it and now is open."""
        main = self._totalizer if _size(self._totalizer) else self._flow
        if main is None or main.time_ns.size == 0:
            return
        newest_ns = int(main.time_ns[-1])
        until_ns = last_good_ns(main, self._checkpoint_ns + 1, newest_ns - SETTLING_NS)
        if until_ns is None or until_ns - self._checkpoint_ns < _LEAST_STEP_NS:
            return
        ahead = self._account(self._checkpoint_ns, newest_ns)
        if ahead.events or ahead.flow_events or ahead.unresolved_s or ahead.missing_s:
            return
        part = self._account(self._checkpoint_ns, until_ns)
        self._settled = part if self._settled is None else joined(self._settled, part)
        self._checkpoint_ns = until_ns
        self._totalizer = _trimmed(self._totalizer, until_ns - _RATE_NS)
        self._flow = _trimmed(self._flow, until_ns)

    def _account(self, begin_ns: int, end_ns: int) -> Account:
        return account(
            self.point.meter,
            readings_of(self._totalizer),
            readings_of(self._flow),
            begin_ns,
            end_ns,
        )


_NONE = Series(np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.uint8))


def _size(series: Series | None) -> int:
    return 0 if series is None else series.time_ns.size


def _of(batch: Batch, tag_id: int | None) -> Series | None:
    if tag_id is None:
        return None
    begin, end = np.searchsorted(batch.tag_id, [tag_id, tag_id + 1])
    return Series(batch.time_ns[begin:end], batch.value[begin:end], batch.quality[begin:end])


def _joined(have: Series, new: Series) -> Series:
    """Both in order of time; of one time the new reading stays."""
    time_ns = np.concatenate([have.time_ns, new.time_ns])
    value = np.concatenate([have.value, new.value])
    quality = np.concatenate([have.quality, new.quality])
    if have.time_ns.size and new.time_ns[0] <= have.time_ns[-1]:
        order = np.argsort(time_ns, kind="stable")
        time_ns, value, quality = time_ns[order], value[order], quality[order]
        last = np.append(time_ns[1:] != time_ns[:-1], True)
        time_ns, value, quality = time_ns[last], value[last], quality[last]
    return Series(time_ns, value, quality)


def _trimmed(series: Series | None, at_ns: int) -> Series | None:
    """From the last good reading at or before ``at_ns`` on."""
    if series is None:
        return None
    upto = int(np.searchsorted(series.time_ns, at_ns, side="right"))
    good = np.flatnonzero(is_good(series.quality[:upto]))
    first = int(good[-1]) if good.size else upto
    return Series(series.time_ns[first:], series.value[first:], series.quality[first:])
