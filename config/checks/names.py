"""Ids that stand twice, and references that lead nowhere."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from config.finding import Finding, Known
from config.marks import Path
from config.plant import Plant


class _Named(Protocol):
    @property
    def id(self) -> str: ...


def duplicates(plant: Plant) -> Iterable[Finding]:
    """Every id that stands twice in its list; tags are one list over all devices."""
    lists: tuple[tuple[str, Sequence[_Named]], ...] = (
        ("sites", plant.sites),
        ("zones", plant.zones),
        ("devices", plant.devices),
        ("meters", plant.meters),
        ("reservoirs", plant.reservoirs),
        ("mains", plant.mains),
        ("works", plant.works),
        ("peaks", plant.peaks),
    )
    for section, items in lists:
        yield from _twice([(item.id, (section, n, "id")) for n, item in enumerate(items)])
    yield from _twice(
        [
            (tag.id, ("devices", n, "tags", m, "id"))
            for n, device in enumerate(plant.devices)
            for m, tag in enumerate(device.tags)
        ]
    )
    for n, reservoir in enumerate(plant.reservoirs):
        basins = [
            (one.id, ("reservoirs", n, "compartments", m, "id"))
            for m, one in enumerate(reservoir.compartments)
        ]
        yield from _twice(basins)


def _twice(ids: Iterable[tuple[str, Path]]) -> Iterable[Finding]:
    first: dict[str, Path] = {}
    for id_, path in ids:
        if id_ in first:
            yield Finding(path, f"'{id_}' is a duplicate id; ids are unique", other=first[id_])
        first.setdefault(id_, path)


def references(plant: Plant, missing: Collection[str]) -> Iterable[Finding]:
    """Every id that something refers to and nothing has."""
    sites = Known("site", {site.id for site in plant.sites}, missing)
    tags = Known("tag", plant.tags, missing)
    meters = Known("meter", {meter.id for meter in plant.meters}, missing)
    zones = Known("zone", {zone.id for zone in plant.zones}, missing)
    reservoirs = Known("reservoir", {one.id for one in plant.reservoirs}, missing)
    for n, device in enumerate(plant.devices):
        yield from sites.dangling(("devices", n, "site"), device.site)
    for n, meter in enumerate(plant.meters):
        yield from sites.dangling(("meters", n, "site"), meter.site)
        yield from tags.dangling(("meters", n, "totalizer"), meter.totalizer)
        yield from tags.dangling(("meters", n, "flow"), meter.flow)
    for n, row in enumerate(plant.capacities):
        yield from sites.dangling(("capacities", n, "site"), row.site)
    for n, main in enumerate(plant.mains):
        yield from sites.dangling(("mains", n, "from"), main.origin)
        yield from sites.dangling(("mains", n, "to"), main.destination)
        yield from meters.dangling(("mains", n, "meter"), main.meter)
    for n, works in enumerate(plant.works):
        yield from reservoirs.dangling(("works", n, "reservoir"), works.reservoir)
    yield from _of_reservoirs(plant, sites, tags, meters, zones)
    yield from _city(plant)


def _of_reservoirs(
    plant: Plant, sites: Known, tags: Known, meters: Known, zones: Known
) -> Iterable[Finding]:
    for n, reservoir in enumerate(plant.reservoirs):
        at: Path = ("reservoirs", n)
        yield from sites.dangling((*at, "id"), reservoir.id)
        for m, one in enumerate(reservoir.compartments):
            yield from tags.dangling((*at, "compartments", m, "level"), one.level)
        for key, known, ids in (
            ("inflow", meters, reservoir.inflow),
            ("outflow", meters, reservoir.outflow),
            ("zones", zones, reservoir.zones),
        ):
            for m, id_ in enumerate(ids):
                yield from known.dangling((*at, key, m), id_)


def _city(plant: Plant) -> Iterable[Finding]:
    """Where meters name destinations, the city is one of them."""
    named = {meter.destination for meter in plant.meters if meter.destination}
    if plant.plant.city and named:
        yield from Known("destination", named, ()).dangling(("plant", "city"), plant.plant.city)
