"""A stretch of the plant's life, computed node by node, and read at any instant within."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.balance import Course
from simulator.waves import Array

Times = NDArray[np.int64]


def nodes(from_ns: int, to_ns: int, step_ns: int) -> Times:
    """``from_ns``, every whole multiple of the step after it, and ``to_ns``."""
    first = (from_ns // step_ns + 1) * step_ns
    inner = np.arange(first, to_ns, step_ns, dtype=np.int64)
    return np.concatenate([np.array([from_ns]), inner, np.array([to_ns])]).astype(np.int64)


@dataclass(frozen=True, slots=True)
class View:
    """The true figures at some instants.

    times_ns, times_s : (n,); flow : (n, n_rows) m³/h; total : (n, n_rows) m³ since the origin;
    volume_m3, inflow, outflow : (n, n_storages)
    """

    times_ns: Times
    times_s: Array
    flow: Array
    total: Array
    volume_m3: Array
    inflow: Array
    outflow: Array


@dataclass(frozen=True, slots=True)
class Segment:
    """Nodes within one production day; between them flows are straight lines.

    times_ns : (n_nodes,); flow, total : (n_nodes, n_rows), true m³/h and m³ since the origin
    """

    times_ns: Times
    step_ns: int
    flow: Array
    total: Array
    course: Course

    @property
    def begin_ns(self) -> int:
        return int(self.times_ns[0])

    @property
    def end_ns(self) -> int:
        return int(self.times_ns[-1])

    def view(self, times_ns: Times) -> View:
        """At instants within the segment: flows straight, totals and volumes their exact integrals."""
        at = np.clip(np.searchsorted(self.times_ns, times_ns, side="right") - 1, 0, None)
        at = np.minimum(at, len(self.times_ns) - 2)
        length_h = ((self.times_ns[at + 1] - self.times_ns[at]) / 3.6e12)[:, None]
        since_h = ((times_ns - self.times_ns[at]) / 3.6e12)[:, None]
        part = since_h / length_h
        course = self.course
        net = course.inflow - course.outflow
        lost = course.makeup_m3[at + 1] - course.overflow_m3[at + 1]
        volume = course.volume_m3[at] + _integral(net, at, since_h, part) + part * lost
        return View(
            times_ns=times_ns,
            times_s=times_ns / 1e9,
            flow=_line(self.flow, at, part),
            total=self.total[at] + _integral(self.flow, at, since_h, part),
            volume_m3=np.maximum(volume, 0.0),
            inflow=_line(course.inflow, at, part),
            outflow=_line(course.outflow, at, part),
        )


def running_totals(times_ns: Times, flow: Array, start: Array) -> Array:
    """(n_nodes, n_rows) m³: ``start`` and the exact integrals of straight lines between nodes."""
    hours = (np.diff(times_ns) / 3.6e12)[:, None]
    steps = (flow[1:] + flow[:-1]) / 2 * hours
    return np.cumsum(np.concatenate([start[None, :], steps]), axis=0)


def _line(values: Array, at: NDArray[np.intp], part: Array) -> Array:
    return values[at] + (values[at + 1] - values[at]) * part


def _integral(rate: Array, at: NDArray[np.intp], since_h: Array, part: Array) -> Array:
    return (rate[at] + (rate[at + 1] - rate[at]) * (part / 2)) * since_h
