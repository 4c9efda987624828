"""How every reservoir stands now: contents from the levels, net flow from their course."""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from config.plant import Plant
from config.resolving import reservoirs as resolved_reservoirs
from jobs.clock import NS_PER_S
from jobs.present import NEVER, Present
from storage.series import SeriesReader
from water.autonomy import Streams, VolumeHistory, reservoir_now, volume_history
from water.day import Calendar
from water.now import ReservoirNow
from water.quality import is_good
from water.reservoir import Reservoir

HISTORY_NS = 45 * 60 * NS_PER_S
STEP_NS = 60 * NS_PER_S
_OLD_NS = 10 * 60 * NS_PER_S
"""a level older than this says nothing of a step"""


class Levels:
    """The levels' course over the last three quarters of an hour, one step a minute."""

    def __init__(
        self,
        plant: Plant,
        numbers: Mapping[str, int],
        reader: SeriesReader,
        present: Present,
        days: Calendar,
    ) -> None:
        self._plant = plant
        self._numbers = numbers
        self._reader = reader
        self._present = present
        self._days = days
        self._described = {row.id: row for row in plant.reservoirs}
        self._flows = {meter.id: meter.flow for meter in plant.meters}
        self._tags = [
            one.level for row in plant.reservoirs for one in row.compartments if one.level
        ]
        self._steps: deque[tuple[int, dict[str, float]]] = deque(maxlen=HISTORY_NS // STEP_NS)
        self._date: dt.date | None = None
        self._reservoirs: dict[str, Reservoir] = {}
        self._histories: dict[str, VolumeHistory] = {}

    async def begin(self, now_ns: int) -> None:
        """Take the course up from the store, so that a restart does not forget the net flows.

        Raises what the store raises.
        """
        times = np.arange(now_ns - HISTORY_NS, now_ns, STEP_NS, dtype=np.int64)
        ids = {tag: self._numbers[tag] for tag in self._tags}
        batch = await self._reader.read(
            sorted(set(ids.values())), now_ns - HISTORY_NS - _OLD_NS, now_ns + 1
        )
        columns: dict[str, NDArray[np.float64]] = {}
        for tag, number in ids.items():
            own = batch.of_tag(number)
            good = own.where(is_good(own.quality))
            columns[tag] = _stood_at(good.time_ns, good.value, times)
        self._steps.clear()
        for n, time_ns in enumerate(times):
            self._steps.append((int(time_ns), {tag: float(columns[tag][n]) for tag in columns}))
        self._histories = {}

    def now(self, now_ns: int) -> Sequence[ReservoirNow]:
        """Every reservoir, in the order described."""
        self._step(now_ns)
        return [self._reservoir_now(row, now_ns) for row in self._reservoirs.values()]

    def _step(self, now_ns: int) -> None:
        date = self._days.day_of(now_ns).date
        if date != self._date:
            self._date, self._histories = date, {}
            self._reservoirs = resolved_reservoirs(self._plant, date)
        if not self._steps or now_ns - self._steps[-1][0] >= STEP_NS:
            levels = {tag: self._level(tag, now_ns) for tag in self._tags}
            known = {tag: np.nan if level is None else level for tag, level in levels.items()}
            self._steps.append((now_ns, known))
            self._histories = {}

    def _reservoir_now(self, reservoir: Reservoir, now_ns: int) -> ReservoirNow:
        described = self._described[reservoir.id]
        serving = [one for one in reservoir.serving if one.level_tag is not None]
        tags = [one.level_tag for one in serving if one.level_tag is not None]
        times = [time for tag in tags if (time := self._present.time_ns(tag)) is not None]
        qualities = [self._present.quality(tag, now_ns) for tag in tags]
        return reservoir_now(
            reservoir,
            min(times) if len(times) == len(tags) and times else None,
            {one.id: self._level(one.level_tag, now_ns) for one in serving},
            max(qualities, default=NEVER),
            Streams(
                self._flow(described.inflow, now_ns),
                self._flow(described.outflow, now_ns),
            ),
            self._history(reservoir),
        )

    def _level(self, tag: str | None, now_ns: int) -> float | None:
        return self._present.value(tag, now_ns)

    def _flow(self, meters: Sequence[str], now_ns: int) -> float | None:
        """The sum of the meters' present flows; None where there is no meter, or one is silent."""
        flows = [self._present.value(self._flows[meter], now_ns) for meter in meters]
        known = [flow for flow in flows if flow is not None]
        return sum(known) if flows and len(known) == len(flows) else None

    def _history(self, reservoir: Reservoir) -> VolumeHistory | None:
        """Kept for a minute: its slope is the dearest figure here."""
        if reservoir.id not in self._histories and len(self._steps) >= 3:
            times = np.asarray([time for time, _ in self._steps], np.int64)
            levels = [
                (one.id, np.asarray([row[one.level_tag] for _, row in self._steps], np.float64))
                for one in reservoir.serving
                if one.level_tag is not None
            ]
            self._histories[reservoir.id] = volume_history(reservoir, levels, times)
        return self._histories.get(reservoir.id)


def _stood_at(
    time_ns: NDArray[np.int64], value: NDArray[np.float64], at_ns: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The last value at or before each time, NaN where it is too old or there is none."""
    if time_ns.size == 0:
        return np.full(at_ns.size, np.nan)
    index = np.searchsorted(time_ns, at_ns, side="right") - 1
    fresh = (index >= 0) & (at_ns - time_ns[index] <= _OLD_NS)
    return np.where(fresh, value[index], np.nan)
