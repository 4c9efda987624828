"""Where water waits: reservoirs with their compartments, and the small tanks between mains."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from config.plant import Plant
from config.resolving import curve
from config.sites import Reservoir
from simulator.waves import Array

HIGH: Final = 0.93
"""share of the height taken for the high limit where none is described"""
LOW: Final = 0.2
JUNCTION_H: Final = 1.0
"""a pumping station's tank, as hours of what leaves it"""


@dataclass(frozen=True, slots=True)
class Basin:
    """One compartment: its level tag, its curve as rising columns of m and m³."""

    id: str
    level: str | None
    level_m: Array
    volume_m3: Array


@dataclass(frozen=True, slots=True)
class Storage:
    """A reservoir, or a tank between mains (without basins).

    full_m3 : where it overflows; high_m3, low_m3 : between them it is worked
    zones : ids of the zones it serves
    inflow_meters, outflow_meters : ids of the meters that measure it
    inner : a tank that the description only implies
    """

    id: str
    full_m3: float
    high_m3: float
    low_m3: float
    basins: tuple[Basin, ...]
    zones: tuple[str, ...]
    inflow_meters: tuple[str, ...]
    outflow_meters: tuple[str, ...]
    inner: bool = False


@dataclass(frozen=True, slots=True)
class JointCurve:
    """Several basins that stand at one level: rising columns of m and m³."""

    level_m: Array
    volume_m3: Array

    def volume(self, level_m: float) -> float:
        return float(np.interp(level_m, self.level_m, self.volume_m3))

    def level(self, volume_m3: Array) -> Array:
        return np.interp(volume_m3, self.volume_m3, self.level_m)


def joint_curve(basins: Sequence[Basin]) -> JointCurve:
    """The curve of basins that are joined; it ends where the lowest of them overflows."""
    top = min(float(basin.level_m[-1]) for basin in basins)
    rows = np.unique(np.concatenate([basin.level_m for basin in basins]))
    rows = np.append(rows[rows < top], top)
    total = sum(np.interp(rows, basin.level_m, basin.volume_m3) for basin in basins)
    volume = np.asarray(total, np.float64)
    return JointCurve(rows, volume - volume[0])


def storages(plant: Plant, source_sites: set[str]) -> tuple[Storage, ...]:
    """Every reservoir, and a tank for each other place where mains meet."""
    found = [_reservoir(plant, reservoir) for reservoir in plant.reservoirs]
    known = {storage.id for storage in found}
    for main in plant.mains:
        for site in (main.origin, main.destination):
            if site not in known and (site not in source_sites or site == main.destination):
                known.add(site)
                found.append(_junction(plant, site))
    return tuple(found)


def _reservoir(plant: Plant, reservoir: Reservoir) -> Storage:
    basins = tuple(
        Basin(c.id, c.level, np.array(rows)[:, 0], np.array(rows)[:, 1])
        for c in reservoir.compartments
        for rows in [[row for row in curve(c) if row[0] <= c.height_m]]
    )
    joint = joint_curve(basins)
    height = float(joint.level_m[-1])
    limits = reservoir.limits
    high = limits.high_m if limits.high_m is not None else HIGH * height
    least = limits.low_m if limits.low_m is not None else limits.low_low_m
    low = LOW * height if least is None else least
    return Storage(
        id=reservoir.id,
        full_m3=float(joint.volume_m3[-1]),
        high_m3=joint.volume(min(high, 0.97 * height)),
        low_m3=joint.volume(max(low, reservoir.minimum_level_m)),
        basins=basins,
        zones=tuple(reservoir.zones),
        inflow_meters=_meters(plant, reservoir.id, reservoir.inflow, "inflow"),
        outflow_meters=_meters(plant, reservoir.id, reservoir.outflow, "outflow"),
    )


def _meters(plant: Plant, site: str, listed: Sequence[str], measures: str) -> tuple[str, ...]:
    here = [m.id for m in plant.meters if m.site == site and m.measures == measures]
    allowed = {m.id for m in plant.meters if m.measures not in ("produced", "train")}
    return tuple(dict.fromkeys([*(m for m in listed if m in allowed), *here]))


def _junction(plant: Plant, site: str) -> Storage:
    leaving = sum(m.capacity_m3_per_h for m in plant.mains if m.origin == site)
    coming = sum(m.capacity_m3_per_h for m in plant.mains if m.destination == site)
    full = JUNCTION_H * (leaving or coming)
    return Storage(
        id=site,
        full_m3=full,
        high_m3=0.95 * full,
        low_m3=0.1 * full,
        basins=(),
        zones=(),
        inflow_meters=_meters(plant, site, (), "inflow"),
        outflow_meters=_meters(plant, site, (), "outflow"),
        inner=True,
    )


def shut_basins(plant: Plant, date: dt.date) -> dict[str, frozenset[str]]:
    """By reservoir: the compartments that works take out of service on a date, never all of them."""
    shut: dict[str, set[str]] = {}
    for works in plant.works:
        ended = works.end is not None and works.end < date
        if works.status != "cancelled" and works.start <= date and not ended:
            shut.setdefault(works.reservoir, set()).update(works.compartments)
    whole = {r.id: {c.id for c in r.compartments} for r in plant.reservoirs}
    return {id_: frozenset(out) for id_, out in shut.items() if out < whole.get(id_, set())}
