"""From level to volume: curves, compartments, works, and what a reservoir holds.

Levels are in m above the sill of the compartment; volumes in m³. Fill is of volume, never of height.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from water.errors import BadDescription, CurveRange

SENSOR_TOLERANCE_M = 0.05
"""A level this far outside its curve is the sensor's noise at an empty or full basin; it counts as the edge."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Level to volume, linear between points.

    level_m : (n,) float64, strictly rising; volume_m3 : (n,) float64, strictly rising; n ≥ 2
    Raises: BadDescription where they are not.
    """

    level_m: NDArray[np.float64]
    volume_m3: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.level_m.shape != self.volume_m3.shape or self.level_m.size < 2:
            raise BadDescription("curve", "at least two points of level and volume are wanted")
        if not (np.isfinite(self.level_m).all() and np.isfinite(self.volume_m3).all()):
            raise BadDescription("curve", "a level or volume is not a number")
        if (np.diff(self.level_m) <= 0).any() or (np.diff(self.volume_m3) <= 0).any():
            raise BadDescription("curve", "levels and volumes rise from point to point")
        if self.volume_m3[0] < 0:
            raise BadDescription("curve", "a volume is not below 0")

    @classmethod
    def of_points(cls, points: Sequence[tuple[float, float]]) -> Curve:
        """From rows of (level in m, volume in m³)."""
        table = np.asarray(points, np.float64).reshape(-1, 2)
        return cls(table[:, 0].copy(), table[:, 1].copy())

    @classmethod
    def upright(cls, area_m2: float, height_m: float) -> Curve:
        """A basin of upright walls."""
        if area_m2 <= 0 or height_m <= 0:
            raise BadDescription("area", "area and height are above 0")
        return cls.of_points([(0.0, 0.0), (height_m, area_m2 * height_m)])

    @classmethod
    def cylinder(cls, diameter_m: float, height_m: float) -> Curve:
        """An upright cylinder."""
        return cls.upright(math.pi * diameter_m**2 / 4, height_m)

    @property
    def lowest_m(self) -> float:
        return float(self.level_m[0])

    @property
    def highest_m(self) -> float:
        return float(self.level_m[-1])

    @property
    def capacity_m3(self) -> float:
        return float(self.volume_m3[-1])

    def volume_at(self, level_m: float) -> float:
        """m³ at a level. Raises: CurveRange outside the curve (and for NaN)."""
        if not self.lowest_m <= level_m <= self.highest_m:
            raise CurveRange(level_m, self.lowest_m, self.highest_m)
        return float(np.interp(level_m, self.level_m, self.volume_m3))

    def level_at(self, volume_m3: float) -> float:
        """The level at a volume. Raises: CurveRange where the basin cannot hold it."""
        if not self.volume_m3[0] <= volume_m3 <= self.capacity_m3:
            raise CurveRange(math.nan, self.lowest_m, self.highest_m)
        return float(np.interp(volume_m3, self.volume_m3, self.level_m))

    def volumes_at(self, level_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """m³ at each of many levels, (n,); NaN outside the curve by more than the sensor's noise."""
        inside = (level_m >= self.lowest_m - SENSOR_TOLERANCE_M) & (
            level_m <= self.highest_m + SENSOR_TOLERANCE_M
        )
        return np.where(inside, np.interp(level_m, self.level_m, self.volume_m3), np.nan)


@dataclass(frozen=True, slots=True)
class Compartment:
    """One basin. ``level_tag`` None: it has no sensor of its own and stands as its neighbours do."""

    id: str
    curve: Curve
    level_tag: str | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """What a reservoir holds; unknown is None.

    level_m : mean of the compartments in service, weighted by capacity
    fill : volume / capacity of the compartments in service
    """

    level_m: float | None
    volume_m3: float | None
    usable_m3: float | None
    fill: float | None


UNKNOWN = Contents(None, None, None, None)


@dataclass(frozen=True, slots=True)
class Reservoir:
    """A reservoir as it stands on a date, works applied.

    out_of_service : ids of compartments that works have taken out
    capacity_offline_m3 : what works take away where they say a volume instead of compartments
    minimum_level_m : below it nothing may be drawn in service
    emergency_reserve_m3 : kept for fire and emergencies; told apart, not subtracted from usable
    """

    id: str
    compartments: tuple[Compartment, ...]
    minimum_level_m: float = 0.0
    emergency_reserve_m3: float = 0.0
    out_of_service: frozenset[str] = field(default_factory=frozenset[str])
    capacity_offline_m3: float = 0.0

    def __post_init__(self) -> None:
        if not self.compartments:
            raise BadDescription("compartments", "a reservoir has at least one")
        strangers = self.out_of_service - {c.id for c in self.compartments}
        if strangers:
            raise BadDescription("works", f"no such compartment: {', '.join(sorted(strangers))}")

    @property
    def serving(self) -> tuple[Compartment, ...]:
        """The compartments in service."""
        return tuple(c for c in self.compartments if c.id not in self.out_of_service)

    @property
    def in_service(self) -> bool:
        return bool(self.serving)

    @property
    def capacity_m3(self) -> float:
        """Of the compartments in service, less what works take away besides."""
        return max(0.0, sum(c.curve.capacity_m3 for c in self.serving) - self.capacity_offline_m3)

    @property
    def design_capacity_m3(self) -> float:
        return sum(c.curve.capacity_m3 for c in self.compartments)

    def contents(self, level_m: Mapping[str, float | None]) -> Contents:
        """What it holds at the levels of its compartments, by compartment id.

        A compartment without a sensor takes the mean level of those that have one. If a serving
        compartment's own sensor is silent or outside its curve, all is unknown: a sum never leaves
        a basin out. A level a few cm outside the curve counts as the curve's edge.
        """
        serving = self.serving
        measured = [level_m.get(c.id) for c in serving if c.level_tag is not None]
        known = [level for level in measured if level is not None]
        if not serving or not known or len(known) != len(measured):
            return UNKNOWN
        shared = sum(known) / len(known)
        volume = usable = weighted = 0.0
        for compartment in serving:
            own = level_m.get(compartment.id) if compartment.level_tag is not None else shared
            level = _onto(compartment.curve, shared if own is None else own)
            if level is None:
                return UNKNOWN
            curve = compartment.curve
            volume += curve.volume_at(level)
            usable += max(0.0, curve.volume_at(level) - _dead_m3(curve, self.minimum_level_m))
            weighted += level * curve.capacity_m3
        capacity = sum(c.curve.capacity_m3 for c in serving)
        fill = volume / self.capacity_m3 if self.capacity_m3 > 0 else None
        return Contents(weighted / capacity, volume, usable, fill)


def _onto(curve: Curve, level_m: float) -> float | None:
    """The level on the curve; None where it is further outside than the sensor's noise, or NaN."""
    low, high = curve.lowest_m - SENSOR_TOLERANCE_M, curve.highest_m + SENSOR_TOLERANCE_M
    if not low <= level_m <= high:
        return None
    return min(max(level_m, curve.lowest_m), curve.highest_m)


def _dead_m3(curve: Curve, minimum_level_m: float) -> float:
    return curve.volume_at(min(max(minimum_level_m, curve.lowest_m), curve.highest_m))
