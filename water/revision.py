"""Provisional, final, corrected: which revision of a day comes next, and which was known when.

Revisions are only ever added. Source: docs/accounting.md, "Revisions".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from water.output import DailyOutput, Figure, Status, Volume

SAME_M3 = 1e-3
"""Volumes closer than a litre are the same figure: recomputing must not make a revision of a rounding."""
SAME_RATIO = 1e-6


@dataclass(frozen=True, slots=True)
class NextRevision:
    """What is to be recorded next of a day's figure."""

    status: Status
    revision: int
    reason: str


def next_revision(
    latest: DailyOutput | None,
    volume: Volume,
    day_end_ns: int,
    now_ns: int,
    late_window_s: float,
    *,
    correction: str | None = None,
) -> NextRevision | None:
    """The revision that a freshly computed volume makes, or None where nothing changed.

    late_window_s : how long after its end a day stays provisional
    correction : a person's reason; the day becomes corrected at once, whatever its age
    """
    number = 1 if latest is None else latest.revision + 1
    if correction is not None:
        return NextRevision(Status.CORRECTED, number, f"correction: {correction}")
    settled = latest is not None and latest.status is not Status.PROVISIONAL
    if settled and latest is not None:
        if same_volume(latest.volume, volume):
            return None
        return NextRevision(Status.CORRECTED, number, "late data")
    if now_ns >= day_end_ns + round(late_window_s * 1e9):
        return NextRevision(Status.FINAL, number, "closed")
    if latest is not None and same_volume(latest.volume, volume):
        return None
    reason = "running" if now_ns < day_end_ns else "ended" if latest is None else "late data"
    return NextRevision(Status.PROVISIONAL, number, reason)


def same_volume(one: Volume, other: Volume) -> bool:
    """Do two volumes say the same: figures to a litre, ratios to 1e-6, method and events alike?"""
    return (
        _same(one.volume_m3, other.volume_m3, SAME_M3)
        and _same(one.u95_m3, other.u95_m3, SAME_M3)
        and _same(one.cross_check_m3, other.cross_check_m3, SAME_M3)
        and _same(one.estimated_m3, other.estimated_m3, SAME_M3)
        and _same(one.coverage, other.coverage, SAME_RATIO)
        and one.boundary_ok == other.boundary_ok
        and one.method == other.method
        and [(e.kind, e.time_ns) for e in one.events] == [(e.kind, e.time_ns) for e in other.events]
    )


def _same(one: float | None, other: float | None, within: float) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= within


def known_at(outputs: Iterable[DailyOutput], as_of_ns: int | None = None) -> Sequence[DailyOutput]:
    """The latest revision of each figure that was known at a time (None: now), by site and date."""
    chosen: dict[tuple[str, dt.date, Figure, str], DailyOutput] = {}
    for output in outputs:
        if as_of_ns is not None and output.computed_at_ns > as_of_ns:
            continue
        key = (output.site, output.date, output.figure, output.part)
        held = chosen.get(key)
        if held is None or output.revision > held.revision:
            chosen[key] = output
    return [chosen[key] for key in sorted(chosen)]
