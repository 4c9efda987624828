"""The clock as this room is handed it: ns UTC now. Only the assembly knows that the time is real."""

from __future__ import annotations

from collections.abc import Callable

Clock = Callable[[], int]

NS_PER_S = 1_000_000_000
NS_PER_HOUR = 3600 * NS_PER_S
