"""The plant's whole life as segments: production, demand and balance, one after the other."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np

from config.plant import Plant
from simulator.balance import Balance, Course, Standing
from simulator.demand import Demand
from simulator.network import Network
from simulator.production import Potential, Production
from simulator.segment import Segment, nodes, running_totals
from simulator.sizing import mean_demand, most_drawn
from simulator.storages import shut_basins
from simulator.waves import DAY_S, Array, Waves, generator

_ZONE_SHARE: Final = 0.04
_FILL: Final = (0.77, 0.12)
_FULLEST_HOUR: Final = 5.0
_FIRST_FILL: Final = 0.8


@dataclass(frozen=True, slots=True)
class Moment:
    """All that the next segment needs: a node, how the storages stand, and every total so far.

    flow, total, day_total : (n_rows,), m³/h, m³ since the origin, and m³ when the day began
    lost_m3 : (3, n_storages) since the origin: ran over, wanted but not given, brought from nowhere
    """

    time_ns: int
    standing: Standing
    flow: Array
    total: Array
    day_total: Array
    lost_m3: Array


class PlantCourse:
    """Computes segments of a plant's life.

    rows : (n_rows, n_channels), the streams that are counted; see ``simulator.metering``
    """

    def __init__(
        self,
        plant: Plant,
        net: Network,
        rows: Array,
        seed: int,
        origin_s: float,
    ) -> None:
        self._plant = plant
        self._network = net
        self._rows = rows
        self._mean = mean_demand(plant, net)
        self._most = most_drawn(plant, net)
        self._balance = Balance(net, self._mean)
        self._demand = Demand(plant.zone, plant.peaks, seed)
        self._zones = Waves(
            generator(seed, "zones"), len(net.storages), 3 * 3600, 6 * DAY_S, terms=4
        )
        self.production = Production(net, seed, origin_s)
        self._from_source = np.zeros((len(net.branches), len(net.sources)))
        for j, branch in enumerate(net.branches):
            if branch.source is not None:
                self._from_source[j, branch.source] = 1
        self._has_main = np.array(
            [any(b.source == s for b in net.branches) for s in range(len(net.sources))], np.bool_
        )
        self._usual_high = np.array([s.high_m3 for s in net.storages])

    def begin(self, time_ns: int) -> Moment:
        """The first moment: storages as an operator would have them, totals at nothing."""
        times = np.full(2, time_ns / 1e9)
        potential = self.production.potential(times)
        high = self.high_m3(time_ns)
        course = self._balance.beginning(
            high * _FIRST_FILL,
            self.production.supply(potential),
            self._drawn(times),
            self._target(times, high),
        )
        nothing = np.zeros(len(self._rows))
        flow = self._flow(potential, course)[-1]
        lost = np.zeros((3, len(self._network.storages)))
        return Moment(time_ns, course.last, flow, nothing, nothing, lost)

    def segment(self, start: Moment, to_ns: int, step_ns: int) -> Segment:
        """From a moment to a time, not beyond the end of the start's production day."""
        times_ns = nodes(start.time_ns, to_ns, step_ns)
        times = times_ns / 1e9
        high = self.high_m3(start.time_ns)
        potential = self.production.potential(times)
        course = self._balance.run(
            start.standing,
            times,
            self.production.supply(potential),
            self._drawn(times),
            self._target(times, high),
            high,
        )
        flow = self._flow(potential, course)
        flow[0] = start.flow
        total = running_totals(times_ns, flow, start.total)
        return Segment(times_ns, step_ns, flow, total, course)

    def _flow(self, potential: Potential, course: Course) -> Array:
        """(n_nodes, n_rows) m³/h, of the first node only where the course has its flows."""
        taken = course.flows @ self._from_source
        given = self.production.given(potential, taken, self._has_main)
        channels = np.concatenate(
            [given.trains, given.headers, course.flows, course.draw, course.inflow, course.outflow],
            axis=1,
        )
        return np.maximum(channels @ self._rows.T, 0.0)

    def after(self, start: Moment, segment: Segment) -> Moment:
        """The moment at the end of the segment that began at ``start``."""
        course = segment.course
        hours = (np.diff(segment.times_ns) / 3.6e12)[:, None]
        unmet = (course.unmet[1:] * hours).sum(axis=0)
        lost = np.stack([course.overflow_m3.sum(axis=0), unmet, course.makeup_m3.sum(axis=0)])
        return Moment(
            segment.end_ns,
            course.last,
            segment.flow[-1],
            segment.total[-1],
            start.day_total,
            start.lost_m3 + lost,
        )

    def high_m3(self, time_ns: int) -> Array:
        """(n_storages,) m³ above which inlets are shut, works of that date taken into account."""
        date = dt.datetime.fromtimestamp(time_ns // 1_000_000_000, self._plant.zone).date()
        shut = shut_basins(self._plant, date)
        if not shut:
            return self._usual_high
        high = self._usual_high.copy()
        for i, storage in enumerate(self._network.storages):
            if storage.id in shut:
                whole = sum(float(b.volume_m3[-1]) for b in storage.basins)
                left = [b for b in storage.basins if b.id not in shut[storage.id]]
                high[i] *= sum(float(b.volume_m3[-1]) for b in left) / whole
        return high

    def _drawn(self, times_s: Array) -> Array:
        zones = 1 + _ZONE_SHARE * self._zones.at(times_s)
        wanted = self._mean * self._demand.factor(times_s)[:, None] * zones
        return np.minimum(wanted, self._most)

    def _target(self, times_s: Array, high: Array) -> Array:
        offset = dt.datetime.fromtimestamp(times_s[0], self._plant.zone).utcoffset()
        hour = (times_s + (offset.total_seconds() if offset else 0.0)) / 3600
        middle, swing = _FILL
        fill = middle + swing * np.cos((hour - _FULLEST_HOUR) * (2 * np.pi / 24))
        return fill[:, None] * high
