"""The water's ways as arrays: sources, storages, and the mains between them, from the description."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from config.plant import Plant
from config.sites import Main, Meter, Site
from simulator.capability import Capability, capability
from simulator.storages import Storage, storages

SOURCE_TYPES: Final = ("desalination_plant", "surface_water", "wells")
METER_MARGIN: Final = 0.95
"""share of a meter's maximum flow that the water never passes"""
UNMETERED_TRAINS: Final = 3
"""of a site whose trains nobody described"""
EXPORT_SHARE: Final = 0.3
"""share of a source's output that goes elsewhere, where a meter towards elsewhere stands"""


@dataclass(frozen=True, slots=True)
class Source:
    """A producing site.

    must_run : it gives what it can and the surplus goes elsewhere; otherwise it gives what is asked
    export_share, export_limit_m3_per_h : what is kept for elsewhere, and the most that can go there
    """

    id: str
    must_run: bool
    capability: Capability
    trains: tuple[str | None, ...]
    export_share: float
    export_limit_m3_per_h: float


@dataclass(frozen=True, slots=True)
class Branch:
    """A main between a source or a storage and a storage, by index.

    phase : 0 where all its water is from sources that must run, which is taken first; else 1
    share : of what the destination wants of this phase, what it asks of this main
    expected_m3_per_h : what it could carry, day in, day out
    transfer : it helps out storages that others feed too, and stops before its origin runs low
    """

    id: str
    source: int | None
    storage: int | None
    destination: int
    capacity_m3_per_h: float
    meter: str | None
    priority: int
    phase: int = 1
    share: float = 0.0
    expected_m3_per_h: float = 0.0
    transfer: bool = False


@dataclass(frozen=True, slots=True)
class Network:
    """Everything that water passes. ``branches`` is sorted: phase, from sources first, priority."""

    sources: tuple[Source, ...]
    storages: tuple[Storage, ...]
    branches: tuple[Branch, ...]

    def source(self, site: str) -> int | None:
        return next((i for i, s in enumerate(self.sources) if s.id == site), None)

    def storage(self, site: str) -> int | None:
        return next((i for i, s in enumerate(self.storages) if s.id == site), None)

    def branch_of_meter(self, meter: str) -> int | None:
        return next((i for i, b in enumerate(self.branches) if b.meter == meter), None)


def network(plant: Plant) -> Network:
    """The network of a plant."""
    sites = [site for site in plant.sites if _produces(plant, site)]
    ids = {site.id for site in sites}
    basins = storages(plant, ids)
    sources = tuple(_source(plant, site, ids & {basin.id for basin in basins}) for site in sites)
    branches = _shared(sources, _phased(sources, _branches(plant, sources, basins)), len(basins))
    return Network(sources, basins, tuple(sorted(branches, key=_order)))


def _produces(plant: Plant, site: Site) -> bool:
    measured = any(m.site == site.id and m.measures in ("produced", "train") for m in plant.meters)
    return site.type in SOURCE_TYPES or measured


def _source(plant: Plant, site: Site, with_tank: set[str]) -> Source:
    meters = [meter for meter in plant.meters if meter.site == site.id]
    trains = tuple(meter.id for meter in meters if meter.measures == "train")
    tied = {main.meter for main in plant.mains if main.meter}
    elsewhere = [m for m in meters if goes_elsewhere(plant, m) and m.id not in tied]
    untied_main = site.id in with_tank or any(
        main.origin == site.id and main.meter not in {m.id for m in meters} for main in plant.mains
    )
    shares = bool(elsewhere) and untied_main
    limit = sum(m.maximum_flow_m3_per_h for m in elsewhere) * METER_MARGIN
    return Source(
        id=site.id,
        must_run=bool(trains) or site.type == "desalination_plant",
        capability=capability(plant, site.id),
        trains=trains or (None,) * UNMETERED_TRAINS,
        export_share=EXPORT_SHARE if shares else 0.0,
        export_limit_m3_per_h=limit if shares else float("inf"),
    )


def goes_elsewhere(plant: Plant, meter: Meter) -> bool:
    """Does this plant outlet lead to others than the city?"""
    city = plant.plant.city
    return meter.measures == "produced" and meter.destination not in (None, city) and bool(city)


def _branches(plant: Plant, sources: Sequence[Source], basins: Sequence[Storage]) -> list[Branch]:
    """Every main, without those that would close a ring: such a main stands by, shut."""
    source_at = {source.id: i for i, source in enumerate(sources)}
    basin_at = {basin.id: i for i, basin in enumerate(basins)}
    found: list[Branch] = []
    for source in sources:
        if source.id in basin_at:
            most = source.capability.greatest_m3_per_h * 1.3
            tank = Branch(
                f"{source.id}.tank", source_at[source.id], None, basin_at[source.id], most, None, 1
            )
            found.append(tank)
    for main in sorted(plant.mains, key=lambda main: main.priority):
        if main.destination not in basin_at:
            continue
        branch = _branch(plant, main, source_at, basin_at)
        if branch.storage is None or not _leads(found, branch.destination, branch.storage):
            found.append(branch)
        else:
            found.append(dataclasses.replace(branch, capacity_m3_per_h=0.0))
    return _within_meters(plant, basins, found)


def _branch(
    plant: Plant, main: Main, source_at: dict[str, int], basin_at: dict[str, int]
) -> Branch:
    storage = basin_at.get(main.origin)
    capacity = main.capacity_m3_per_h
    for meter in plant.meters:
        if meter.id == main.meter:
            capacity = min(capacity, meter.maximum_flow_m3_per_h * METER_MARGIN)
    return Branch(
        id=main.id,
        source=source_at.get(main.origin) if storage is None else None,
        storage=storage,
        destination=basin_at[main.destination],
        capacity_m3_per_h=capacity,
        meter=main.meter,
        priority=main.priority,
    )


def _leads(branches: Sequence[Branch], start: int, goal: int) -> bool:
    """Is there a way from one storage to another?"""
    seen, ahead = set[int](), [start]
    while ahead:
        at = ahead.pop()
        if at == goal:
            return True
        if at not in seen:
            seen.add(at)
            ahead += [b.destination for b in branches if b.storage == at and b.capacity_m3_per_h]
    return False


def _within_meters(plant: Plant, basins: Sequence[Storage], branches: list[Branch]) -> list[Branch]:
    """Mains into a storage together never bring more than its inflow meters can pass."""
    limited: list[Branch] = []
    for branch in branches:
        basin = basins[branch.destination]
        untied = [b for b in branches if b.destination == branch.destination]
        untied = [b for b in untied if b.meter not in basin.inflow_meters]
        free = [m for m in plant.meters if m.id in basin.inflow_meters]
        free = [m for m in free if m.id not in {b.meter for b in branches}]
        if branch in untied and free:
            most = sum(m.maximum_flow_m3_per_h for m in free) * METER_MARGIN
            total = sum(b.capacity_m3_per_h for b in untied)
            scale = min(1.0, most / total) if total else 1.0
            capacity = branch.capacity_m3_per_h * scale
            limited.append(dataclasses.replace(branch, capacity_m3_per_h=capacity))
        else:
            limited.append(branch)
    return limited


def _phased(sources: Sequence[Source], branches: list[Branch]) -> list[Branch]:
    """Marks the mains whose whole water is from sources that must run."""
    base: set[int] = set()
    while True:
        first = [b for b in branches if _is_base(b, sources, base)]
        fed = {
            b.destination
            for b in first
            if all(o in first for o in branches if o.destination == b.destination)
        }
        if fed <= base:
            break
        base |= fed
    return [dataclasses.replace(b, phase=0 if b in first else 1) for b in branches]


def _is_base(branch: Branch, sources: Sequence[Source], base: set[int]) -> bool:
    if branch.source is not None:
        return sources[branch.source].must_run
    return branch.storage in base


def _shared(sources: Sequence[Source], branches: list[Branch], count: int) -> list[Branch]:
    """What each main can be expected to carry, from the sources down, and its share of its phase."""
    expected = {b.id: 0.0 for b in branches}
    for _ in range(count + 1):
        into = [sum(expected[b.id] for b in branches if b.destination == i) for i in range(count)]
        for b in branches:
            mates = [o for o in branches if (o.source, o.storage) == (b.source, b.storage)]
            capacity = sum(o.capacity_m3_per_h for o in mates) or 1.0
            if b.source is not None:
                source = sources[b.source]
                there = source.capability.mean_m3_per_h * (1 - source.export_share)
            else:
                there = into[b.storage] if b.storage is not None else 0.0
                there = there or capacity
            expected[b.id] = min(b.capacity_m3_per_h, there * b.capacity_m3_per_h / capacity)
    shared: list[Branch] = []
    for b in branches:
        mates = [o for o in branches if (o.destination, o.phase) == (b.destination, b.phase)]
        total = sum(expected[o.id] for o in mates)
        share = expected[b.id] / total if total else 0.0
        shared.append(
            dataclasses.replace(
                b,
                share=share,
                expected_m3_per_h=expected[b.id],
                transfer=_helps_out(branches, b.destination),
            )
        )
    return shared


def _helps_out(branches: Sequence[Branch], destination: int) -> bool:
    """Does the way from here lead to a storage that has another main too?"""
    open_mains = [b for b in branches if b.capacity_m3_per_h]
    return any(
        sum(b.destination == at for b in open_mains) > 1
        for at in {b.destination for b in open_mains}
        if _leads(open_mains, destination, at)
    )


def _order(branch: Branch) -> tuple[int, bool, int, int, float]:
    """Of one source's mains of one priority the smallest comes first: it takes the least away."""
    source = branch.source if branch.source is not None else -1
    return (branch.phase, source < 0, source, branch.priority, branch.capacity_m3_per_h)
