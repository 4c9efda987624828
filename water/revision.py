"""When a figure that is computed again makes a new revision, and of which status."""

from __future__ import annotations

import math

from water.output import Status, Volume

_RELATIVE = 1e-9
_ABSOLUTE = 1e-6


def same_volume(one: Volume, other: Volume) -> bool:
    """Whether two volumes say the same: to a millionth of a m³ or a billionth, which is rounding."""
    return (
        _same(one.volume_m3, other.volume_m3)
        and _same(one.u95_m3, other.u95_m3)
        and _same(one.coverage, other.coverage)
        and one.boundary_ok == other.boundary_ok
        and one.method == other.method
        and _same(one.estimated_m3, other.estimated_m3)
        and _same(one.cross_check_m3, other.cross_check_m3)
        and _same(one.disagreement, other.disagreement)
        and len(one.events) == len(other.events)
        and all(
            a.kind == b.kind and a.time_ns == b.time_ns and _same(a.volume_m3, b.volume_m3)
            for a, b in zip(one.events, other.events, strict=True)
        )
    )


def status_after(previous: Status | None, *, same: bool, window_over: bool) -> Status:
    """The status of a closed day's figure that was computed again.

    previous : of its latest revision, None where there is none
    same : the volume is what that revision says
    window_over : the late-data window has passed, so the day is no longer provisional

    A figure that has been final is never provisional again: what changes it is a correction.
    """
    if previous is Status.FINAL or previous is Status.CORRECTED:
        return previous if same else Status.CORRECTED
    return Status.FINAL if window_over else Status.PROVISIONAL


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
