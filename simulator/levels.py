"""The levels that basins show, by the inverse of their curves."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from config.plant import Plant
from simulator.network import Network
from simulator.segment import View
from simulator.signals import base_range, noise_limits
from simulator.storages import Basin, joint_curve, shut_basins
from simulator.waves import Array, Waves, generator

_NOISE_M: Final = 0.0015
_UNEVEN_M: Final = 0.004
"""basins that are joined do not stand quite alike"""


@dataclass(frozen=True, slots=True)
class _Stage:
    """Curves of one reservoir while the same basins are open."""

    open_full_m3: float
    open_levels: tuple[Array, Array]
    shut_levels: tuple[Array, Array] | None


class Levels:
    """The level tags of all reservoirs."""

    def __init__(self, plant: Plant, net: Network, column: dict[str, int], seed: int) -> None:
        self._plant = plant
        found = [
            (i, basin, basin.level)
            for i, storage in enumerate(net.storages)
            for basin in storage.basins
            if basin.level is not None
        ]
        self.tags: tuple[str, ...] = tuple(tag for _, _, tag in found)
        self._network = net
        self._storage = [i for i, _, _ in found]
        self._basin = [basin for _, basin, _ in found]
        self._columns = np.array([column[tag] for tag in self.tags], np.intp)
        self._uneven = Waves(generator(seed, "levels"), len(found), 3600, 12 * 3600)
        self._top = np.array([float(basin.level_m[-1]) for basin in self._basin])
        tags = [plant.tags[tag] for tag in self.tags]
        limits = [base_range(tag) or (0.0, np.inf) for tag in tags]
        self._low = np.array([max(low, 0.0) for low, _ in limits])
        self._high = np.minimum(self._top, [high for _, high in limits])
        noise = [noise_limits(tag) for tag in tags]
        self._noise = np.array([min(max(_NOISE_M, least), most) for least, most in noise])
        self._stages: dict[tuple[int, frozenset[str]], _Stage] = {}

    def show(self, shown: Array, view: View, noise: Array) -> None:
        """Fills its columns of ``shown``."""
        if not self.tags:
            return
        true = self.true_m(view)
        uneven = _UNEVEN_M * self._uneven.at(view.times_s)
        read = true + np.where(true > 0.05, uneven, 0.0) + self._noise * noise[:, self._columns]
        shown[:, self._columns] = np.clip(read, self._low, self._high)

    def true_m(self, view: View) -> Array:
        """(n_times, n_levels) m, works of the view's first date taken into account."""
        date = dt.datetime.fromtimestamp(view.times_s[0], self._plant.zone).date()
        shut = shut_basins(self._plant, date)
        levels = np.empty((len(view.times_ns), len(self.tags)))
        for k, (storage, basin) in enumerate(zip(self._storage, self._basin, strict=True)):
            out = shut.get(self._network.storages[storage].id, frozenset[str]())
            levels[:, k] = self._level(view.volume_m3[:, storage], storage, basin, out)
        return levels

    def _level(self, volume: Array, storage: int, basin: Basin, shut: frozenset[str]) -> Array:
        stage = self._stage(storage, shut)
        if basin.id not in shut or stage.shut_levels is None:
            return np.interp(volume, *stage.open_levels)
        # a basin under works holds what the others cannot, until that is drawn
        return np.interp(volume - stage.open_full_m3, *stage.shut_levels)

    def _stage(self, storage: int, shut: frozenset[str]) -> _Stage:
        key = (storage, shut)
        if key not in self._stages:
            basins = self._network.storages[storage].basins
            opened = joint_curve([b for b in basins if b.id not in shut])
            closed = [b for b in basins if b.id in shut]
            left = joint_curve(closed) if closed else None
            self._stages[key] = _Stage(
                float(opened.volume_m3[-1]),
                (opened.volume_m3, opened.level_m),
                None if left is None else (left.volume_m3, left.level_m),
            )
        return self._stages[key]

    def of_storages(self, view: View) -> NDArray[np.float64]:
        """(n_storages,) m at the view's last instant, of the basins in service; NaN without basins."""
        date = dt.datetime.fromtimestamp(view.times_s[-1], self._plant.zone).date()
        shut = shut_basins(self._plant, date)
        found = np.full(len(self._network.storages), np.nan)
        for i, storage in enumerate(self._network.storages):
            if storage.basins:
                stage = self._stage(i, shut.get(storage.id, frozenset[str]()))
                found[i] = np.interp(view.volume_m3[-1, i], *stage.open_levels)
        return found
