"""Slow, bounded, seeded variation: sums of sines, a function of time alone.

A function of time needs no state, so a model that is stopped, resumed or asked at other instants
shows the same weather, and whole days are computed at once.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
DAY_S: Final = 86_400.0
YEAR_S: Final = 365.2422 * DAY_S


class Waves:
    """``count`` independent signals around 0 with unit variance, never beyond ±√(2·terms)."""

    def __init__(
        self,
        rng: np.random.Generator,
        count: int,
        shortest_s: float,
        longest_s: float,
        terms: int = 3,
    ) -> None:
        period = np.exp(rng.uniform(np.log(shortest_s), np.log(longest_s), (terms, count)))
        self._omega = 2 * np.pi / period
        self._phase = rng.uniform(0, 2 * np.pi, (terms, count))
        self._amplitude = np.sqrt(2 / terms)

    def at(self, times_s: Array) -> Array:
        """(n_times, count) at seconds since 1970."""
        total = np.zeros((len(times_s), self._omega.shape[1]))
        for omega, phase in zip(self._omega, self._phase, strict=True):
            total += np.sin(times_s[:, None] * omega + phase)
        return total * self._amplitude


def season(times_s: Array, peak_day_of_year: float) -> Array:
    """1 on the peak day of the year, −1 half a year later."""
    return np.cos(2 * np.pi * (times_s / YEAR_S - (peak_day_of_year - 1) * DAY_S / YEAR_S))


def generator(seed: int, *subject: str | int) -> np.random.Generator:
    """A generator of its own for each subject, so that one more tag does not change the others."""
    words: list[int] = [seed & 0xFFFF_FFFF]
    for part in subject:
        words.extend([part & 0xFFFF_FFFF, part >> 32] if isinstance(part, int) else part.encode())
    return np.random.default_rng(words)
