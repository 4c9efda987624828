"""Single readings that jump and revert: spikes, torn words, readings of another clock."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from water.plausible import Limits, implausible, time_to_rise_ns
from water.readings import Readings
from water.volume import MeterEvent

TORN_COUNTS = 65_536.0
"""A 32-bit count whose halves are from two instants is off by one of its high word."""
SPIKE_PASSES = 4
CLOCK_JUMP_READINGS = 3
"""So many stray readings, each between two that fit, are a second clock and not single faults."""


def without_strays(readings: Readings, limits: Limits) -> tuple[Readings, tuple[MeterEvent, ...]]:
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
        elapsed_ns = time_to_rise_ns(kept, limits)
        jump = implausible(rise, limits.rise_m3(elapsed_ns), limits)
        if not bool(jump.any()):
            break
        over = kept.value[2:] - kept.value[:-2]
        over_ns = elapsed_ns[:-1] + np.diff(kept.time_ns)[1:]
        fits = ~implausible(over, limits.rise_m3(over_ns), limits)
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
