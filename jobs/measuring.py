"""The volumes of measuring points over production days, from the store, many days in one pass."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from config.plant import Plant
from config.resolving import meters as resolved_meters
from jobs.slicing import by_day, of_tag
from storage.series import SeriesReader
from water.batch import Batch
from water.day import Day
from water.meter import Meter
from water.output import Series, Volume, meter_volume, readings_of
from water.volume import NOTHING as UNKNOWN

Progress = Callable[[float], None]
"""told the ratio that is done, 0 to 1"""

ROWS_PER_READ = 2_000_000
"""about 60 MB; more would serve nobody else meanwhile"""
GROWTH = 4
"""how much longer the next span may be than the one before, while readings are few"""
SILENT_NS = 15 * 60 * 1_000_000_000
"""a totalizer that is this much older than its flow no longer says where the day stands"""


@dataclass(frozen=True, slots=True)
class Point:
    """A measuring point with the numbers of its tags, None where it has no such tag."""

    meter: Meter
    totalizer: int | None
    flow: int | None

    @property
    def tag_ids(self) -> list[int]:
        return [tag for tag in (self.totalizer, self.flow) if tag is not None]

    @property
    def readings_a_day(self) -> float:
        return 86_400 / max(self.meter.sample_interval_s, 1e-3) * len(self.tag_ids)


def points(plant: Plant, numbers: Mapping[str, int]) -> tuple[Point, ...]:
    """Every measuring point of the plant, in the order described."""
    resolved = resolved_meters(plant)
    return tuple(
        Point(
            resolved[meter.id],
            None if meter.totalizer is None else numbers[meter.totalizer],
            None if meter.flow is None else numbers[meter.flow],
        )
        for meter in plant.meters
    )


Volumes = dict[dt.date, dict[str, Volume]]
"""of each day, of each meter"""


class Measuring:
    """Reads what the meters of a plant have shown, and makes volumes of it in a thread."""

    def __init__(self, measured: Sequence[Point], reader: SeriesReader) -> None:
        self._points = measured
        self._reader = reader

    async def volumes(self, days: Sequence[Day], progress: Progress | None = None) -> Volumes:
        """Of every meter on each of these days; the days rise without a hole.

        Raises what the store raises.
        """
        found: Volumes = {day.date: {} for day in days}
        groups = list(_groups(self._points))
        for n, group in enumerate(groups):
            done = 0
            async for span, volumes in self._of_group(group, days):
                for day, of_meters in zip(span, volumes, strict=True):
                    found[day.date].update(of_meters)
                done += len(span)
                if progress is not None:
                    progress((n + done / len(days)) / len(groups))
        return found

    async def so_far(self, day: Day, now_ns: int) -> dict[str, Volume]:
        """Of every meter from the day's begin to now."""
        found: dict[str, Volume] = {}
        for group in _groups(self._points):
            batch = await self._read(group, day.begin_ns, now_ns + 1)
            found |= await asyncio.to_thread(_group_so_far, group, batch, day, now_ns)
        return found

    async def pieces(
        self, meters: Collection[str], spans: Sequence[Day]
    ) -> list[dict[str, Volume]]:
        """Of some meters over the parts of one day, in their order."""
        found: list[dict[str, Volume]] = [{} for _ in spans]
        wanted = [point for point in self._points if point.meter.id in meters]
        for group in _groups(wanted):
            batch = await self._read(group, spans[0].begin_ns, spans[-1].end_ns)
            volumes = await asyncio.to_thread(_group_volumes, group, batch, spans)
            for whole, part in zip(found, volumes, strict=True):
                whole.update(part)
        return found

    async def _of_group(
        self, group: Sequence[Point], days: Sequence[Day]
    ) -> AsyncGenerator[tuple[Sequence[Day], list[dict[str, Volume]]]]:
        at, length = 0, 1
        while at < len(days):
            span = days[at : at + length]
            batch = await self._read(group, span[0].begin_ns, span[-1].end_ns)
            yield span, await asyncio.to_thread(_group_volumes, group, batch, span)
            at += length
            rows_a_day = max(len(batch) / len(span), 1.0)
            length = max(1, min(GROWTH * length, int(ROWS_PER_READ / rows_a_day)))

    async def _read(self, group: Sequence[Point], from_ns: int, to_ns: int) -> Batch:
        tag_ids = sorted({tag for point in group for tag in point.tag_ids})
        return await self._reader.read(tag_ids, from_ns, to_ns, neighbours=True)


def so_far(
    meter: Meter, totalizer: Series | None, flow: Series | None, begin_ns: int, now_ns: int
) -> Volume:
    """The volume of a running day up to the meter's last good reading; coverage is up to now."""
    times = readings_of(totalizer).time_ns, readings_of(flow).time_ns
    end_ns = standing_ns(*times, begin_ns, now_ns)
    if end_ns is None or end_ns <= begin_ns:
        return UNKNOWN
    volume = meter_volume(meter, totalizer, flow, begin_ns, end_ns)
    return up_to_now(volume, meter, begin_ns, end_ns, now_ns)


def up_to_now(volume: Volume, meter: Meter, begin_ns: int, end_ns: int, now_ns: int) -> Volume:
    """A volume of ``[begin_ns, end_ns)`` as that of a day which has run until now: silence since
    then lowers the coverage. A scan that is due next is not missing yet.
    """
    if (now_ns - end_ns) / 1e9 <= 2 * meter.sample_interval_s:
        return volume
    known = (end_ns - begin_ns) / max(now_ns - begin_ns, 1)
    return replace(volume, coverage=volume.coverage * known)


def standing_ns(
    totalizer_ns: NDArray[np.int64], flow_ns: NDArray[np.int64], begin_ns: int, now_ns: int
) -> int | None:
    """Up to when a meter's good readings tell the day's volume, from their times (rising).

    That is the totalizer's last, unless it fell silent while the flow went on. None for no reading.
    """
    of_totalizer = _last_within(totalizer_ns, begin_ns, now_ns)
    of_flow = _last_within(flow_ns, begin_ns, now_ns)
    if of_totalizer is None or of_flow is None:
        return of_flow if of_totalizer is None else of_totalizer
    return of_flow if of_flow - of_totalizer > SILENT_NS else of_totalizer


def _last_within(time_ns: NDArray[np.int64], from_ns: int, to_ns: int) -> int | None:
    last = int(np.searchsorted(time_ns, to_ns, side="right")) - 1
    return int(time_ns[last]) if last >= 0 and time_ns[last] >= from_ns else None


def _groups(measured: Sequence[Point]) -> Iterable[Sequence[Point]]:
    """Meters that are read together: a day of theirs is at most ``ROWS_PER_READ``."""
    group: list[Point] = []
    rows = 0.0
    for point in measured:
        if group and rows + point.readings_a_day > ROWS_PER_READ:
            yield group
            group, rows = [], 0.0
        group.append(point)
        rows += point.readings_a_day
    if group:
        yield group


def _group_volumes(
    group: Sequence[Point], batch: Batch, days: Sequence[Day]
) -> list[dict[str, Volume]]:
    found: list[dict[str, Volume]] = [{} for _ in days]
    for point in group:
        totalizers = _days_of(batch, point.totalizer, days)
        flows = _days_of(batch, point.flow, days)
        for n, day in enumerate(days):
            found[n][point.meter.id] = meter_volume(
                point.meter, totalizers[n], flows[n], day.begin_ns, day.end_ns
            )
    return found


def _days_of(batch: Batch, tag_id: int | None, days: Sequence[Day]) -> Sequence[Series | None]:
    if tag_id is None:
        return [None] * len(days)
    return by_day(of_tag(batch, tag_id), days)


def _group_so_far(group: Sequence[Point], batch: Batch, day: Day, now_ns: int) -> dict[str, Volume]:
    def of(tag_id: int | None) -> Series | None:
        return None if tag_id is None else of_tag(batch, tag_id)

    return {
        point.meter.id: so_far(
            point.meter, of(point.totalizer), of(point.flow), day.begin_ns, now_ns
        )
        for point in group
    }
