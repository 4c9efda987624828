"""The volume of a span at a measuring point, and the words that go with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Method(StrEnum):
    TOTALIZER = "totalizer"
    FLOW_INTEGRAL = "flow_integral"
    BALANCE = "balance"
    MIXED = "mixed"
    ESTIMATED = "estimated"


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Readings of one tag: times (n,) int64 ns, values (n,) float64, quality (n,) uint8.

    In order of arrival; rising in time is usual and fastest. Of one time the later row counts.
    """

    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class MeterEvent:
    """Something in a span's readings that a person should know: what, when, how much.

    kind : rollover, reset, replaced, unmetered, backstep, spike, torn, clock_jump, quarantined,
        ambiguous_rollover, gap, gap_over_boundary, float32
    volume_m3 : what it contributed, None where it is not known (quarantined)
    """

    kind: str
    time_ns: int
    volume_m3: float | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Volume:
    """The volume of a span at one measuring point, or a sum of several.

    volume_m3, u95_m3 : None where nothing is known
    estimated_m3 : the part of volume_m3 that rests on an estimate
    coverage : 0 to 1, of the span's expected samples
    boundary_ok : both boundary readings were good
    cross_check_m3 : the second method's volume, where both exist
    disagreement : (volume − cross check) / volume
    """

    volume_m3: float | None
    u95_m3: float | None
    coverage: float
    boundary_ok: bool
    method: Method | None
    estimated_m3: float = 0.0
    cross_check_m3: float | None = None
    disagreement: float | None = None
    events: tuple[MeterEvent, ...] = ()


NOTHING = Volume(None, None, 0.0, False, None)
"""A span of which nothing is known."""


KNOWN = 0.05
"""A volume is known if no more of what could have passed is open: its 95 % uncertainty."""
KNOWN_WITH_OPEN_END = 0.01
"""The same where a boundary had no good reading near: then what is open is mostly missing."""


def is_known(volume: Volume, passable_m3: float) -> bool:
    """May a volume stand for its whole span? Not where so much is open that it says little.

    passable_m3 : what could have passed in the span at the most
    """
    if volume.volume_m3 is None or volume.u95_m3 is None:
        return False
    open_ratio = KNOWN if volume.boundary_ok else KNOWN_WITH_OPEN_END
    return volume.u95_m3 <= open_ratio * passable_m3


def disagreement(volume_m3: float | None, cross_check_m3: float | None) -> float | None:
    """(volume − cross check) / volume; None where one is unknown or the volume is 0."""
    if volume_m3 is None or cross_check_m3 is None or volume_m3 == 0:
        return None
    return (volume_m3 - cross_check_m3) / volume_m3


def few(events: Sequence[MeterEvent], at_most: int = 20) -> tuple[MeterEvent, ...]:
    """By time; of each kind at most so many, the rest told in one more event of that kind."""
    rows: list[MeterEvent] = []
    by_kind: dict[str, list[MeterEvent]] = {}
    for event in sorted(events, key=lambda e: (e.time_ns, e.kind)):
        by_kind.setdefault(event.kind, []).append(event)
    for kind, found in by_kind.items():
        rows += found[:at_most]
        rest = found[at_most:]
        if rest:
            known = [e.volume_m3 for e in rest if e.volume_m3 is not None]
            volume = sum(known) if len(known) == len(rest) else None
            rows.append(MeterEvent(kind, rest[0].time_ns, volume, f"and {len(rest)} more"))
    return tuple(sorted(rows, key=lambda e: (e.time_ns, e.kind)))
