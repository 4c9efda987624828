"""Daily output: one figure of one production day, with everything needed to defend it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from water.account import account
from water.day import Day
from water.meter import Meter
from water.readings import Readings, good_readings
from water.uncertainty import in_quadrature
from water.verdict import volume_of
from water.volume import NOTHING, MeterEvent, Method, Series, Volume, disagreement


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


NO_READINGS = Readings(np.zeros(0, np.int64), np.zeros(0))


def readings_of(series: Series | None) -> Readings:
    """The good readings of a series, in order; none where there is no series."""
    if series is None:
        return NO_READINGS
    return good_readings(series.time_ns, series.value, series.quality)


def meter_volume(
    meter: Meter, totalizer: Series | None, flow: Series | None, begin_ns: int, end_ns: int
) -> Volume:
    """The volume that passed a measuring point in ``[begin_ns, end_ns)``.

    The series reach beyond the span where they can: at least one good reading before ``begin_ns``
    and one after ``end_ns`` are wanted for the boundaries. Rules: docs/accounting.md.
    """
    if end_ns <= begin_ns:
        return NOTHING
    return volume_of(
        meter, account(meter, readings_of(totalizer), readings_of(flow), begin_ns, end_ns)
    )


def sum_of(volumes: Sequence[Volume]) -> Volume:
    """Meters in parallel added up: uncertainties in quadrature, worst coverage, joined events.

    A part that is unknown makes the sum unknown: a sum never quietly leaves a meter out.
    """
    if not volumes:
        return NOTHING
    if len(volumes) == 1:
        return volumes[0]
    coverage = min(v.coverage for v in volumes)
    boundary_ok = all(v.boundary_ok for v in volumes)
    events = tuple(sorted((e for v in volumes for e in v.events), key=lambda e: e.time_ns))
    volume_m3 = _sum(v.volume_m3 for v in volumes)
    if volume_m3 is None:
        return Volume(None, None, coverage, boundary_ok, None, events=events)
    methods = {v.method for v in volumes}
    cross_check_m3 = _sum(v.cross_check_m3 for v in volumes)
    return Volume(
        volume_m3,
        in_quadrature(v.u95_m3 or 0.0 for v in volumes),
        coverage,
        boundary_ok,
        methods.pop() if len(methods) == 1 else Method.MIXED,
        sum(v.estimated_m3 for v in volumes),
        cross_check_m3,
        disagreement(volume_m3, cross_check_m3),
        events,
    )


def _sum(parts: Iterable[float | None]) -> float | None:
    """The sum, None where one part is unknown."""
    total = 0.0
    for part in parts:
        if part is None:
            return None
        total += part
    return total


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
    "readings_of",
    "sum_of",
]
