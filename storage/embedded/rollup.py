"""Readings reduced to steps: lowest, highest, time-weighted mean, last, how many. Pure.

Each good reading weighs the time to its tag's next reading, of whatever quality, and at most to the
end of its UTC hour. So a bad reading ends what went before, nothing of one hour depends on another,
and the mean over any union of steps is the sum of theirs: minutes add up to hours exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from water.batch import Batch
from water.quality import is_good

MINUTE_NS = 60_000_000_000
HOUR_NS = 3_600_000_000_000


@dataclass(frozen=True, slots=True)
class Steps:
    """Rows by tag and time, one for each step that holds good readings.

    tag_id : (n,) int32; time_ns : (n,) int64, begin of the step
    weight_s : (n,) float64, seconds that the readings weigh together; mean is by this weight
    """

    tag_id: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]
    mean: NDArray[np.float64]
    last: NDArray[np.float64]
    count: NDArray[np.int64]
    weight_s: NDArray[np.float64]

    def __len__(self) -> int:
        return self.tag_id.shape[0]

    def columns(self) -> tuple[NDArray[Any], ...]:
        return (
            self.tag_id, self.time_ns, self.minimum, self.maximum,
            self.mean, self.last, self.count, self.weight_s,
        )  # fmt: skip

    def where(self, keep: NDArray[np.bool_] | NDArray[np.integer] | slice) -> Steps:
        return Steps(
            self.tag_id[keep],
            self.time_ns[keep],
            self.minimum[keep],
            self.maximum[keep],
            self.mean[keep],
            self.last[keep],
            self.count[keep],
            self.weight_s[keep],
        )


def join(parts: list[Steps]) -> Steps:
    """Rows of several, in the order given."""
    if not parts:
        return of_readings(Batch.empty())
    columns = zip(*(part.columns() for part in parts), strict=True)
    return Steps(*(np.concatenate(same) for same in columns))


def of_readings(batch: Batch) -> Steps:
    """Every good reading as a step of its own, with its weight.

    batch : by tag and time, each key once
    """
    tag, time = batch.tag_id, batch.time_ns
    end = (time // HOUR_NS + 1) * HOUR_NS
    if len(batch) > 1:
        same = tag[1:] == tag[:-1]
        end[:-1] = np.where(same, np.minimum(end[:-1], time[1:]), end[:-1])
    weight_s = ((end - time) * 1e-9).astype(np.float64, copy=False)
    good = np.flatnonzero(is_good(batch.quality) & np.isfinite(batch.value))
    value = batch.value[good]
    return Steps(
        tag[good],
        time[good],
        value,
        value,
        value,
        value,
        np.ones(good.shape[0], np.int64),
        weight_s[good],
    )


def reduce(rows: Steps, step_ns: int, origin_ns: int = 0) -> Steps:
    """Rows joined to wider steps that begin at whole multiples of ``step_ns`` after ``origin_ns``.

    rows : by tag and time
    """
    if len(rows) == 0:
        return rows
    step = (rows.time_ns - origin_ns) // step_ns
    new = np.empty(len(rows), np.bool_)
    new[0] = True
    np.not_equal(step[1:], step[:-1], out=new[1:])
    new[1:] |= rows.tag_id[1:] != rows.tag_id[:-1]
    begin = np.flatnonzero(new)
    final = np.append(begin[1:], len(rows)) - 1
    minimum = np.minimum.reduceat(rows.minimum, begin)
    maximum = np.maximum.reduceat(rows.maximum, begin)
    weight = np.add.reduceat(rows.weight_s, begin)
    # Weighing the distance to the first of the step keeps a constant exactly constant.
    base = rows.mean[begin]
    spread = (rows.mean - np.repeat(base, final - begin + 1)) * rows.weight_s
    mean = np.clip(base + np.add.reduceat(spread, begin) / weight, minimum, maximum)
    return Steps(
        rows.tag_id[begin],
        step[begin] * step_ns + origin_ns,
        minimum,
        maximum,
        mean,
        rows.last[final],
        np.add.reduceat(rows.count, begin),
        weight,
    )
