"""The good readings of one tag, in order, each time once: what every rule works on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from water.quality import is_good


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """time_ns : (n,) int64, strictly rising; value : (n,) float64, finite; all of good quality."""

    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]

    def __len__(self) -> int:
        return self.time_ns.size

    def where(self, keep: NDArray[np.bool_] | NDArray[np.intp] | slice) -> Readings:
        return Readings(self.time_ns[keep], self.value[keep])


def good_readings(
    time_ns: NDArray[np.int64], value: NDArray[np.float64], quality: NDArray[np.uint8]
) -> Readings:
    """Columns in order of arrival, made ready: good ones only, sorted; of one time the later arrival.

    A bad reading that arrives later than a good one of the same time takes its place, and is dropped.
    """
    if time_ns.size > 1 and not bool((time_ns[1:] > time_ns[:-1]).all()):
        order = np.argsort(time_ns, kind="stable")  # stable: order of arrival within equal times
        time_ns, value, quality = time_ns[order], value[order], quality[order]
        last = np.ones(time_ns.size, np.bool_)
        np.not_equal(time_ns[1:], time_ns[:-1], out=last[:-1])
        time_ns, value, quality = time_ns[last], value[last], quality[last]
    good = is_good(quality) & np.isfinite(value)
    if bool(good.all()):
        return Readings(time_ns, value)
    return Readings(time_ns[good], value[good])
