"""Trains and sites that stop and start: output as piecewise linear functions of time.

All times are seconds since 1970. A life is drawn from its own generator in order of time, so it is
the same however far, and in however many pieces, it is asked for.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.waves import DAY_S, Array

MEAN_RUN_S: Final = 22 * DAY_S
MEAN_REPAIR_S: Final = 5 * 3600.0
CLEANING_EVERY_S: Final = 75 * DAY_S
RAMP_S: Final = 40 * 60.0
TRIP_S: Final = 90.0
SHUTDOWN_S: Final = 600.0
FOULING_LOSS: Final = 0.06
"""share of output that a train loses between two cleanings"""
MEAN_BETWEEN_STORMS_S: Final = 60 * DAY_S
EARLIER_S: Final = 3600.0


class TrainState(IntEnum):
    """What a train does."""

    OFF = 0
    STANDBY = 1
    STARTING = 2
    RUNNING = 3
    CLEANING = 4
    FAULT = 5


class TrainLife:
    """One train: runs, fouls, trips, is repaired and cleaned, and ramps up again."""

    def __init__(self, rng: np.random.Generator, origin_s: float) -> None:
        self._rng = rng
        self._known_to_s = origin_s
        fouling = rng.uniform(0, 0.9)
        self._cleaned_s = origin_s - fouling * CLEANING_EVERY_S
        start = 1 - FOULING_LOSS * fouling
        self._points: list[tuple[float, float]] = [(origin_s - EARLIER_S, start), (origin_s, start)]
        self._fouling: list[tuple[float, float]] = [(origin_s - EARLIER_S, fouling)]
        self._states: list[tuple[float, int]] = [(origin_s - EARLIER_S, TrainState.RUNNING)]
        self._arrays: tuple[Array, Array, Array] | None = None

    def output(self, times_s: Array) -> Array:
        """Share of its nominal output, 0 to 1."""
        points, _, _ = self._until(times_s)
        return np.interp(times_s, points[:, 0], points[:, 1])

    def fouling(self, times_s: Array) -> Array:
        """0 just cleaned, about 1 when due for cleaning."""
        _, fouling, _ = self._until(times_s)
        return np.interp(times_s, fouling[:, 0], fouling[:, 1])

    def state(self, times_s: Array) -> NDArray[np.int64]:
        """``TrainState`` numbers."""
        _, _, states = self._until(times_s)
        at = np.searchsorted(states[:, 0], times_s, side="right") - 1
        return states[np.maximum(at, 0), 1].astype(np.int64)

    def _until(self, times_s: Array) -> tuple[Array, Array, Array]:
        while self._known_to_s <= times_s[-1]:
            self._live_on()
            self._arrays = None
        if self._arrays is None:
            self._arrays = (
                np.array(self._points),
                np.array(self._fouling),
                np.array(self._states, np.float64),
            )
        return self._arrays

    def _live_on(self) -> None:
        """One more run, to its trip or cleaning, and back up to full output."""
        began = self._known_to_s
        trips = began + max(2 * 3600.0, self._rng.exponential(MEAN_RUN_S))
        due = self._cleaned_s + CLEANING_EVERY_S * self._rng.uniform(0.85, 1.1)
        cleaning = due <= trips
        ends = max(due, began + 3600.0) if cleaning else trips
        fouling = self._fouled(ends)
        falls = SHUTDOWN_S if cleaning else TRIP_S
        pause = self._pause_s(cleaning=cleaning)
        back = ends + falls + pause
        self._points += [(ends, 1 - FOULING_LOSS * fouling), (ends + falls, 0.0), (back, 0.0)]
        self._fouling += [(ends, fouling)]
        if cleaning:
            self._cleaned_s = back
            self._fouling += [(back, 0.0)]
        up = back + RAMP_S
        self._points += [(up, 1 - FOULING_LOSS * self._fouled(up))]
        self._states += [
            (ends, TrainState.CLEANING if cleaning else TrainState.FAULT),
            (back, TrainState.STARTING),
            (up, TrainState.RUNNING),
        ]
        self._known_to_s = up

    def _fouled(self, time_s: float) -> float:
        return max(0.0, (time_s - self._cleaned_s) / CLEANING_EVERY_S)

    def _pause_s(self, *, cleaning: bool) -> float:
        if cleaning:
            return float(self._rng.uniform(9, 16)) * 3600
        return float(np.clip(self._rng.exponential(MEAN_REPAIR_S), 1200, 2 * DAY_S))


class SiteTrouble:
    """Rough sea, turbid intake, lost power: now and then the whole site gives less for some hours."""

    def __init__(self, rng: np.random.Generator, origin_s: float) -> None:
        self._rng = rng
        self._known_to_s = origin_s
        self._points: list[tuple[float, float]] = [(origin_s - EARLIER_S, 1.0)]

    def factor(self, times_s: Array) -> Array:
        """Share of its output that the site can give, 0 to 1."""
        while self._known_to_s <= times_s[-1]:
            begins = self._known_to_s + self._rng.exponential(MEAN_BETWEEN_STORMS_S) + 6 * 3600
            depth = self._rng.uniform(0.5, 0.85)
            lasts = self._rng.uniform(4, 14) * 3600
            ends = begins + 3600 + lasts
            self._points += [(begins, 1.0), (begins + 3600, depth), (ends, depth)]
            self._points += [(ends + 2 * 3600, 1.0)]
            self._known_to_s = ends + 2 * 3600
        points = np.array(self._points)
        return np.interp(times_s, points[:, 0], points[:, 1])
