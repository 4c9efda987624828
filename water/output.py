"""Daily output: one figure of one production day, with everything needed to defend it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from water.day import Day
from water.meter import Meter


class Method(StrEnum):
    TOTALIZER = "totalizer"
    FLOW_INTEGRAL = "flow_integral"
    BALANCE = "balance"
    MIXED = "mixed"
    ESTIMATED = "estimated"


class Status(StrEnum):
    PROVISIONAL = "provisional"
    FINAL = "final"
    CORRECTED = "corrected"


class Figure(StrEnum):
    """Figures that are never mixed. ``part`` of an output says which train, destination or meter."""

    PRODUCED = "produced"
    DELIVERED = "delivered"
    TRAINS = "trains"
    """sum of the site's train meters, compared with PRODUCED"""
    METER = "meter"
    """one measuring point"""


@dataclass(frozen=True, slots=True)
class Series:
    """Readings of one tag: times (n,) int64 ns rising, values (n,) float64, quality (n,) uint8."""

    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class MeterEvent:
    """Something in a day's register that a person should know: what, when, how much.

    kind : rollover, reset, replaced, backstep, spike, quarantined, ambiguous_rollover, gap,
        gap_over_boundary, torn, clock_jump
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


@dataclass(frozen=True, slots=True)
class DailyOutput:
    """One revision of one figure of one production day, as it is recorded and answered.

    computed_at_ns : when this revision became known; ``as_of`` answers by it
    reason : why the revision exists (``closed``, ``late data``, ``correction: …``)
    """

    site: str
    figure: Figure
    part: str
    date: dt.date
    volume: Volume
    status: Status
    revision: int
    computed_at_ns: int
    reason: str


def meter_volume(
    meter: Meter, totalizer: Series | None, flow: Series | None, begin_ns: int, end_ns: int
) -> Volume:
    """The volume that passed a measuring point in ``[begin_ns, end_ns)``.

    The series reach beyond the span where they can: at least one good reading before ``begin_ns``
    and one after ``end_ns`` are wanted for the boundaries. Rules: docs/accounting.md.
    """
    raise NotImplementedError


def sum_of(volumes: Sequence[Volume]) -> Volume:
    """Meters in parallel added up: uncertainties in quadrature, worst coverage, joined events.

    A part that is unknown makes the sum unknown: a sum never quietly leaves a meter out.
    """
    raise NotImplementedError


__all__ = [
    "DailyOutput",
    "Day",
    "Figure",
    "Meter",
    "MeterEvent",
    "Method",
    "Series",
    "Status",
    "Volume",
    "meter_volume",
    "sum_of",
]
