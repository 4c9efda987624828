"""A register's course as a curve that can be asked: volume until an instant, holes, boundaries."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from water.meter import Meter
from water.totalizer import EVENT_OF, Increments, Step
from water.volume import MeterEvent

SAMPLE_SLACK = 1.5
"""A reading up to half an interval late is not a missed one."""


def gap_limit_s(meter: Meter) -> float:
    """A longer interval between readings is a gap: the day says so."""
    return max(meter.flow_max_gap_s, 3 * meter.sample_interval_s)


class Register:
    """The course of a measuring point, linear between its readings.

    Intervals are numbered; interval i lies between reading i and i+1. Times are ns UTC.
    """

    def __init__(self, course: Increments, meter: Meter) -> None:
        self.course = course
        self.limit_s = gap_limit_s(meter)
        self._limit_ns = round(self.limit_s * 1e9)
        self._sample_ns = round(meter.sample_interval_s * 1e9)
        self._time_ns = course.time_ns
        self._until_m3 = np.zeros(self._time_ns.size)
        if self._time_ns.size > 1:
            np.cumsum(course.volume_m3, out=self._until_m3[1:])
        self._held = np.flatnonzero(course.step >= Step.RESET)

    def reaches(self, begin_ns: int, end_ns: int) -> bool:
        """Is there an interval that overlaps the span?"""
        time_ns = self._time_ns
        return time_ns.size > 1 and int(time_ns[0]) < end_ns and int(time_ns[-1]) > begin_ns

    def span_within(self, begin_ns: int, end_ns: int) -> int:
        """How much of a span lies between the first and the last reading, ns."""
        return max(0, min(end_ns, int(self._time_ns[-1])) - max(begin_ns, int(self._time_ns[0])))

    def silent(self, begin_ns: int, end_ns: int) -> list[tuple[int, int]]:
        """The parts of a span before the first and after the last reading."""
        ends = [(begin_ns, min(end_ns, int(self._time_ns[0])))]
        ends.append((max(begin_ns, int(self._time_ns[-1])), end_ns))
        return [(a, b) for a, b in ends if a < b]

    def volume(self, from_ns: int, to_ns: int) -> float:
        """m³ by the register; what is held back counts nothing."""
        return self._until(to_ns) - self._until(from_ns)

    def volumes(self, spans_ns: NDArray[np.int64]) -> float:
        """m³ of many spans together, (n, 2) from and to."""
        if spans_ns.size == 0:
            return 0.0
        offset = (spans_ns - self._time_ns[0]).astype(np.float64)
        until = np.interp(offset, (self._time_ns - self._time_ns[0]), self._until_m3)
        return float((until[:, 1] - until[:, 0]).sum())

    def _until(self, at_ns: int) -> float:
        found = self.step_at(at_ns)
        if found is None:
            return 0.0 if at_ns < int(self._time_ns[0]) else float(self._until_m3[-1])
        step, share = found
        before = float(self._until_m3[step])
        return before + share * self.step_m3(step) if share else before

    def step_at(self, at_ns: int) -> tuple[int, float] | None:
        """The interval in which an instant lies and its share of it; None outside the readings.

        On a reading: that reading's number and share 0 (also on the last).
        """
        i = int(np.searchsorted(self._time_ns, at_ns, "right")) - 1
        if i < 0 or (i == self._time_ns.size - 1 and at_ns > int(self._time_ns[i])):
            return None
        if at_ns == int(self._time_ns[i]):
            return i, 0.0
        from_ns, to_ns = self.step_ns(i)
        return i, (at_ns - from_ns) / (to_ns - from_ns)

    def step_ns(self, step: int) -> tuple[int, int]:
        return int(self._time_ns[step]), int(self._time_ns[step + 1])

    def step_m3(self, step: int) -> float:
        return float(self.course.volume_m3[step])

    def is_short(self, step: int) -> bool:
        from_ns, to_ns = self.step_ns(step)
        return to_ns - from_ns <= self._limit_ns

    def is_held(self, step: int) -> bool:
        return bool(self.course.step[step] >= Step.RESET)

    def _steps_within(self, begin_ns: int, end_ns: int) -> slice:
        """The intervals that overlap a span."""
        first = max(0, int(np.searchsorted(self._time_ns, begin_ns, "right")) - 1)
        last = int(np.searchsorted(self._time_ns, end_ns, "left"))
        return slice(first, min(last, self._time_ns.size - 1))

    def held(self, begin_ns: int, end_ns: int) -> list[tuple[int, int, int]]:
        """(interval, from, to) of what is held back within a span, clipped to it."""
        found: list[tuple[int, int, int]] = []
        if self._held.size == 0:
            return found
        within = self._steps_within(begin_ns, end_ns)
        for i in self._held[(self._held >= within.start) & (self._held < within.stop)]:
            from_ns, to_ns = self.step_ns(int(i))
            found.append((int(i), max(from_ns, begin_ns), min(to_ns, end_ns)))
        return found

    def long_steps(self, begin_ns: int, end_ns: int) -> list[int]:
        """The intervals longer than the greatest gap that overlap a span, of a standing meter."""
        within = self._steps_within(begin_ns, end_ns)
        length = np.diff(self._time_ns[within.start : within.stop + 1])
        found = np.flatnonzero(length > self._limit_ns) + within.start
        return [int(i) for i in found if self.course.step[i] != Step.UNMETERED]

    def rate_beside(self, from_ns: int, to_ns: int, step: int | None) -> float | None:
        """m³/s over the greatest gap's length on both sides of a hole; None where nothing is measured.

        Where the hole is an interval its own ends count, not where a span clips it.
        """
        if step is not None:
            from_ns, to_ns = self.step_ns(step)
        volume_m3 = time_s = 0.0
        for side_from, side_to in (
            (from_ns - self._limit_ns, from_ns),
            (to_ns, to_ns + self._limit_ns),
        ):
            held_s = sum((b - a) / 1e9 for _, a, b in self.held(side_from, side_to))
            volume_m3 += self.volume(side_from, side_to)
            time_s += self.span_within(side_from, side_to) / 1e9 - held_s
        return volume_m3 / time_s if time_s > 0 else None

    def sampled_s(self, begin_ns: int, end_ns: int) -> float:
        """The time for which there are samples: each stands for the interval that it was due for."""
        within = self._steps_within(begin_ns, end_ns)
        time_ns = self._time_ns[within.start : within.stop + 1]
        length = np.diff(time_ns, append=time_ns[-1] + self._sample_ns)
        length = np.where(length <= SAMPLE_SLACK * self._sample_ns, length, self._sample_ns)
        until = np.clip(time_ns + length, begin_ns, end_ns)
        return float((until - np.clip(time_ns, begin_ns, end_ns)).sum()) / 1e9

    def events(self, begin_ns: int, end_ns: int) -> list[MeterEvent]:
        """What a person should know of a span: by the reading that showed it, holes in both days."""
        found = [e for e in self.course.events if begin_ns <= e.time_ns < end_ns]
        within = self._steps_within(begin_ns, end_ns)
        for i in np.flatnonzero(self.course.step[within]) + within.start:
            step = int(self.course.step[i])
            from_ns, to_ns = self.step_ns(int(i))
            if step >= Step.RESET:
                seconds = (to_ns - from_ns) / 1e9
                known = self.step_m3(int(i)) if step == Step.RESET else None
                at_ns = max(from_ns, begin_ns)
                found.append(MeterEvent(EVENT_OF[step], at_ns, known, f"over {seconds:.6g} s"))
            elif begin_ns <= to_ns < end_ns:
                found.append(MeterEvent(EVENT_OF[step], to_ns, self.step_m3(int(i))))
        return found
