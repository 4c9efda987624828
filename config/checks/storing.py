"""Reservoirs: basins and their curves, limits in order and below the top, works on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import pairwise

from config.checks.metering import of_kind
from config.finding import Finding, Known
from config.marks import Path
from config.plant import Plant
from config.resolving import curve
from config.sites import Compartment, Reservoir, Works
from water.units import Kind

_SAME_M = 1e-6


def storing(plant: Plant, missing: Collection[str]) -> Iterable[Finding]:
    """Everything about reservoirs and works."""
    directions = {meter.id: meter.measures for meter in plant.meters}
    for n, reservoir in enumerate(plant.reservoirs):
        at: Path = ("reservoirs", n)
        for m, one in enumerate(reservoir.compartments):
            here: Path = (*at, "compartments", m)
            yield from of_kind(plant, (*here, "level"), one.level, Kind.LEVEL)
            yield from _shape(one, here)
        yield from _limits(reservoir, at)
        if not missing:  # else basins may be missing that hold a part of it
            yield from _reserve(reservoir, at)
        for key, ids, wrong in (
            ("inflow", reservoir.inflow, "outflow"),
            ("outflow", reservoir.outflow, "inflow"),
        ):
            for m, id_ in enumerate(ids):
                if directions.get(id_) == wrong:
                    yield Finding((*at, key, m), f"'{id_}' measures {wrong}, not {key}")
    by_id = {reservoir.id: reservoir for reservoir in plant.reservoirs}
    for n, works in enumerate(plant.works):
        yield from _works(works, by_id.get(works.reservoir), ("works", n), missing)


def _shape(one: Compartment, at: Path) -> Iterable[Finding]:
    if one.height_m <= 0:
        yield Finding((*at, "height"), "it should be above 0")
    given = [
        key
        for key, value in (
            ("curve", one.curve),
            ("area", one.area_m2),
            ("diameter", one.diameter_m),
        )
        if value is not None
    ]
    if len(given) != 1:
        seen = f"given: {', '.join(given)}" if given else "none is given"
        yield Finding(at, f"one of curve, area and diameter says its volume; {seen}")
    if one.diameter_m is not None and one.diameter_m <= 0:
        yield Finding((*at, "diameter"), "it should be above 0")
    if one.curve is not None:
        yield from _curve(one.curve, one.height_m, (*at, "curve"))


def _curve(rows: list[tuple[float, float]], height_m: float, at: Path) -> Iterable[Finding]:
    if len(rows) < 2:
        yield Finding(at, "at least two rows of level in m and volume in m³ are wanted")
        return
    if rows[0][1] < 0:
        yield Finding((*at, 0), "a volume is not below 0")
    for n, (below, above) in enumerate(pairwise(rows), start=1):
        if above[0] <= below[0] or above[1] <= below[1]:
            yield Finding((*at, n), f"level and volume rise from row to row; before: {list(below)}")
    if abs(rows[-1][0] - height_m) > _SAME_M:
        yield Finding(
            (*at, len(rows) - 1),
            f"the last row is at the height, {height_m:g} m, where it overflows",
        )


def _limits(reservoir: Reservoir, at: Path) -> Iterable[Finding]:
    height_m = min(one.height_m for one in reservoir.compartments)
    limits = reservoir.limits
    given = [
        (key, value)
        for key, value in (
            ("low_low", limits.low_low_m),
            ("low", limits.low_m),
            ("high", limits.high_m),
            ("high_high", limits.high_high_m),
        )
        if value is not None
    ]
    for key, value in given:
        path: Path = (*at, "limits", key)
        if value > height_m:
            yield Finding(
                path, f"{value:g} m is above the height of the lowest compartment, {height_m:g} m"
            )
        elif value < 0:
            yield Finding(path, "a level limit is not below the sill, 0 m")
    for (low_key, low), (key, value) in pairwise(given):
        if low >= value:
            yield Finding(
                (*at, "limits", key),
                f"{value:g} m is not above {low_key}, {low:g} m; "
                "the order is low_low < low < high < high_high",
            )
    if not 0 <= reservoir.minimum_level_m < height_m:
        yield Finding((*at, "minimum_level"), f"it should be from 0 to below {height_m:g} m")


def _reserve(reservoir: Reservoir, at: Path) -> Iterable[Finding]:
    capacity_m3 = _capacity_m3(reservoir)
    if reservoir.emergency_reserve_m3 > capacity_m3:
        yield Finding((*at, "emergency_reserve"), f"the reservoir holds {capacity_m3:.0f} m³")


def _capacity_m3(reservoir: Reservoir) -> float:
    return sum(curve(one)[-1][1] for one in reservoir.compartments if one.curve != [])


def _works(
    works: Works, reservoir: Reservoir | None, at: Path, missing: Collection[str]
) -> Iterable[Finding]:
    if works.end is not None and works.end < works.start:
        yield Finding((*at, "end"), f"works do not end before they start, {works.start}")
    if not works.compartments and works.capacity_offline_m3 is None:
        yield Finding(at, "compartments, or capacity_offline, say what is out of service")
    if reservoir is None:
        return
    basins = Known(
        f"compartment of {reservoir.id}", [one.id for one in reservoir.compartments], missing
    )
    for n, id_ in enumerate(works.compartments):
        yield from basins.dangling((*at, "compartments", n), id_)
    capacity_m3 = _capacity_m3(reservoir) if not missing else float("inf")
    if works.capacity_offline_m3 is not None and works.capacity_offline_m3 > capacity_m3 * 1.001:
        yield Finding((*at, "capacity_offline"), f"'{reservoir.id}' holds {capacity_m3:.0f} m³")
