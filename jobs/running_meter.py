"""One product meter's running day: begun from the store, fed by committed batches."""

from __future__ import annotations

import numpy as np

from jobs.clock import NS_PER_S
from jobs.measuring import UNKNOWN, Point, standing_ns, up_to_now
from jobs.slicing import of_tag
from water.batch import Batch
from water.output import Series, Volume, meter_volume
from water.quality import is_good
from water.running import RunningDay

RATE_NS = 600 * NS_PER_S
"""over how long a rate is taken from a totalizer"""
_LEAST_RATE_NS = 20 * NS_PER_S
_RENEW_NS = 2 * NS_PER_S
"""the day's volume is computed anew at most this often: half a millisecond a meter"""


class RunningMeter:
    """The volume of a measuring point since its production day began, and its rate now."""

    def __init__(self, point: Point) -> None:
        self.point = point
        self.stale = True
        """the day must be read from the store again: late readings came, or a new day has begun"""
        self._day: RunningDay | None = None
        self._counted = NO_SERIES
        self._volume = UNKNOWN
        self._computed_ns: int | None = None

    def begin(self, begin_ns: int, readings: Batch) -> None:
        """Take up a day from its stored readings, sorted by tag and time, with neighbours."""
        totalizer, flow = self._of(readings)
        self._day = RunningDay.of(self.point.meter, begin_ns, totalizer, flow)
        self._counted = _recent(totalizer or NO_SERIES)
        self.stale = self._day.late
        self._computed_ns = None

    def forget(self) -> None:
        """A new day: what is known is of the one before. Unknown until ``begin``."""
        self._day, self._computed_ns, self.stale = None, None, True

    def take(self, readings: Batch) -> None:
        """Add committed readings, sorted by tag and time; those of other tags are left."""
        if self._day is None:
            return
        totalizer, flow = self._of(readings)
        if not (_size(totalizer) or _size(flow)):
            return
        self._day = self._day.fed(totalizer, flow)
        self.stale = self.stale or self._day.late or self._before_it(totalizer, flow)
        if totalizer is not None and _size(totalizer):
            self._counted = _recent(_joined(self._counted, totalizer))

    def volume(self, now_ns: int) -> Volume:
        """The day so far, up to the last good reading."""
        since_ns = None if self._computed_ns is None else now_ns - self._computed_ns
        if since_ns is None or not 0 <= since_ns < _RENEW_NS:
            self._volume, self._computed_ns = self._compute(now_ns), now_ns
        return self._volume

    def rate_m3_per_h(self, now_ns: int) -> float | None:
        """The flow that the totalizer tells over the last minutes, None where it tells none."""
        good = np.flatnonzero(is_good(self._counted.quality))
        time_ns = self._counted.time_ns[good]
        time_ns = time_ns[(time_ns > now_ns - RATE_NS) & (time_ns <= now_ns)]
        if time_ns.size < 2 or time_ns[-1] - time_ns[0] < _LEAST_RATE_NS:
            return None
        begin_ns, end_ns = int(time_ns[0]), int(time_ns[-1])
        passed = meter_volume(self.point.meter, self._counted, None, begin_ns, end_ns)
        if passed.volume_m3 is None:
            return None
        return passed.volume_m3 * 3.6e12 / (end_ns - begin_ns)

    def _compute(self, now_ns: int) -> Volume:
        day = self._day
        if day is None:
            return UNKNOWN
        end_ns = standing_ns(day.totalizer.time_ns, day.flow.time_ns, day.begin_ns, now_ns)
        if end_ns is None or end_ns <= day.begin_ns:
            return UNKNOWN
        volume = day.volume(end_ns)
        return up_to_now(volume, self.point.meter, day.begin_ns, end_ns, now_ns)

    def _of(self, readings: Batch) -> tuple[Series | None, Series | None]:
        totalizer, flow = self.point.totalizer, self.point.flow
        return (
            None if totalizer is None else of_tag(readings, totalizer),
            None if flow is None else of_tag(readings, flow),
        )

    def _before_it(self, totalizer: Series | None, flow: Series | None) -> bool:
        """A reading from before the day can move its first boundary."""
        begin_ns = 0 if self._day is None else self._day.begin_ns
        return any(
            series is not None and series.time_ns.size and int(series.time_ns[0]) < begin_ns
            for series in (totalizer, flow)
        )


NO_SERIES = Series(np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.uint8))


def _size(series: Series | None) -> int:
    return 0 if series is None else series.time_ns.size


def _joined(have: Series, new: Series) -> Series:
    """In order of arrival, which is what the rules of water take."""
    return Series(
        np.concatenate([have.time_ns, new.time_ns]),
        np.concatenate([have.value, new.value]),
        np.concatenate([have.quality, new.quality]),
    )


def _recent(series: Series) -> Series:
    """What a rate is taken from."""
    if series.time_ns.size == 0:
        return series
    keep = series.time_ns > int(series.time_ns.max()) - RATE_NS
    return Series(series.time_ns[keep], series.value[keep], series.quality[keep])
