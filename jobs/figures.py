"""The live figures: production and reservoirs now, renewed every second."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace

import structlog

from config.plant import Plant
from jobs.accounting import Accounting
from jobs.clock import NS_PER_S, Clock
from jobs.levels import Levels
from jobs.present import Present
from jobs.production import Production
from storage.errors import StorageError
from storage.last_values import LastValues
from storage.series import SeriesReader
from water.batch import Batch, concatenate, sorted_unique
from water.now import ProductionNow, ReservoirNow
from water.quality import UNCERTAIN, Reason

log = structlog.get_logger(__name__)

TICK_S = 1.0


class Figures:
    """Built from the last values, the committed batches, and once at the start from the store.

    ``observe`` is called with every committed batch; ``run`` renews the figures until cancelled.
    """

    def __init__(
        self,
        plant: Plant,
        numbers: Mapping[str, int],
        reader: SeriesReader,
        last: LastValues,
        accounting: Accounting,
        clock: Clock,
    ) -> None:
        present = Present(plant, numbers, last)
        days = accounting.calendar
        self._production = Production(plant, numbers, reader, present, accounting.targets, days)
        self._levels = Levels(plant, numbers, reader, present, days)
        self._clock = clock
        self._came: list[Batch] = []
        self._levels_begun = False
        self._production_now: Sequence[ProductionNow] = ()
        self._reservoirs_now: Sequence[ReservoirNow] = ()
        self.ready = False
        """false until the running day has been read from the store, and while figures cannot be renewed"""

    def production(self) -> Sequence[ProductionNow]:
        """One row a producing site, in the order described; as of the last refresh."""
        return self._production_now

    def reservoirs(self) -> Sequence[ReservoirNow]:
        """One row a reservoir, in the order described; as of the last refresh."""
        return self._reservoirs_now

    def observe(self, batch: Batch) -> None:
        """For the store to call with every committed batch; costs nothing before the next refresh."""
        self._came.append(batch)

    def begin_again(self) -> None:
        """For whoever put history into the store past the commits: read the running day anew."""
        self._production.begin_again()
        self._levels_begun = False

    async def refresh(self) -> None:
        """Take in what has come and build the figures anew.

        Raises what the store and the records raise; the figures before it stay.
        """
        now_ns = self._clock()
        came, self._came = self._came, []
        if came:
            self._production.take(self._relevant(came))
        await self._production.keep_up(now_ns)
        if not self._levels_begun:
            await self._levels.begin(now_ns)
            self._levels_begun = True
        # In a thread: with many sites this takes longer than the loop may be held up.
        production, reservoirs = await asyncio.to_thread(self._built, now_ns)
        self._production_now, self._reservoirs_now = production, reservoirs
        self.ready = True

    async def run(self) -> None:
        """Refresh on every tick until cancelled. What keeps the figures from it is said once."""
        failing = False
        while True:
            try:
                await self.refresh()
            except StorageError as err:
                if not failing:
                    log.warning("live figures wait for the store", error=str(err))
                failing = True
                self._doubt()
            except Exception:  # noqa: BLE001 - top of a task that goes on: figures must not end the collecting
                if not failing:
                    log.error("live figures failed, trying again", trace=traceback.format_exc())
                failing = True
                self._doubt()
            else:
                if failing:
                    log.info("live figures are back")
                failing = False
            await asyncio.sleep(TICK_S - self._clock() / NS_PER_S % TICK_S)

    def _doubt(self) -> None:
        """Figures that could not be renewed are no longer how things stand."""
        self.ready = False
        stale = UNCERTAIN | Reason.STALE
        self._production_now = [
            replace(row, quality=max(row.quality, stale)) for row in self._production_now
        ]
        self._reservoirs_now = [
            replace(row, quality=max(row.quality, stale)) for row in self._reservoirs_now
        ]

    def _built(self, now_ns: int) -> tuple[Sequence[ProductionNow], Sequence[ReservoirNow]]:
        return self._production.now(now_ns), self._levels.now(now_ns)

    def _relevant(self, came: Sequence[Batch]) -> Batch:
        wanted = self._production.wanted
        picked = [batch.where(wanted(batch.tag_id)) for batch in came]
        return sorted_unique(concatenate(picked))
