"""How a day's volume has grown: accumulated over quarters of an hour."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.clock import NS_PER_S
from jobs.measuring import Measuring
from jobs.sums import Sum, add_up
from water.day import Day

STEP_NS = 900 * NS_PER_S
SETTLED_NS = 60 * NS_PER_S
"""a quarter that has just ended still lacks the reading after its end"""
_KEEP = 64


class Curves:
    """Keeps what it has computed for as long as no further quarter has ended."""

    def __init__(self, measuring: Measuring) -> None:
        self._measuring = measuring
        self._kept: dict[tuple[str, int], Sequence[tuple[int, float | None]]] = {}

    async def of(self, part: Sum, day: Day, now_ns: int) -> Sequence[tuple[int, float | None]]:
        """(time, accumulated m³) at the end of each quarter that has ended; the begin is (begin, 0).

        Raises what the store raises.
        """
        spans = _quarters(day, now_ns - SETTLED_NS)
        if not spans:
            return [(day.begin_ns, 0.0)]
        running = day.end_ns > now_ns
        kept = self._kept.get((part.site, spans[-1].end_ns)) if running else None
        if kept is not None:
            return kept
        volumes = await self._measuring.pieces(part.meters, spans)
        points: list[tuple[int, float | None]] = [(day.begin_ns, 0.0)]
        total: float | None = 0.0
        for span, of_meters in zip(spans, volumes, strict=True):
            m3 = add_up([part], of_meters)[0][1].volume_m3
            total = None if total is None or m3 is None else total + m3
            points.append((span.end_ns, total))
        if running:
            self._keep((part.site, spans[-1].end_ns), points)
        return points

    def _keep(self, key: tuple[str, int], points: Sequence[tuple[int, float | None]]) -> None:
        if len(self._kept) >= _KEEP:
            self._kept.pop(next(iter(self._kept)))
        self._kept[key] = points


def _quarters(day: Day, until_ns: int) -> list[Day]:
    end_ns = min(day.end_ns, until_ns)
    edges = range(day.begin_ns, end_ns + 1, STEP_NS)
    spans = [Day(day.date, a, a + STEP_NS) for a in edges if a + STEP_NS <= end_ns]
    last_ns = spans[-1].end_ns if spans else day.begin_ns
    if last_ns < end_ns == day.end_ns:
        spans.append(Day(day.date, last_ns, end_ns))
    return spans
