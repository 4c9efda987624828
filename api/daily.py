"""One site's production day put together from its figures, and how it is told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from api.answers import iso, number
from api.context import Context
from water.capacity import Capacity, standing
from water.output import DailyOutput, Figure, Volume

TOLD_FIGURES = (Figure.PRODUCED, Figure.DELIVERED, Figure.TRAINS)


@dataclass(slots=True)
class DaySheet:
    """A site's day: what it produced, and beside it, never mixed, deliveries and trains."""

    produced: DailyOutput
    delivered: list[DailyOutput] = field(default_factory=list[DailyOutput])
    trains: DailyOutput | None = None


def day_sheets(outputs: Sequence[DailyOutput], site: str | None) -> list[DaySheet]:
    """One sheet a site and day that has a produced figure, by date, then site."""
    sheets: dict[tuple[dt.date, str], DaySheet] = {
        (o.date, o.site): DaySheet(o)
        for o in outputs
        if o.figure == Figure.PRODUCED and site in (None, o.site)
    }
    for output in outputs:
        sheet = sheets.get((output.date, output.site))
        if sheet is None:
            continue
        if output.figure == Figure.DELIVERED:
            sheet.delivered.append(output)
        elif output.figure == Figure.TRAINS:
            sheet.trains = output
    return [sheets[key] for key in sorted(sheets)]


def day_answer(sheet: DaySheet, rows: Sequence[Capacity], context: Context) -> dict[str, Any]:
    """A day as the contract has it."""
    output, volume = sheet.produced, sheet.produced.volume
    stands = standing(volume.volume_m3, rows, output.site, output.date)
    zone = context.plant.zone
    return {
        "date": output.date.isoformat(),
        "site": output.site,
        "volume_m3": number(volume.volume_m3, 3),
        "u95_m3": number(volume.u95_m3, 3),
        "target_m3": number(stands.target_m3, 3),
        "attainment": number(stands.attainment),
        "shortfall_m3": number(stands.shortfall_m3, 3),
        "capacity_m3": {kind.value: m3 for kind, m3 in stands.capacity_m3.items()},
        "utilisation": {kind.value: number(u) for kind, u in stands.utilisation.items()},
        "coverage": number(volume.coverage),
        "boundary_ok": volume.boundary_ok,
        "method": volume.method,
        "cross_check_m3": number(volume.cross_check_m3, 3),
        "disagreement": number(volume.disagreement),
        "status": output.status,
        "revision": output.revision,
        "reason": output.reason,
        "computed_at": iso(output.computed_at_ns, zone),
        "estimated_m3": number(volume.estimated_m3, 3),
        "delivered_to_city_m3": _delivered(sheet, context, to_city=True),
        "delivered_to_others_m3": _delivered(sheet, context, to_city=False),
        "delivered": [
            {
                "destination": d.part,
                "volume_m3": number(d.volume.volume_m3, 3),
                "u95_m3": number(d.volume.u95_m3, 3),
                "coverage": number(d.volume.coverage),
            }
            for d in sheet.delivered
        ],
        "trains_m3": number(sheet.trains.volume.volume_m3, 3) if sheet.trains else None,
        "trains_disagreement": _trains_disagreement(volume, sheet.trains),
        "events": [
            {
                "kind": event.kind,
                "time": iso(event.time_ns, zone),
                "volume_m3": number(event.volume_m3, 3),
                "detail": event.detail,
            }
            for event in volume.events
        ],
    }


def _delivered(sheet: DaySheet, context: Context, *, to_city: bool) -> float | None:
    """What went to the city, or to others; unknown where any part of it is."""
    city = context.plant.plant.city
    parts = [d.volume.volume_m3 for d in sheet.delivered if (d.part == city) is to_city]
    known = [m3 for m3 in parts if m3 is not None]
    return number(sum(known), 3) if parts and len(known) == len(parts) else None


def _trains_disagreement(produced: Volume, trains: DailyOutput | None) -> float | None:
    """(header − trains) / header, where both are known."""
    if trains is None or not produced.volume_m3 or trains.volume.volume_m3 is None:
        return None
    return number((produced.volume_m3 - trains.volume.volume_m3) / produced.volume_m3)
