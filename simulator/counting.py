"""Registers that only rise: totalizers and energy counters, with bias, counts and rollover."""

from __future__ import annotations

from typing import Final

import numpy as np

from config.devices import DataType, ModbusTag
from config.plant import Plant
from config.resolving import meters, register
from simulator.placing import Place
from simulator.signals import kwh_per_m3
from simulator.waves import Array, generator
from water.units import Kind

_OF_ACCURACY: Final = 0.3
_MOST_BIAS: Final = 0.003
_YEARS_BEFORE: Final = (0.5, 3.0)
_HOURS_A_YEAR: Final = 8766.0
_FLOAT32_START: Final = 4e6
"""beyond some 16 million m³ a float32 no longer tells one m³ from the next"""
_SLACK: Final = 1e-6


class Counters:
    """Totalizers and energy counters as columns.

    bias : by tag, of totalizers and of the flows of the same meters; seeded, within the accuracy
    """

    def __init__(
        self,
        plant: Plant,
        column: dict[str, int],
        streams: dict[str, Array],
        places: dict[str, Place],
        seed: int,
    ) -> None:
        described = meters(plant)
        meter_of = {m.totalizer: described[m.id] for m in plant.meters if m.totalizer}
        self.bias: dict[str, float] = {}
        for meter in plant.meters:
            drawn = generator(seed, "bias", meter.id).normal(0, _OF_ACCURACY / 2)
            most = min(_MOST_BIAS, meter.accuracy_95_ratio)
            bias = float(np.clip(drawn * meter.accuracy_95_ratio, -most, most))
            self.bias.update({tag: bias for tag in (meter.totalizer, meter.flow) if tag})
        tags = list(streams)
        self._columns = np.array([column[tag] for tag in tags], np.intp)
        self._factor = np.ones(len(tags))
        self._start = np.zeros(len(tags))
        self._modulus = np.ones(len(tags))
        self._resolution = np.ones(len(tags))
        self._float32 = np.zeros(len(tags), np.bool_)
        for i, tag in enumerate(tags):
            modulus, resolution = register(plant.tags[tag])
            usual = 1000.0
            meter = meter_of.get(tag)
            if meter is not None:
                installation = meter.installations[-1]
                modulus, resolution = installation.modulus_m3, installation.resolution_m3
                usual = 0.6 * meter.maximum_flow_m3_per_h
                self._factor[i] = (1 + self.bias[tag]) / installation.factor
            elif plant.tags[tag].kind is Kind.ENERGY:
                self._factor[i] = kwh_per_m3(tag, places[tag])
            years = generator(seed, "start", tag).uniform(*_YEARS_BEFORE)
            start = years * _HOURS_A_YEAR * usual * self._factor[i]
            self._float32[i] = _is_float32(plant, tag)
            self._start[i] = min(start, _FLOAT32_START) if self._float32[i] else start % modulus
            self._modulus[i], self._resolution[i] = modulus, resolution

    def show(self, shown: Array, total: Array) -> None:
        """Fills its columns of ``shown``; total : (n_times, n_counters), true m³ since the origin."""
        register = self._start + total * self._factor
        counts = np.floor(register / self._resolution + _SLACK) * self._resolution
        counts = np.where(self._float32, register.astype(np.float32), counts)
        shown[:, self._columns] = np.mod(counts, self._modulus)


def _is_float32(plant: Plant, tag: str) -> bool:
    found = plant.tags[tag]
    return isinstance(found, ModbusTag) and found.data is DataType.FLOAT32
