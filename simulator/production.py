"""What the sources could give at any time: trains, the site's troubles, and the sea's temper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.metering import OWN_USE
from simulator.network import Network
from simulator.trains import SiteTrouble, TrainLife
from simulator.waves import DAY_S, Array, Waves, generator

_SLOW_SHARE: Final = 0.025
_QUICK_SHARE: Final = 0.006
LEAST_SHARE: Final = 0.25
"""of its capability, what a source that waits to be asked gives all the same"""


@dataclass(frozen=True, slots=True)
class Potential:
    """What could be given. trains : (n, n_trains) m³/h; headers : (n, n_sources) m³/h."""

    trains: Array
    headers: Array


class Production:
    """Every train and source of a network, from an origin in time on."""

    def __init__(self, net: Network, seed: int, origin_s: float) -> None:
        self._sources = net.sources
        self._source_of_train = np.array(
            [s for s, source in enumerate(net.sources) for _ in source.trains], np.intp
        )
        names = [(s.id, t or str(k)) for s in net.sources for k, t in enumerate(s.trains)]
        self.lives = [TrainLife(generator(seed, "train", *name), origin_s) for name in names]
        self._troubles = [SiteTrouble(generator(seed, "site", s.id), origin_s) for s in net.sources]
        count = len(net.sources)
        self._slow = Waves(generator(seed, "slow"), count, 1.5 * DAY_S, 20 * DAY_S)
        self._quick = Waves(generator(seed, "quick"), count, 900, 4 * 3600)
        self._in_header = np.zeros((len(names), count))
        self._in_header[np.arange(len(names)), self._source_of_train] = 1 - OWN_USE

    def potential(self, times_s: Array) -> Potential:
        """At seconds since 1970, rising."""
        if not self._sources:
            return Potential(np.zeros((len(times_s), 0)), np.zeros((len(times_s), 0)))
        could = np.column_stack([s.capability.at(times_s) for s in self._sources])
        trouble = np.column_stack([trouble.factor(times_s) for trouble in self._troubles])
        temper = 1 + _SLOW_SHARE * self._slow.at(times_s) + _QUICK_SHARE * self._quick.at(times_s)
        each = could * trouble * temper / np.array([len(s.trains) for s in self._sources])
        runs = np.column_stack([life.output(times_s) for life in self.lives])
        trains = runs * each[:, self._source_of_train] / (1 - OWN_USE)
        return Potential(trains, trains @ self._in_header)

    def supply(self, potential: Potential) -> Array:
        """(n, n_sources) m³/h of which mains may take."""
        return potential.headers * (1 - np.array([s.export_share for s in self._sources]))

    def given(self, potential: Potential, taken: Array, has_main: NDArray[np.bool_]) -> Potential:
        """What was given in the end, knowing what mains took: (n, n_sources) m³/h."""
        could = potential.headers
        limits = np.array([s.export_limit_m3_per_h for s in self._sources])
        must_run = np.array([s.must_run for s in self._sources], np.bool_)
        asked = np.minimum(could, np.maximum(taken, LEAST_SHARE * could))
        surplus = np.minimum(could, taken + limits)
        headers = np.where(must_run, surplus, np.where(has_main, asked, could))
        part = np.divide(headers, could, out=np.zeros_like(could), where=could > 0)
        return Potential(potential.trains * part[:, self._source_of_train], headers)
