"""Whether a reading is credible: checks over columns that set quality and drop nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from config.devices import Tag
from water.batch import NS_PER_S
from water.quality import BAD, UNCERTAIN, Reason, quality
from water.units import to_base

NOT_A_NUMBER = np.uint8(quality(BAD, Reason.NOT_A_NUMBER))
OUT_OF_RANGE = np.uint8(quality(BAD, Reason.OUT_OF_RANGE))
RATE_OF_CHANGE = np.uint8(quality(UNCERTAIN, Reason.RATE_OF_CHANGE))
STUCK = np.uint8(quality(UNCERTAIN, Reason.STUCK))
STALE = np.uint8(quality(UNCERTAIN, Reason.STALE))
CLOCK_SKEW = np.uint8(quality(UNCERTAIN, Reason.CLOCK_SKEW))

AHEAD_NS = 2 * NS_PER_S
"""a device's stamp further ahead of our clock than this is no time to rely on"""

Index = NDArray[np.intp]
Times = NDArray[np.int64]
Values = NDArray[np.float64]
Codes = NDArray[np.uint8]
Mask = NDArray[np.bool_]


class Checks:
    """The checks of one device's tags, known by their position in its description.

    - not a number, infinite: bad ``not_a_number``, and the value becomes NaN
    - outside the tag's ``range``: bad ``out_of_range``; the value stays
    - further from the tag's reading before than ``rate_limit`` allows in the time between:
      uncertain ``rate_of_change``. The reading before is the latest that was not bad.
    - the very same value for longer than ``stuck_after``: uncertain ``stuck``

    A reading keeps what is worse: the quality it came with or that of a check. Limits are in the
    tags' units in the description and in base units here.
    """

    def __init__(self, tags: Sequence[Tag]) -> None:
        n = len(tags)
        self._low = np.full(n, -np.inf)
        self._high = np.full(n, np.inf)
        self._rate_per_s = np.full(n, np.inf)
        self._stuck_after_ns = np.full(n, np.iinfo(np.int64).max)
        for i, tag in enumerate(tags):
            factor, offset = to_base(tag.kind, tag.unit)
            if tag.range is not None:
                self._low[i], self._high[i] = (bound * factor + offset for bound in tag.range)
            if tag.rate_limit is not None:
                self._rate_per_s[i] = tag.rate_limit * factor
            if tag.stuck_after_s is not None:
                self._stuck_after_ns[i] = round(tag.stuck_after_s * NS_PER_S)
        # Bounds are met exactly by devices that clip; float conversion must not push those outside.
        self._low -= np.abs(np.where(np.isfinite(self._low), self._low, 0)) * 1e-9
        self._high += np.abs(np.where(np.isfinite(self._high), self._high, 0)) * 1e-9
        self._rates = bool(np.isfinite(self._rate_per_s).any())
        self._sticks = any(tag.stuck_after_s is not None for tag in tags)
        self._usable_value = np.full(n, np.nan)
        self._usable_ns = np.zeros(n, np.int64)
        self._run_value = np.full(n, np.nan)
        self._run_since_ns = np.zeros(n, np.int64)

    def apply(
        self, index: Index, time_ns: Times, value: Values, came: Codes
    ) -> tuple[Values, Codes]:
        """(value, quality) of readings in the order they came.

        index : (n,) positions of the tags; a tag may come several times
        value : (n,) in base units
        came : (n,) quality that the readings came with; bad ones are no base for later checks
        """
        code = came.copy()
        finite = np.isfinite(value)
        if not finite.all():
            value = np.where(finite, value, np.nan)
            np.maximum(code, NOT_A_NUMBER, out=code, where=~finite)
        outside = (value < self._low[index]) | (value > self._high[index])  # false for NaN
        if outside.any():
            np.maximum(code, OUT_OF_RANGE, out=code, where=outside)
        if self._rates or self._sticks:
            self._check_history(index, time_ns, value, code)
        return value, code

    def forget(self) -> None:
        """The device was lost: what it says next is not compared with what it said before."""
        self._usable_value.fill(np.nan)
        self._run_value.fill(np.nan)

    def _check_history(self, index: Index, time_ns: Times, value: Values, code: Codes) -> None:
        """Rate and stuck; ``code`` is changed in place."""
        if index.size == 0:
            return
        if bool((index[1:] > index[:-1]).all()):  # one reading a tag, as a poll gives them
            self._check_sorted(index, time_ns, value, code, None)
            return
        order = np.lexsort((time_ns, index))  # stable: within equals the order of coming stays
        found = code[order]
        tag = index[order]
        first = np.empty(tag.shape, np.bool_)
        first[0] = True
        np.not_equal(tag[1:], tag[:-1], out=first[1:])
        self._check_sorted(tag, time_ns[order], value[order], found, first)
        code[order] = found

    def _check_sorted(
        self, tag: Index, time: Times, val: Values, code: Codes, first: Mask | None
    ) -> None:
        """The same on readings sorted by tag and time; ``first`` marks each tag's first reading,
        None where every tag comes once.
        """
        if self._rates:
            usable = code < BAD
            np.maximum(
                code, RATE_OF_CHANGE, out=code, where=self._too_fast(tag, time, val, usable, first)
            )
            self._remember_usable(tag, time, val, usable)
        if self._sticks:
            np.maximum(code, STUCK, out=code, where=self._stuck(tag, time, val, first))

    def _too_fast(
        self, tag: Index, time: Times, val: Values, usable: Mask, first: Mask | None
    ) -> Mask:
        """Which usable readings moved faster than allowed since the usable one before."""
        before_value, before_ns = self._usable_value[tag], self._usable_ns[tag]
        if first is not None:
            position = np.arange(tag.size)
            # For each reading the position of the latest usable one strictly before it, or -1.
            latest = np.maximum.accumulate(np.where(usable, position, -1))
            before = np.concatenate(([-1], latest[:-1]))
            within = before >= np.maximum.accumulate(np.where(first, position, 0))
            before_value = np.where(within, val[before], before_value)
            before_ns = np.where(within, time[before], before_ns)
        elapsed_s = (time - before_ns) / NS_PER_S
        elapsed_s[elapsed_s <= 0] = np.inf  # time that runs backwards has no rate
        # A comparison with NaN (nothing before) is false.
        return usable & (np.abs(val - before_value) > self._rate_per_s[tag] * elapsed_s)

    def _remember_usable(self, tag: Index, time: Times, val: Values, usable: Mask) -> None:
        # Sorted by time within a tag, and numpy keeps the last of several writes to one place.
        newer = usable & ((time >= self._usable_ns[tag]) | np.isnan(self._usable_value[tag]))
        if not newer.all():
            tag, time, val = tag[newer], time[newer], val[newer]
        self._usable_value[tag] = val
        self._usable_ns[tag] = time

    def _stuck(self, tag: Index, time: Times, val: Values, first: Mask | None) -> Mask:
        """Which readings end a run of one same value that is longer than allowed."""
        since = np.where(val == self._run_value[tag], self._run_since_ns[tag], time)
        if first is not None:
            starts = first.copy()
            starts[1:] |= val[1:] != val[:-1]
            run = np.maximum.accumulate(np.where(starts, np.arange(tag.size), 0))
            since = np.where(first, since, time)[run]
        # Of several writes to one place the last stays: the tag's latest run.
        self._run_value[tag] = val
        self._run_since_ns[tag] = since
        return (time - since) > self._stuck_after_ns[tag]


def check_times(time_ns: Times, now_ns: int, stale_after_ns: int, came: Codes) -> Codes:
    """Quality by the devices' own stamps: uncertain ``stale`` where too old, ``clock_skew`` where
    they lie ahead of our clock. For readings that claim to be of now, not for back-filled ones.
    """
    code = came.copy()
    np.maximum(code, STALE, out=code, where=now_ns - time_ns > stale_after_ns)
    np.maximum(code, CLOCK_SKEW, out=code, where=time_ns - now_ns > AHEAD_NS)
    return code
