"""From a batch of many tags and days to the series of one tag and one day, with its neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from water.batch import Batch
from water.day import Day
from water.output import Series
from water.quality import is_good

NEIGHBOUR_NS = 8 * 86_400 * 1_000_000_000
"""how far away a boundary's neighbour may lie: what ``SeriesReader.read`` looks back and ahead"""


def of_tag(batch: Batch, tag_id: int) -> Series:
    """A tag's readings of a batch that is sorted by tag, then time (as every store's answer is)."""
    begin, end = np.searchsorted(batch.tag_id, [tag_id, tag_id + 1])
    return Series(batch.time_ns[begin:end], batch.value[begin:end], batch.quality[begin:end])


def by_day(series: Series, days: Sequence[Day]) -> list[Series]:
    """Each day's readings with the last good one before it and the first good one from its end on.

    The same rows come out whether a day is read alone or cut from a year.
    """
    begins = np.asarray([day.begin_ns for day in days], np.int64)
    ends = np.asarray([day.end_ns for day in days], np.int64)
    good = np.flatnonzero(is_good(series.quality))
    good_ns = series.time_ns[good]
    first, stop = np.searchsorted(series.time_ns, begins), np.searchsorted(series.time_ns, ends)
    before = np.searchsorted(good_ns, begins) - 1
    after = np.searchsorted(good_ns, ends)
    return [
        _take(
            series,
            int(first[n]),
            int(stop[n]),
            _near(good, good_ns, int(before[n]), day.begin_ns),
            _near(good, good_ns, int(after[n]), day.end_ns),
        )
        for n, day in enumerate(days)
    ]


def _near(good: NDArray[np.intp], good_ns: NDArray[np.int64], index: int, at_ns: int) -> int | None:
    if not 0 <= index < good.shape[0] or abs(int(good_ns[index]) - at_ns) > NEIGHBOUR_NS:
        return None
    return int(good[index])


def _take(series: Series, first: int, stop: int, before: int | None, after: int | None) -> Series:
    begin = first if before is None else before
    end = stop if after is None else after + 1
    if begin >= first - 1 and end <= stop + 1:
        return Series(series.time_ns[begin:end], series.value[begin:end], series.quality[begin:end])
    rows = np.arange(first, stop)
    rows = rows if before is None else np.append(before, rows)
    rows = rows if after is None else np.append(rows, after)
    return Series(series.time_ns[rows], series.value[rows], series.quality[rows])
