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
from water.plausible import Limits, implausible, time_to_rise_ns
from water.readings import Readings
from water.strays import without_strays
from water.volume import MeterEvent


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
    plain = _plain_rises(readings, limits)
    if plain is not None:
        return Increments(
            readings.time_ns,
            plain * installation.factor,
            np.zeros(plain.size, np.uint8),
            np.zeros(len(readings)),
            limits.count_m3 * installation.factor,
        )
    kept, events = without_strays(readings, limits)
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


def _plain_rises(readings: Readings, limits: Limits) -> NDArray[np.float64] | None:
    """The rises where every one is plainly plausible, as on most days; None where one is not.

    It spares the rest of the classification, which would come to the same.
    """
    rise = np.diff(readings.value)
    elapsed_ns = np.diff(readings.time_ns)
    if rise.size == 0:
        return rise
    longest_s = max(int(elapsed_ns.max()) / 1e9, limits.refresh_s)
    most = limits.flow_m3_per_s * longest_s + 2 * limits.count_m3 + limits.tolerance_m3
    if limits.modulus_m3 <= most or float(rise.min()) < 0:
        return None
    return rise if bool((rise <= limits.rise_m3(elapsed_ns)).all()) else None


def _inside_quarantine(step: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Intervals followed by another quarantined one: the reading between them belongs to one hole."""
    held = step == Step.QUARANTINED
    return np.flatnonzero(held[:-1] & held[1:])


def _steps(
    readings: Readings, limits: Limits
) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.float64]]:
    """Registered m³ (n-1,), Step (n-1,) and how far behind (n,) of readings without strays."""
    if len(readings) < 2:
        return np.zeros(0), np.zeros(0, np.uint8), np.zeros(len(readings))
    rise = np.diff(readings.value)
    greatest = limits.rise_m3(time_to_rise_ns(readings, limits))
    step = np.where(rise < -limits.tolerance_m3, np.uint8(Step.BACKSTEP), np.uint8(Step.NORMAL))
    could_wrap = rise + limits.modulus_m3 <= greatest
    rare = np.flatnonzero(implausible(rise, greatest, limits) | could_wrap)
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
