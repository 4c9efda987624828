"""The volume under a flow: time-weighted trapezoid of good readings, holes left uncovered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from water.readings import Readings

NS_PER_H = 3.6e12


@dataclass(frozen=True, slots=True, eq=False)
class FlowCurve:
    """A flow as its running integral; between readings the flow is linear, in a hole it is unknown.

    time_ns : (n,) int64 rising; flow_m3_per_h : (n,) float64
    covered : (n-1,) bool, no hole between reading i and i+1
    volume_m3, covered_ns : (n,) float64, running sums over what is covered
    """

    time_ns: NDArray[np.int64]
    flow_m3_per_h: NDArray[np.float64]
    covered: NDArray[np.bool_]
    volume_m3: NDArray[np.float64]
    covered_ns: NDArray[np.float64]

    @classmethod
    def of(cls, readings: Readings, max_gap_s: float) -> FlowCurve:
        """From good readings. A step longer than ``max_gap_s`` is a hole, never interpolated."""
        time_ns, flow = readings.time_ns, readings.value
        step_ns = np.diff(time_ns).astype(np.float64)
        covered = step_ns <= max_gap_s * 1e9
        step_m3 = np.where(covered, (flow[1:] + flow[:-1]) * step_ns / (2 * NS_PER_H), 0.0)
        return cls(
            time_ns,
            flow,
            covered,
            _running(step_m3),
            _running(np.where(covered, step_ns, 0.0)),
        )

    def volume(self, from_ns: int, to_ns: int) -> float:
        """m³ that passed in the covered part of ``[from_ns, to_ns)``."""
        return self._volume_until(to_ns) - self._volume_until(from_ns)

    def covered_s(self, from_ns: int, to_ns: int) -> float:
        """How much of a span is covered, s."""
        return (self._covered_until(to_ns) - self._covered_until(from_ns)) / 1e9

    def covers(self, at_ns: int) -> bool:
        """Is an instant between two readings with no hole between them, or on a reading?"""
        i = int(np.searchsorted(self.time_ns, at_ns, "right")) - 1
        if i < 0:
            return False
        return int(self.time_ns[i]) == at_ns or (
            i + 1 < self.time_ns.size and bool(self.covered[i])
        )

    def holes(self, from_ns: int, to_ns: int) -> list[tuple[int, int]]:
        """The uncovered stretches of a span, in order, clipped to it."""
        if self.time_ns.size == 0:
            return [(from_ns, to_ns)]
        index = np.flatnonzero(~self.covered)
        edges = [(int(self.time_ns[i]), int(self.time_ns[i + 1])) for i in index]
        edges = [(from_ns, int(self.time_ns[0])), *edges, (int(self.time_ns[-1]), to_ns)]
        clipped = [(max(a, from_ns), min(b, to_ns)) for a, b in edges]
        return [(a, b) for a, b in clipped if a < b]

    def _volume_until(self, at_ns: int) -> float:
        """Running integral at an instant. Within a step the flow is linear, so this is quadratic."""
        i = int(np.searchsorted(self.time_ns, at_ns, "right")) - 1
        if i < 0:
            return 0.0
        before = float(self.volume_m3[i])
        if i + 1 >= self.time_ns.size or not self.covered[i]:
            return before
        into_ns = at_ns - int(self.time_ns[i])
        step_ns = int(self.time_ns[i + 1]) - int(self.time_ns[i])
        first, last = float(self.flow_m3_per_h[i]), float(self.flow_m3_per_h[i + 1])
        mean = first + (last - first) * into_ns / (2 * step_ns)
        return before + mean * into_ns / NS_PER_H

    def _covered_until(self, at_ns: int) -> float:
        i = int(np.searchsorted(self.time_ns, at_ns, "right")) - 1
        if i < 0:
            return 0.0
        before = float(self.covered_ns[i])
        if i + 1 >= self.time_ns.size or not self.covered[i]:
            return before
        return before + (at_ns - int(self.time_ns[i]))


def _running(step: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.zeros(step.size + 1)
    np.cumsum(step, out=total[1:])
    return total
