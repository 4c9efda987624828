"""What each tag stands on: a train, a source or a storage, and the stream that moves it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np

from config.devices import AddressedTag
from config.plant import Plant
from simulator.metering import RECOVERY, Metering
from simulator.network import Network
from simulator.sizing import mean_demand
from simulator.waves import Array

_INLET: Final = re.compile(r"inlet|inflow|intake|suction|feed")
_FEED: Final = re.compile(r"feed|intake|seawater|raw")
_NUMBER: Final = re.compile(r"\d+")
_BRINE: Final = re.compile(r"brine|concentrate|reject")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tag stands.

    train, source, storage : indices, None where it stands on none of that
    row : (n_channels,) the stream there; usual_m3_per_h : what it is on a usual day
    """

    train: int | None
    source: int | None
    storage: int | None
    row: Array
    usual_m3_per_h: float


class Places:
    """The places of a plant's tags, by the sites and trains that their ids and devices name.

    Tags that differ in a number only (``pump1.power``, ``pump2.power``) share their site's stream.
    """

    def __init__(self, plant: Plant, net: Network, metering: Metering) -> None:
        self._plant = plant
        self._network = net
        self._metering = metering
        self._mean_demand = mean_demand(plant, net)
        self._sites = {site.id for site in plant.sites}
        self._prefixes = self._train_prefixes()
        self._alike = Counter(_NUMBER.sub("#", tag) for tag in plant.tags)

    def of(self, tag: AddressedTag) -> Place:
        """A tag's place; a tag at no site with water has an empty row."""
        site = self._site(tag)
        for train, prefix in self._prefixes.items():
            source = self._metering.trains[train][0]
            if tag.id.startswith(prefix) and self._network.sources[source].id == site:
                usual = self._source_usual(source) / len(self._network.sources[source].trains)
                row = self._metering.channels.train(train)
                return Place(train, source, None, row, usual)
        part = 1 / self._alike[_NUMBER.sub("#", tag.id)]
        source = self._network.source(site)
        if source is not None:
            usual = self._source_usual(source) * part
            return Place(None, source, None, self._metering.site_row(source) * part, usual)
        storage = self._network.storage(site)
        if storage is None:
            return Place(None, None, None, np.zeros(self._metering.channels.count), 0.0)
        channels = self._metering.channels
        inlet = _INLET.search(tag.id) is not None
        row = channels.inflow(storage) if inlet else channels.outflow(storage)
        return Place(None, None, storage, row * part, self._storage_usual(storage) * part)

    def stream(self, tag: AddressedTag, place: Place) -> Array:
        """(n_channels,) what a flow or totalizer that is no described meter sees there."""
        if place.source is None:
            return place.row
        if _BRINE.search(tag.id):
            return place.row * (1 / RECOVERY - 1)
        return place.row / RECOVERY if _FEED.search(tag.id) else place.row

    def _site(self, tag: AddressedTag) -> str:
        first = tag.id.split(".", 1)[0]
        return first if first in self._sites else self._plant.device_of_tag[tag.id].site

    def _train_prefixes(self) -> dict[int, str]:
        """The first two words of each train's tags, where no other train has the same."""
        meters = {meter.id: meter for meter in self._plant.meters}
        found: dict[int, str] = {}
        for index, (_, train) in enumerate(self._metering.trains):
            if train is not None:
                tag = meters[train].totalizer or meters[train].flow or train
                found[index] = ".".join(tag.split(".")[:2]) + "."
        shared = [p for p in found.values() if list(found.values()).count(p) > 1]
        return {index: prefix for index, prefix in found.items() if prefix not in shared}

    def _source_usual(self, source: int) -> float:
        return self._network.sources[source].capability.mean_m3_per_h

    def _storage_usual(self, storage: int) -> float:
        leaving = [b.expected_m3_per_h for b in self._network.branches if b.storage == storage]
        return max(1.0, float(self._mean_demand[storage]) + 0.5 * sum(leaving))
