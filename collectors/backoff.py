"""How long to wait before the next attempt to reach a device. Pure: randomness is handed in."""

from __future__ import annotations

from random import Random

FIRST_S = 0.5


class Backoff:
    """Exponential pauses with jitter: 0.5, 1, 2, 4 … up to the longest, each shortened by up to half.

    A pause runs from the start of an attempt to the start of the next, so that the time an attempt
    itself takes (a connect timeout, say) is part of it, and a device that is well again is tried
    within ``longest_s`` whatever its illness was. The jitter keeps devices that fell together from
    coming back together.
    """

    def __init__(self, longest_s: float, random: Random, first_s: float = FIRST_S) -> None:
        self._longest_s = longest_s
        self._first_s = min(first_s, longest_s)
        self._random = random
        self._next_s = self._first_s

    def next_s(self) -> float:
        """The pause after one more failed attempt, s."""
        full_s = self._next_s
        self._next_s = min(full_s * 2, self._longest_s)
        return full_s * (0.5 + 0.5 * self._random.random())

    def reset(self) -> None:
        """The device answered: the next failure begins again at the shortest pause."""
        self._next_s = self._first_s
