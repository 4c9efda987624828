"""What passed between consecutive good readings of one register: the classification of increments.

Columns in, columns out: numpy over the whole day, no Python per reading. Rules and reasons:
docs/accounting.md, "Increments".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from water.meter import MeterInstallation
from water.readings import Readings
from water.volume import MeterEvent

MARGIN = 1.05
"""A meter may pass a little more than its greatest flow."""
BACKSTEP_COUNTS = 2.0
TORN_COUNTS = 65_536.0
"""A 32-bit count whose halves are from two instants is off by one of its high word."""
SPIKE_PASSES = 4
CLOCK_JUMP_READINGS = 3
"""So many stray readings, each between two that fit, are a second clock and not single faults."""


class Step(IntEnum):
    """What the interval between two readings is. From RESET on its volume is not (wholly) known."""

    NORMAL = 0
    ROLLOVER = 1
    BACKSTEP = 2
    RESET = 3
    """the part since the restart is known, the part before it is lost"""
    REPLACED = 4
    """the meter was changed and its last or first reading is not known"""
    UNMETERED = 5
    """no meter stood there"""
    QUARANTINED = 6
    AMBIGUOUS = 7


EVENT_OF: dict[int, str] = {
    Step.ROLLOVER: "rollover",
    Step.BACKSTEP: "backstep",
    Step.RESET: "reset",
    Step.REPLACED: "replaced",
    Step.UNMETERED: "unmetered",
    Step.QUARANTINED: "quarantined",
    Step.AMBIGUOUS: "ambiguous_rollover",
}


@dataclass(frozen=True, slots=True, eq=False)
class Increments:
    """A register's course through the readings that were kept.

    time_ns : (n,) int64, strictly rising
    volume_m3 : (n-1,) float64, true m³ (factor applied); 0 where nothing is known
    step : (n-1,) uint8, see Step
    behind_m3 : (n,) float64, how far a reading lies below the highest before it (backsteps)
    count_m3 : what one count is worth at the register's greatest value (float32 widens it)
    events : about readings that were left out (spike, torn, clock_jump) and meters replaced
    """

    time_ns: NDArray[np.int64]
    volume_m3: NDArray[np.float64]
    step: NDArray[np.uint8]
    behind_m3: NDArray[np.float64]
    count_m3: float = 0.0
    events: tuple[MeterEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What is plausible for one register, in m³ as registered.

    refresh_s : a register may stand still so long and then show all at once (a slow PLC program)
    """

    flow_m3_per_s: float
    count_m3: float
    modulus_m3: float
    tolerance_m3: float
    refresh_s: float

    @classmethod
    def of(
        cls,
        installation: MeterInstallation,
        greatest_m3: float,
        maximum_flow_m3_per_h: float,
        refresh_s: float,
    ) -> Limits:
        """greatest_m3 : the greatest register value, which sets the step of a float32."""
        count = installation.resolution_m3
        if installation.float32:
            count = max(count, float(np.spacing(np.float32(greatest_m3))))
        return cls(
            flow_m3_per_s=maximum_flow_m3_per_h * MARGIN / 3600 / installation.factor,
            count_m3=count,
            modulus_m3=installation.modulus_m3,
            tolerance_m3=1e-6 * count + 4 * float(np.spacing(greatest_m3)),
            refresh_s=refresh_s,
        )

    @property
    def backstep_m3(self) -> float:
        return BACKSTEP_COUNTS * self.count_m3 + self.tolerance_m3

    def rise_m3(self, elapsed_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """The greatest plausible rise in a time: maximum flow × time × 1.05 + 2 counts."""
        by_flow = elapsed_ns.astype(np.float64) * (self.flow_m3_per_s / 1e9)
        return by_flow + (2 * self.count_m3 + self.tolerance_m3)


def increments(
    readings: Readings,
    installation: MeterInstallation,
    maximum_flow_m3_per_h: float,
    refresh_s: float = 60.0,
) -> Increments:
    """Classify what passed between consecutive readings of one installation."""
    if len(readings) == 0:
        return Increments(readings.time_ns, np.zeros(0), np.zeros(0, np.uint8), np.zeros(0))
    limits = Limits.of(
        installation, float(np.abs(readings.value).max()), maximum_flow_m3_per_h, refresh_s
    )
    kept, events = _without_strays(readings, limits)
    registered, step, behind = _steps(kept, limits)
    inner = _inside_quarantine(step)
    return Increments(
        np.delete(kept.time_ns, inner + 1) if inner.size else kept.time_ns,
        np.delete(registered, inner) * installation.factor,
        np.delete(step, inner),
        np.delete(behind, inner + 1),
        limits.count_m3 * installation.factor,
        events,
    )


def _inside_quarantine(step: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Intervals followed by another quarantined one: the reading between them belongs to one hole."""
    held = step == Step.QUARANTINED
    return np.flatnonzero(held[:-1] & held[1:])


def _elapsed_ns(readings: Readings, limits: Limits) -> NDArray[np.int64]:
    """(n-1,) time in which each rise may have passed: since the register last moved.

    A register that its PLC refreshes more slowly than it is read stands still and then rises at
    once. It is given the time since it moved, up to ``refresh_s``, never less than the interval.
    """
    time_ns, value = readings.time_ns, readings.value
    moved_at = time_ns.copy()
    moved_at[1:][value[1:] == value[:-1]] = time_ns[0]
    np.maximum.accumulate(moved_at, out=moved_at)
    since = np.minimum(time_ns[1:] - moved_at[:-1], round(limits.refresh_s * 1e9))
    return np.maximum(since, np.diff(time_ns))


def _implausible(
    rise: NDArray[np.float64], greatest: NDArray[np.float64], limits: Limits
) -> NDArray[np.bool_]:
    return (rise > greatest) | (rise < -limits.backstep_m3)


def _without_strays(readings: Readings, limits: Limits) -> tuple[Readings, tuple[MeterEvent, ...]]:
    """Leave out single readings that jump and revert: their neighbours fit each other without them.

    Neighbours that are flagged in a row are taken every other one from the first on: with two clocks
    in one series the strays alternate with the right readings, and each looks stray to the other.
    """
    kept = readings
    events: list[MeterEvent] = []
    for _ in range(SPIKE_PASSES):
        if len(kept) < 3:
            break
        rise = np.diff(kept.value)
        elapsed_ns = _elapsed_ns(kept, limits)
        jump = _implausible(rise, limits.rise_m3(elapsed_ns), limits)
        if not bool(jump.any()):
            break
        over = kept.value[2:] - kept.value[:-2]
        over_ns = elapsed_ns[:-1] + np.diff(kept.time_ns)[1:]
        fits = ~_implausible(over, limits.rise_m3(over_ns), limits)
        flagged = np.flatnonzero((jump[:-1] | jump[1:]) & fits) + 1
        if flagged.size == 0:
            break
        strays = _every_other(flagged)
        events += _stray_events(kept, strays, limits)
        keep = np.ones(len(kept), np.bool_)
        keep[strays] = False
        kept = kept.where(keep)
    return kept, tuple(events)


def _every_other(index: NDArray[np.intp]) -> NDArray[np.intp]:
    """Of each run of consecutive numbers the first, third, fifth …"""
    place = np.arange(index.size)
    starts = np.ones(index.size, np.bool_)
    starts[1:] = np.diff(index) > 1
    first = np.maximum.accumulate(np.where(starts, place, 0))
    return index[(place - first) % 2 == 0]


def _stray_events(readings: Readings, strays: NDArray[np.intp], limits: Limits) -> list[MeterEvent]:
    before, after = readings.value[strays - 1], readings.value[strays + 1]
    off = readings.value[strays] - (before + after) / 2
    slack = np.abs(after - before) + limits.backstep_m3
    events: list[MeterEvent] = []
    runs = np.split(np.arange(strays.size), np.flatnonzero(np.diff(strays) != 2) + 1)
    for run in runs:
        if run.size >= CLOCK_JUMP_READINGS:
            begin = int(readings.time_ns[strays[run[0]]])
            detail = f"{run.size} readings of another clock among the others, left out"
            events.append(MeterEvent("clock_jump", begin, 0.0, detail))
            continue
        for i in run:
            torn = abs(off[i]) + slack[i] >= TORN_COUNTS * limits.count_m3
            detail = f"one reading {off[i]:+.6g} m³ off, left out"
            at_ns = int(readings.time_ns[strays[i]])
            events.append(MeterEvent("torn" if torn else "spike", at_ns, 0.0, detail))
    return events


def _steps(
    readings: Readings, limits: Limits
) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.float64]]:
    """Registered m³ (n-1,), Step (n-1,) and how far behind (n,) of readings without strays."""
    if len(readings) < 2:
        return np.zeros(0), np.zeros(0, np.uint8), np.zeros(len(readings))
    rise = np.diff(readings.value)
    greatest = limits.rise_m3(_elapsed_ns(readings, limits))
    step = np.where(rise < -limits.tolerance_m3, np.uint8(Step.BACKSTEP), np.uint8(Step.NORMAL))
    could_wrap = rise + limits.modulus_m3 <= greatest
    rare = np.flatnonzero(_implausible(rise, greatest, limits) | could_wrap)
    if rare.size:
        rise[rare], step[rare] = _rare_steps(
            rise[rare], readings.value[rare + 1], greatest[rare], limits
        )
    # Running maximum of the unwrapped count: a backstep adds nothing, nor does the way back up.
    course = np.zeros(rise.size + 1)
    np.cumsum(rise, out=course[1:])
    highest = np.maximum.accumulate(course)
    volume = np.diff(highest)
    behind = highest - course
    _hold_reversals(behind, volume, step, limits)
    return volume, step, behind


def _rare_steps(
    rise: NDArray[np.float64],
    value: NDArray[np.float64],
    greatest: NDArray[np.float64],
    limits: Limits,
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Registered m³ and Step where a difference is not plainly plausible. Order matters."""
    wrapped = rise + limits.modulus_m3
    wraps = (wrapped >= 0) & (wrapped <= greatest)
    fell = rise < -limits.backstep_m3
    is_ambiguous = wraps & (~fell | (greatest >= limits.modulus_m3 / 2))
    is_rollover = wraps & fell
    is_reset = fell & (value >= -limits.tolerance_m3) & (value <= greatest)
    step = np.select(
        [is_ambiguous, is_rollover, is_reset],
        [np.uint8(Step.AMBIGUOUS), np.uint8(Step.ROLLOVER), np.uint8(Step.RESET)],
        np.uint8(Step.QUARANTINED),
    )
    amount = np.where(step == Step.ROLLOVER, wrapped, np.where(step == Step.RESET, value, 0.0))
    return amount, step


def _hold_reversals(
    behind: NDArray[np.float64],
    volume: NDArray[np.float64],
    step: NDArray[np.uint8],
    limits: Limits,
) -> None:
    """Quarantine, in place, stretches in which the register ran back by more than a backstep.

    behind : (n,) how far each reading lies below the highest before it
    """
    if not bool((behind > limits.backstep_m3).any()):
        return
    below = behind > limits.tolerance_m3
    edges = [int(i) + 1 for i in np.flatnonzero(np.diff(below))]  # reading 0 is never below
    begins, ends = edges[0::2], [*edges[1::2], below.size - 1]
    for begin, end in zip(begins, ends, strict=False):
        if behind[begin : end + 1].max() > limits.backstep_m3:
            step[begin - 1 : end] = Step.QUARANTINED
            volume[begin - 1 : end] = 0.0
