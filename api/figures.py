"""How the live figures are told: production now, reservoirs now."""

from __future__ import annotations

from typing import Any

from api.answers import iso, number, quality_fields
from api.context import Context
from config.base import text
from water.now import ProductionNow, ReservoirNow


def production_answer(context: Context) -> list[dict[str, Any]]:
    return [_production(row, context) for row in context.figures.production()]


def _production(row: ProductionNow, context: Context) -> dict[str, Any]:
    return {
        "site": row.site,
        "as_of": iso(row.as_of_ns, context.plant.zone),
        "flow_m3_per_h": number(row.flow_m3_per_h, 3),
        "today_m3": number(row.today_m3, 3),
        "projected_today_m3": number(row.projected_today_m3, 3),
        "target_m3_per_day": number(row.target_m3_per_day, 3),
        "projected_attainment": number(row.projected_attainment),
        "coverage": number(row.coverage),
        **quality_fields(row.quality),
    }


def reservoir_answer(context: Context) -> list[dict[str, Any]]:
    names = {site.id: text(site.name) for site in context.plant.sites}
    return [_reservoir(row, names, context) for row in context.figures.reservoirs()]


def _reservoir(row: ReservoirNow, names: dict[str, str], context: Context) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": names.get(row.id, row.id),
        "capacity_m3": number(row.capacity_m3, 1),
        "level_m": number(row.level_m, 4),
        "volume_m3": number(row.volume_m3, 1),
        "usable_m3": number(row.usable_m3, 1),
        "fill": number(row.fill),
        "net_flow_m3_per_h": number(row.net_flow_m3_per_h, 2),
        "autonomy_h": number(row.autonomy_h, 3),
        "hours_to_empty": number(row.hours_to_empty, 3),
        "hours_to_full": number(row.hours_to_full, 3),
        "in_service": row.in_service,
        "alarm_state": None,
        "as_of": iso(row.as_of_ns, context.plant.zone),
        **quality_fields(row.quality),
    }
