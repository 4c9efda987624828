"""Which stream each meter sees: every true flow as a sum of what the balance computed.

A channel is one computed stream; a row over all channels is what a meter measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from config.plant import Plant
from config.sites import Meter
from simulator.network import Network, goes_elsewhere
from simulator.waves import Array

CITY_SHARE: Final = 0.65
"""of a source without mains, what goes to the city where it also gives to others"""
RECOVERY: Final = 0.42
"""product of a desalination plant per intake"""
TREATMENT_YIELD: Final = 0.97
OWN_USE: Final = 0.008
"""of what trains give, what the site itself uses"""


@dataclass(frozen=True, slots=True)
class Channels:
    """Where each stream stands among the channels: trains, headers, mains, then the storages'."""

    trains: int
    sources: int
    mains: int
    storages: int

    @property
    def count(self) -> int:
        return self.trains + self.sources + self.mains + 3 * self.storages

    def train(self, index: int) -> Array:
        return self._row(index)

    def header(self, index: int) -> Array:
        return self._row(self.trains + index)

    def main(self, index: int) -> Array:
        return self._row(self.trains + self.sources + index)

    def draw(self, index: int) -> Array:
        return self._row(self._basins + index)

    def inflow(self, index: int) -> Array:
        return self._row(self._basins + self.storages + index)

    def outflow(self, index: int) -> Array:
        return self._row(self._basins + 2 * self.storages + index)

    @property
    def _basins(self) -> int:
        return self.trains + self.sources + self.mains

    def _row(self, index: int) -> Array:
        row = np.zeros(self.count)
        row[index] = 1
        return row


class Metering:
    """The rows of a plant's meters."""

    def __init__(self, plant: Plant, net: Network) -> None:
        self._plant = plant
        self._network = net
        self.trains: tuple[tuple[int, str | None], ...] = tuple(
            (s, train) for s, source in enumerate(net.sources) for train in source.trains
        )
        self.channels = Channels(
            len(self.trains), len(net.sources), len(net.branches), len(net.storages)
        )
        self._rows: dict[str, Array] = {}
        for index in range(len(net.sources)):
            self._produced(index)
        for meter in plant.meters:
            if meter.id not in self._rows:
                self._rows[meter.id] = self._other(meter)

    def row(self, meter: str) -> Array:
        """(n_channels,) of one meter."""
        return self._rows[meter]

    def site_row(self, index: int) -> Array:
        """(n_channels,) of a source's whole output: the sum of what its outlet meters see."""
        site = self._network.sources[index].id
        outlets = [m.id for m in self._plant.meters if m.site == site and m.measures == "produced"]
        if not outlets:
            return self.channels.header(index)
        return np.sum([self._rows[meter] for meter in outlets], axis=0)

    def _produced(self, index: int) -> None:
        """The outlet meters of a source: together they see its whole header, no more, no less."""
        site = self._network.sources[index].id
        outlets = [m for m in self._plant.meters if m.site == site and m.measures == "produced"]
        mains = [j for j, b in enumerate(self._network.branches) if b.source == index]
        left = self.channels.header(index)
        free: list[Meter] = []
        for meter in outlets:
            main = self._network.branch_of_meter(meter.id)
            if main is None:
                free.append(meter)
                continue
            self._rows[meter.id] = self.channels.main(main)
            if main in mains:
                left = left - self.channels.main(main)
                mains.remove(main)
        if free:
            self._split(free, left, mains)
        elif outlets and self._own(outlets, index):
            last = next((m for m in outlets if goes_elsewhere(self._plant, m)), outlets[-1])
            self._rows[last.id] = self._rows[last.id] + left

    def _own(self, outlets: Sequence[Meter], index: int) -> bool:
        """Do these meters stand on mains that leave the source itself, not its tank?"""
        found = [self._network.branch_of_meter(m.id) for m in outlets]
        return all(j is not None and self._network.branches[j].source == index for j in found)

    def _split(self, free: Sequence[Meter], left: Array, mains: Sequence[int]) -> None:
        others = [m for m in free if goes_elsewhere(self._plant, m)]
        city = [m for m in free if m not in others]
        if not others or not city:
            for meter in free:
                self._rows[meter.id] = left / len(free)
            return
        taken = sum((self.channels.main(j) for j in mains), np.zeros(self.channels.count))
        to_city = taken if mains else left * CITY_SHARE
        for meter in city:
            self._rows[meter.id] = to_city / len(city)
        for meter in others:
            self._rows[meter.id] = (left - to_city) / len(others)

    def _other(self, meter: Meter) -> Array:
        main = self._network.branch_of_meter(meter.id)
        source = self._network.source(meter.site)
        if meter.measures == "train" and source is not None:
            return self.channels.train(self.trains.index((source, meter.id)))
        if main is not None:
            return self.channels.main(main)
        for index, storage in enumerate(self._network.storages):
            if meter.id in storage.inflow_meters:
                return self._rest(self.channels.inflow(index), storage.inflow_meters)
            if meter.id in storage.outflow_meters:
                return self._rest(self.channels.outflow(index), storage.outflow_meters)
        if source is not None:
            return self._of_source(meter, source)
        return self._of_place(meter)

    def _rest(self, whole: Array, meters: Sequence[str]) -> Array:
        """What the meters that stand on no main of their own see, each alike."""
        free = 0
        for meter in meters:
            main = self._network.branch_of_meter(meter)
            if main is None:
                free += 1
            else:
                whole = whole - self.channels.main(main)
        return whole / free

    def _of_source(self, meter: Meter, source: int) -> Array:
        alike = sum(
            (m.site, m.measures, m.destination) == (meter.site, meter.measures, meter.destination)
            for m in self._plant.meters
        )
        header = self.site_row(source) / alike
        if meter.measures == "intake":
            desalinates = any(
                s.id == meter.site and s.type == "desalination_plant" for s in self._plant.sites
            )
            return header / (RECOVERY if desalinates else TREATMENT_YIELD)
        if meter.measures == "own_use":
            return header * OWN_USE
        return self._same_destination(meter, meter.site, header * alike) / alike

    def _of_place(self, meter: Meter) -> Array:
        """Delivered somewhere on the way: what was sent there, or all that passes the place."""
        index = self._network.storage(meter.site)
        nothing = np.zeros(self.channels.count)
        if meter.destination is not None and meter.destination != self._plant.plant.city:
            through = nothing if index is None else self.channels.outflow(index) * (1 - CITY_SHARE)
            return self._same_destination(meter, None, through)
        return nothing if index is None else self.channels.inflow(index)

    def _same_destination(self, meter: Meter, site: str | None, otherwise: Array) -> Array:
        """The streams of the outlets with this meter's destination; ``otherwise`` without any."""
        sent = [
            self._rows[m.id]
            for m in self._plant.meters
            if m.measures == "produced"
            and m.destination == meter.destination
            and m.destination is not None
            and site in (None, m.site)
        ]
        return np.sum(sent, axis=0) if sent else otherwise
