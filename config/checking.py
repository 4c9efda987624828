"""What one field alone cannot see: ids, units, registers, references, dates and limits together."""

from __future__ import annotations

from collections.abc import Collection

from config.checks.access import access
from config.checks.metering import metering
from config.checks.names import duplicates, references
from config.checks.planning import planning, time_zone
from config.checks.storing import storing
from config.checks.wiring import wiring
from config.finding import Finding
from config.plant import Plant


def check(plant: Plant, missing_ids: Collection[str] = ()) -> list[Finding]:
    """Everything that is wrong or risky in a description whose fields are each right by themselves.

    missing_ids : ids that were described wrongly and are told of elsewhere
    """
    zone_unknown = list(time_zone(plant))
    if zone_unknown:
        header = plant.plant.model_copy(update={"time_zone": "UTC"})
        plant = plant.model_copy(update={"plant": header})
    return [
        *zone_unknown,
        *duplicates(plant),
        *references(plant, missing_ids),
        *wiring(plant),
        *metering(plant),
        *storing(plant, missing_ids),
        *planning(plant, missing_ids),
        *access(plant),
    ]
