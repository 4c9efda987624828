"""What every producing site makes now, and has made since its production day began."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.plant import Plant
from jobs.clock import NS_PER_S
from jobs.measuring import Point, points
from jobs.present import Present
from jobs.running_meter import RunningMeter
from jobs.targets import Targets
from storage.series import SeriesReader
from water.batch import Batch
from water.day import Calendar, Day
from water.live import production_now
from water.now import ProductionNow
from water.output import Volume
from water.quality import GOOD

_AGAIN_NS = 10 * NS_PER_S
"""a meter whose readings came late is read again at most this often"""


@dataclass(frozen=True, slots=True)
class _Site:
    id: str
    meters: tuple[str, ...]


class Production:
    """Running days of the product meters, begun from the store and fed by committed batches."""

    def __init__(
        self,
        plant: Plant,
        numbers: Mapping[str, int],
        reader: SeriesReader,
        present: Present,
        targets: Targets,
        days: Calendar,
    ) -> None:
        product = {meter.id: meter for meter in plant.meters if meter.measures == "produced"}
        self._sites = [
            _Site(site.id, tuple(m.id for m in product.values() if m.site == site.id))
            for site in plant.sites
            if any(m.site == site.id for m in product.values())
        ]
        self._described = product
        self._running = {
            point.meter.id: RunningMeter(point)
            for point in points(plant, numbers)
            if point.meter.id in product
        }
        self._reader = reader
        self._present = present
        self._targets = targets
        self._days = days
        self._day: Day | None = None
        self._read_ns: dict[str, int] = {}
        self._wanted = np.zeros(max(numbers.values(), default=0) + 1, np.bool_)
        for meter in self._running.values():
            self._wanted[meter.point.tag_ids] = True

    def wanted(self, tag_id: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which of a column of tag numbers are product meters' tags."""
        known = tag_id < self._wanted.shape[0]
        return known & self._wanted[np.where(known, tag_id, 0)]

    def take(self, readings: Batch) -> None:
        """Committed readings, sorted by tag and time."""
        for meter in self._running.values():
            meter.take(readings)

    async def keep_up(self, now_ns: int) -> None:
        """Begin a new day, and read again what late readings have made stale.

        Raises what the store raises; what is stale stays so and is tried again.
        """
        day = self._days.day_of(now_ns)
        if day != self._day:
            for meter in self._running.values():
                meter.forget()
            self._day, self._read_ns = day, {}
        await self._targets.refresh()
        for id_, meter in self._running.items():
            due = now_ns - self._read_ns.get(id_, -_AGAIN_NS) >= _AGAIN_NS
            if meter.stale and due:
                await self._begin(meter.point, meter, day, now_ns)
                self._read_ns[id_] = now_ns

    def begin_again(self) -> None:
        """History was put under the running day: its readings are read anew."""
        self._day = None

    def now(self, now_ns: int) -> Sequence[ProductionNow]:
        """Every producing site, in the order described."""
        return [self._site_now(site, now_ns) for site in self._sites]

    async def _begin(self, point: Point, meter: RunningMeter, day: Day, now_ns: int) -> None:
        # What is committed while the store is read comes through ``take`` as well: twice is once.
        readings = await self._reader.read(
            sorted(point.tag_ids), day.begin_ns, now_ns + NS_PER_S, neighbours=True
        )
        meter.begin(day.begin_ns, readings)
        await asyncio.to_thread(meter.volume, now_ns)

    def _site_now(self, site: _Site, now_ns: int) -> ProductionNow:
        day = self._days.day_of(now_ns)
        running = [self._running[id_] for id_ in site.meters]
        volumes: list[Volume] = [meter.volume(now_ns) for meter in running]
        target = self._targets.target_m3_per_day(site.id, day.date)
        return production_now(
            site.id,
            now_ns,
            day,
            volumes,
            [meter.point.meter.maximum_flow_m3_per_h for meter in running],
            self._flow(site, now_ns),
            target,
            self._quality(site, now_ns),
        )

    def _flow(self, site: _Site, now_ns: int) -> float | None:
        """The sum of what the meters show; a meter without a flow is read off its totalizer.

        What is lost has no flow: its last minutes are not now.
        """
        total = 0.0
        for id_ in site.meters:
            meter = self._described[id_]
            flow = self._present.value(meter.flow, now_ns)
            if flow is None and self._present.value(meter.totalizer, now_ns) is not None:
                flow = self._running[id_].rate_m3_per_h(now_ns)
            if flow is None:
                return None
            total += flow
        return total

    def _quality(self, site: _Site, now_ns: int) -> int:
        tags = [
            tag
            for id_ in site.meters
            for tag in (self._described[id_].totalizer, self._described[id_].flow)
            if tag is not None
        ]
        return max((self._present.quality(tag, now_ns) for tag in tags), default=GOOD)
