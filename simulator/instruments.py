"""What every instrument of a plant shows, from the true figures: bias, drift, noise, registers."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from config.devices import AddressedTag
from config.plant import Plant
from simulator.counting import Counters
from simulator.levels import Levels
from simulator.metering import Metering
from simulator.network import Network
from simulator.placing import Place, Places
from simulator.production import Production
from simulator.segment import View
from simulator.signals import Signal, base_range, noise_limits, signal
from simulator.states import States
from simulator.waves import DAY_S, Array, Waves, generator, season
from water.units import Kind

_FLOW_NOISE: Final = 0.0012
_FLOW_FLOOR: Final = 0.0002
"""of a meter's maximum flow"""
_DRIFT: Final = 0.0004
_MOST_NOISE: Final = 2.5
"""standard deviations"""
_WARMEST_SEA_DAY: Final = 235
COUNTERS: Final = (Kind.TOTALIZER, Kind.ENERGY)


class Instruments:
    """The tags of a plant as columns.

    tags : ids in the order described
    rows : (n_rows, n_channels), the streams that the columns read; see ``simulator.metering``
    measured : which columns are flows and totalizers of meters and levels of reservoirs
    """

    def __init__(self, plant: Plant, net: Network, metering: Metering, seed: int) -> None:
        self.tags: tuple[str, ...] = tuple(plant.tags)
        self._seed = seed
        places = Places(plant, net, metering)
        self._column = {tag: i for i, tag in enumerate(self.tags)}
        self._place = {tag.id: places.of(tag) for tag in plant.tags.values()}
        streams = _streams(plant, metering, places, self._place)
        of_counter = {tag: row for tag, row in streams.items() if _kind(plant, tag) in COUNTERS}
        of_flow = {tag: row for tag, row in streams.items() if _kind(plant, tag) is Kind.FLOW}
        self.counters = Counters(plant, self._column, of_counter, self._place, seed)
        self.levels = Levels(plant, net, self._column, seed)
        self.states = States(plant, self._column, self._place)
        self._flows = _Flows(plant, self._column, of_flow, self.counters.bias, seed)
        known = {*of_counter, *of_flow, *self.levels.tags, *self.states.tags}
        rest = {t: signal(tag, self._place[t]) for t, tag in plant.tags.items() if t not in known}
        self._signals = _Signals(self._column, rest, self._place, seed)
        every = [*of_counter.values(), *of_flow.values(), *(p.row for p in self._place.values())]
        self.rows, of_row = _distinct(np.stack(every))
        self._of_counter = of_row[: len(of_counter)]
        self._of_flow = of_row[len(of_counter) : len(streams)]
        self._of_place = of_row[len(streams) :]
        self._usual = np.array([max(p.usual_m3_per_h, 1e-9) for p in self._place.values()])
        self.measured = self._measured(plant)

    def show(self, view: View, production: Production, *, water_alone: bool = False) -> Array:
        """(n_times, n_tags) in base units; NaN for states and signals where water alone is asked."""
        shape = (len(view.times_ns), len(self.tags))
        second = int(view.times_ns[0] // 1_000_000_000)
        noise = generator(self._seed, "noise", second).standard_normal(shape)
        noise = np.clip(noise, -_MOST_NOISE, _MOST_NOISE)
        shown = np.full(shape, np.nan)
        self.counters.show(shown, view.total[:, self._of_counter])
        self._flows.show(shown, view.flow[:, self._of_flow], view.times_s, noise)
        self.levels.show(shown, view, noise)
        if water_alone:
            return shown
        running = view.flow[:, self._of_place] / self._usual
        self.states.show(shown, view.times_s, running, production)
        self._signals.show(shown, view.times_s, running, noise, production)
        return shown

    def _measured(self, plant: Plant) -> NDArray[np.intp]:
        tags = {tag for meter in plant.meters for tag in (meter.totalizer, meter.flow) if tag}
        tags |= set(self.levels.tags)
        return np.array(sorted(self._column[tag] for tag in tags), np.intp)


class _Flows:
    """Flow readings: the stream with the meter's bias, a slow drift, and noise."""

    def __init__(
        self,
        plant: Plant,
        column: dict[str, int],
        streams: dict[str, Array],
        bias: dict[str, float],
        seed: int,
    ) -> None:
        tags = list(streams)
        self._columns = np.array([column[tag] for tag in tags], np.intp)
        self._factor = np.array([1 + bias.get(tag, 0.0) for tag in tags])
        self._drift = Waves(generator(seed, "drift"), len(tags), 20 * DAY_S, 200 * DAY_S)
        limits = [base_range(plant.tags[tag]) or (-np.inf, np.inf) for tag in tags]
        self._low = np.array([low for low, _ in limits])
        self._high = np.array([high for _, high in limits])
        noise = [noise_limits(plant.tags[tag]) for tag in tags]
        self._most = np.array([most for _, most in noise])
        moves = [plant.tags[tag].stuck_after_s is not None for tag in tags]
        spans = np.where(np.isfinite(self._high), self._high, 0.0)
        floors = np.maximum(spans * _FLOW_FLOOR, [least for least, _ in noise])
        self._floor = np.where(moves, floors, 0.0)

    def show(self, shown: Array, flow: Array, times_s: Array, noise: Array) -> None:
        part = np.minimum(_FLOW_NOISE * flow + self._floor, self._most)
        ends = self._drift.at(times_s[[0, -1]])
        part_of_span = (times_s - times_s[0]) / max(times_s[-1] - times_s[0], 1.0)
        drift = ends[0] + (ends[1] - ends[0]) * part_of_span[:, None]
        drifted = flow * (self._factor + _DRIFT * drift)
        reading = np.abs(drifted + part * noise[:, self._columns])
        shown[:, self._columns] = np.clip(reading, self._low, self._high)


class _Signals:
    """Everything that is neither water nor a state."""

    def __init__(
        self,
        column: dict[str, int],
        signals: dict[str, Signal],
        places: dict[str, Place],
        seed: int,
    ) -> None:
        made = list(signals.values())
        self._columns = np.array([column[tag] for tag in signals], np.intp)
        self._still = np.array([s.still for s in made])
        self._running = np.array([s.running for s in made])
        self._wave = np.array([s.wave for s in made])
        self._season = np.array([s.season for s in made])
        self._noise = np.array([s.noise for s in made])
        self._low = np.array([s.low for s in made])
        self._high = np.array([s.high for s in made])
        self._waves = Waves(generator(seed, "signals"), len(made), 900, 2 * DAY_S)
        trains = sorted({p.train for p in places.values() if p.train is not None})
        self._trains = trains
        self._fouling = np.zeros((len(trains), len(made)))
        for i, tag in enumerate(signals):
            train = places[tag].train
            if train is not None:
                self._fouling[trains.index(train), i] = made[i].fouling

    def show(
        self, shown: Array, times_s: Array, running: Array, noise: Array, production: Production
    ) -> None:
        if not len(self._columns):
            return
        runs = np.minimum(running[:, self._columns], 1.4)
        values = self._still + self._running * runs + self._wave * self._waves.at(times_s)
        values += self._season * season(times_s, _WARMEST_SEA_DAY)[:, None]
        if self._trains:
            fouling = np.column_stack([production.lives[t].fouling(times_s) for t in self._trains])
            values += np.minimum(runs, 1.0) * (fouling @ self._fouling)
        values += self._noise * noise[:, self._columns]
        shown[:, self._columns] = np.clip(values, self._low, self._high)


def _distinct(rows: Array) -> tuple[Array, NDArray[np.intp]]:
    """The different ones of the rows, and for each row its number among them."""
    distinct, number = np.unique(rows, axis=0, return_inverse=True)
    return distinct, number.reshape(-1)


def _kind(plant: Plant, tag: str) -> Kind:
    return plant.tags[tag].kind


def _streams(
    plant: Plant, metering: Metering, places: Places, at: dict[str, Place]
) -> dict[str, Array]:
    """By tag, in order: the stream that each flow, totalizer and energy counter follows."""
    found: dict[str, Array] = {}
    for meter in plant.meters:
        for tag in (meter.totalizer, meter.flow):
            if tag is not None:
                found[tag] = metering.row(meter.id)
    for tag in plant.tags.values():
        if tag.id not in found and tag.kind in (Kind.FLOW, Kind.TOTALIZER, Kind.ENERGY):
            found[tag.id] = _stream(tag, places, at[tag.id])
    counters = {tag: row for tag, row in found.items() if _kind(plant, tag) in COUNTERS}
    return {**counters, **{tag: row for tag, row in found.items() if tag not in counters}}


def _stream(tag: AddressedTag, places: Places, place: Place) -> Array:
    return place.row if tag.kind is Kind.ENERGY else places.stream(tag, place)
