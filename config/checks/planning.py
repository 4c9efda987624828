"""Dates and shares: production days, capacities before their site, peaks, zones, mains."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from config.finding import Finding
from config.marks import Path
from config.plant import Capacity, Peak, Plant

_SUMMER = "summer"
_LATE_S = 3600.0
"""readings less late than this correct no final day"""


def time_zone(plant: Plant) -> Iterable[Finding]:
    """A zone that is unknown; whatever needs the zone cannot be checked then."""
    name = plant.plant.time_zone
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = get_close_matches(name, available_timezones(), n=3)
        hint = f"; near: {', '.join(near)}" if near else ""
        yield Finding(
            ("plant", "time_zone"),
            f"'{name}' is no time zone; an IANA name is wanted, such as Africa/Algiers{hint}",
        )


def planning(plant: Plant, missing: Collection[str]) -> Iterable[Finding]:
    """Everything about dates, shares and mains."""
    if plant.plant.late_data_window_s < _LATE_S:
        yield Finding(
            ("plant", "late_data_window"),
            "at least 1 h: readings that come less than an hour late must find their day open",
        )
    yield from _production_days(plant)
    yield from _capacities(plant)
    for n, peak in enumerate(plant.peaks):
        yield from _peak(peak, ("peaks", n))
    yield from _mains(plant)
    if not missing:
        yield from _shares(plant)


def _production_days(plant: Plant) -> Iterable[Finding]:
    at: Path = ("plant", "production_day")
    if not plant.plant.production_day:
        yield Finding(at, "at least one row is wanted: { start: 00:00, valid_from: 1970-01-01 }")
    first: dict[dt.date, int] = {}
    for n, row in enumerate(plant.plant.production_day):
        if row.valid_from in first:
            yield Finding(
                (*at, n),
                f"two rows are valid from {row.valid_from}",
                other=(*at, first[row.valid_from]),
            )
        first.setdefault(row.valid_from, n)
        if row.start.tzinfo is not None:
            yield Finding((*at, n, "start"), "a local time without offset is wanted, such as 06:00")


def _capacities(plant: Plant) -> Iterable[Finding]:
    since = {site.id: site.in_service_from for site in plant.sites}
    first: dict[tuple[str, str, dt.date], int] = {}
    for n, row in enumerate(plant.capacities):
        at: Path = ("capacities", n)
        yield from _capacity(row, since.get(row.site), at)
        key = (row.site, row.kind, row.valid_from)
        if key in first:
            yield Finding(
                (*at, "valid_from"),
                f"there is another {row.kind} of '{row.site}' from {row.valid_from}",
                other=("capacities", first[key]),
            )
        first.setdefault(key, n)


def _capacity(row: Capacity, since: dt.date | None, at: Path) -> Iterable[Finding]:
    if since is not None and row.valid_from < since:
        yield Finding(
            (*at, "valid_from"),
            f"a {row.kind} from {row.valid_from} is older than its site: '{row.site}' is in service "
            f"from {since}",
        )
    if row.valid_to is not None and row.valid_to < row.valid_from:
        yield Finding((*at, "valid_to"), f"it should not be before valid_from, {row.valid_from}")


def _peak(peak: Peak, at: Path) -> Iterable[Finding]:
    dated = peak.start is not None or peak.end is not None
    if (peak.rule is not None) == dated:
        yield Finding(at, "a peak has either a rule, or start and end")
    elif dated and (peak.start is None or peak.end is None):
        yield Finding(at, "a dated peak has both start and end")
    if peak.start is not None and peak.end is not None and peak.end < peak.start:
        yield Finding((*at, "end"), f"it should not be before start, {peak.start}")
    if peak.shift_days and (peak.rule is None or peak.rule == _SUMMER):
        yield Finding((*at, "shift_days"), "only Hijri rules are shifted by the sighting")


def _mains(plant: Plant) -> Iterable[Finding]:
    for n, main in enumerate(plant.mains):
        if main.origin == main.destination:
            yield Finding(("mains", n, "to"), "a main leads from one site to another")
        if main.capacity_m3_per_h <= 0:
            yield Finding(("mains", n, "capacity"), "it should be above 0")


def _shares(plant: Plant) -> Iterable[Finding]:
    shares = [zone.share_of_demand for zone in plant.zones]
    total = sum(share for share in shares if share is not None)
    last: Path = ("zones", len(shares) - 1, "share_of_demand")
    for n, share in enumerate(shares):
        if share is not None and not 0 <= share <= 1:
            yield Finding(("zones", n, "share_of_demand"), "it should be from 0 to 100 %")
    if total > 1.0005:
        yield Finding(last, f"the zones' shares add up to {total:.1%}; at most 100 %")
    elif shares and None not in shares and total < 0.9995:
        yield Finding(last, f"the zones' shares add up to {total:.1%}; 100 % is wanted")
