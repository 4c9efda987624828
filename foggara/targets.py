"""The description's capacities and targets brought into the records."""

from __future__ import annotations

from itertools import groupby

from config.plant import Plant
from storage.records import CapacityRecord, Records

CONFIG = "config"


def adopt_capacities(plant: Plant, records: Records, now_ns: int) -> None:
    """A site's rows from the description, where they are new there or changed.

    What people have edited through the API stays, also where they left nothing: a site's list is
    replaced only while its present one came from the description.
    """
    capacities = records.capacities
    edited_ns = {entry.subject: entry.at_ns for entry in records.audit.read(0, now_ns + 1)}
    known = {site: list(rows) for site, rows in groupby(capacities.rows(), lambda r: r.site)}
    for site in plant.sites:
        described = [
            CapacityRecord(
                site=row.site,
                kind=row.kind,
                m3_per_day=row.m3_per_day,
                valid_from=row.valid_from,
                valid_to=row.valid_to,
                source=row.source,
                recorded_at_ns=now_ns,
                recorded_by=CONFIG,
            )
            for row in plant.capacities
            if row.site == site.id
        ]
        present = known.get(site.id, [])
        if any(row.recorded_by != CONFIG for row in present):
            continue
        if not present and site.id in edited_ns:
            earlier = [row for rows in capacities.history(site.id) for row in rows]
            if all(row.recorded_at_ns <= edited_ns[site.id] for row in earlier):
                continue
        if {_facts(row) for row in described} != {_facts(row) for row in present}:
            capacities.replace(site.id, described)


def _facts(row: CapacityRecord) -> tuple[object, ...]:
    return (row.kind, row.m3_per_day, row.valid_from, row.valid_to, row.source)
