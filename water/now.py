"""The live figures: a site's production now, and a reservoir now. Unknown is None, never 0."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProductionNow:
    """A producing site at an instant.

    coverage : of the day so far
    quality : of the worst reading that the figures rest on; ``incomplete`` where today is not known
        from its begin
    projected_today_m3 : today so far plus the present flow held until the day's end; None where
        today is not wholly known
    projected_attainment : projected_today_m3 / the day's target
    """

    site: str
    as_of_ns: int
    flow_m3_per_h: float | None
    today_m3: float | None
    projected_today_m3: float | None
    target_m3_per_day: float | None
    projected_attainment: float | None
    coverage: float
    quality: int


@dataclass(frozen=True, slots=True)
class ReservoirNow:
    """A reservoir at an instant; volumes are of the compartments in service.

    fill : of volume, not of height; autonomy_h : usable / draw with no inflow
    hours_to_empty, hours_to_full : at the present net flow, None where it goes the other way
    """

    id: str
    as_of_ns: int | None
    capacity_m3: float
    level_m: float | None
    volume_m3: float | None
    usable_m3: float | None
    fill: float | None
    net_flow_m3_per_h: float | None
    autonomy_h: float | None
    hours_to_empty: float | None
    hours_to_full: float | None
    in_service: bool
    quality: int
