"""Which meters add up to which figure of which site. Figures are never mixed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from config.plant import Plant
from config.sites import Meter
from water.output import Figure, Volume, sum_of


@dataclass(frozen=True, slots=True)
class Sum:
    """One figure of one site: what ``DailyOutput`` calls its part, and the meters behind it.

    part : of ``delivered`` the destination (empty where none is described), of ``meter`` the
        meter's id, else empty
    """

    site: str
    figure: Figure
    part: str
    meters: tuple[str, ...]


def sums(plant: Plant) -> tuple[Sum, ...]:
    """Every figure of the plant, by site in the order described."""
    found: list[Sum] = []
    for site in plant.sites:
        meters = [meter for meter in plant.meters if meter.site == site.id]
        found += _of_site(site.id, meters)
    return tuple(found)


def _of_site(site: str, meters: Sequence[Meter]) -> Iterable[Sum]:
    produced = tuple(meter.id for meter in meters if meter.measures == "produced")
    trains = tuple(meter.id for meter in meters if meter.measures == "train")
    if produced:
        yield Sum(site, Figure.PRODUCED, "", produced)
    for destination, ids in _delivered(meters).items():
        yield Sum(site, Figure.DELIVERED, destination, ids)
    if trains:
        yield Sum(site, Figure.TRAINS, "", trains)
    for meter in meters:
        yield Sum(site, Figure.METER, meter.id, (meter.id,))


def _delivered(meters: Sequence[Meter]) -> Mapping[str, tuple[str, ...]]:
    """By destination: the custody meters, or where a site has none, its outlets that go there.

    Both measure the same water, so they are never added to each other.
    """
    custody: dict[str, list[str]] = {}
    outlets: dict[str, list[str]] = {}
    for meter in meters:
        if meter.measures == "delivered":
            custody.setdefault(meter.destination or "", []).append(meter.id)
        elif meter.measures == "produced" and meter.destination is not None:
            outlets.setdefault(meter.destination, []).append(meter.id)
    return {name: tuple(ids) for name, ids in (outlets | custody).items()}


def add_up(parts: Sequence[Sum], volumes: Mapping[str, Volume]) -> list[tuple[Sum, Volume]]:
    """The volume of every figure from those of the meters.

    ``trains`` carries the header's volume as its cross check, so that the two are compared.
    """
    added = [(part, _total(part, volumes)) for part in parts]
    headers = {part.site: volume for part, volume in added if part.figure is Figure.PRODUCED}
    return [
        (
            part,
            _compared(volume, headers.get(part.site)) if part.figure is Figure.TRAINS else volume,
        )
        for part, volume in added
    ]


def _total(part: Sum, volumes: Mapping[str, Volume]) -> Volume:
    if len(part.meters) == 1:
        return volumes[part.meters[0]]
    return sum_of([volumes[meter] for meter in part.meters])


def _compared(trains: Volume, header: Volume | None) -> Volume:
    if header is None or header.volume_m3 is None:
        return trains
    difference = None
    if trains.volume_m3:
        difference = (trains.volume_m3 - header.volume_m3) / trains.volume_m3
    return replace(trains, cross_check_m3=header.volume_m3, disagreement=difference)
