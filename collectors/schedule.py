"""When to scan: on the ticks, the multiples of the interval since 1970. Pure."""

from __future__ import annotations

LATE_NS = 100_000_000
LATE_SHARE = 10
"""a scan that starts later than a tenth of its interval, or than 100 ms, is late"""


class Schedule:
    """The ticks of one scan interval.

    Aligned to the clock, so devices of one interval are read at the same instants, restarts keep
    the rhythm, and nothing drifts.
    """

    def __init__(self, interval_ns: int) -> None:
        if interval_ns <= 0:
            raise ValueError(f"a scan interval of {interval_ns} ns")
        self.interval_ns = interval_ns
        self._late_ns = min(interval_ns // LATE_SHARE, LATE_NS)

    def after(self, time_ns: int) -> int:
        """The first tick strictly after a time."""
        return (time_ns // self.interval_ns + 1) * self.interval_ns

    def is_late(self, tick_ns: int, started_ns: int) -> bool:
        """Whether a scan for a tick that started then counts as late."""
        return started_ns - tick_ns > self._late_ns

    def skipped(self, tick_ns: int, next_tick_ns: int, elapsed_ns: int) -> int:
        """How many ticks between these two had no scan.

        elapsed_ns : time that passed between them by a clock that nobody sets; a jump of the wall
            clock is no missed scan
        """
        by_wall = (next_tick_ns - tick_ns) // self.interval_ns - 1
        by_steady = elapsed_ns // self.interval_ns + 1
        return max(0, min(by_wall, by_steady))
