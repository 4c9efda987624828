"""What a site can produce, from its dated capacities."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np

from config.plant import Capacity, Plant
from simulator.waves import Array

OVER_TARGET: Final = 1.11
"""a site is built to give a little more than it is asked: trips and fouling take the rest"""
OF_DESIGN: Final = (0.5, 0.85)
DESIGN_ALONE: Final = 0.8
OF_METERS: Final = 0.6
METER_MARGIN: Final = 0.9
AVAILABILITY: Final = 0.93
_KINDS: Final = ("target", "contractual", "declared_available")


@dataclass(frozen=True, slots=True)
class Capability:
    """A step function of time: from ``since_s`` (seconds since 1970) the site can give that much."""

    since_s: Array
    m3_per_h: Array

    def at(self, times_s: Array) -> Array:
        step = np.searchsorted(self.since_s, times_s, side="right") - 1
        return self.m3_per_h[np.maximum(step, 0)]

    @property
    def greatest_m3_per_h(self) -> float:
        return float(self.m3_per_h.max())

    @property
    def mean_m3_per_h(self) -> float:
        """What can be reckoned with: the last step, less what trips and cleaning take."""
        return float(self.m3_per_h[-1]) * AVAILABILITY


def capability(plant: Plant, site: str) -> Capability:
    """From the capacity rows in force; without any, a share of what the site's meters can pass."""
    rows = [row for row in plant.capacities if row.site == site]
    most = _metered(plant, site)
    if not rows:
        return Capability(np.zeros(1), np.array([most / METER_MARGIN * OF_METERS]))
    ends = [row.valid_to + dt.timedelta(days=1) for row in rows if row.valid_to is not None]
    dates = sorted({*(row.valid_from for row in rows), *ends})
    figures = [min(most, _in_force(rows, date) / 24) for date in dates]
    since = [dt.datetime.combine(date, dt.time(), plant.zone).timestamp() for date in dates]
    return Capability(np.array(since), np.array(figures))


def _metered(plant: Plant, site: str) -> float:
    """The most that the outlet meters, and the train meters, can pass, m³/h."""
    limits: list[float] = []
    for measures in ("produced", "train"):
        of_site = [m for m in plant.meters if m.site == site and m.measures == measures]
        if of_site:
            limits.append(sum(m.maximum_flow_m3_per_h for m in of_site))
    return min(limits) * METER_MARGIN if limits else 5_000.0


def _in_force(rows: list[Capacity], date: dt.date) -> float:
    """m³ a day that the site can give on a date."""
    first = min(row.valid_from for row in rows)
    at = max(date, first)
    held = {
        row.kind: row.m3_per_day
        for row in sorted(rows, key=lambda row: row.valid_from)
        if row.valid_from <= at and (row.valid_to is None or at <= row.valid_to)
    }
    design = held.get("design") or max(
        (r.m3_per_day for r in rows if r.kind == "design"), default=0
    )
    asked = next((held[kind] for kind in _KINDS if held.get(kind)), None)
    if asked is None:
        return design * DESIGN_ALONE
    if not design:
        return asked * OVER_TARGET
    return float(np.clip(asked * OVER_TARGET, design * OF_DESIGN[0], design * OF_DESIGN[1]))
