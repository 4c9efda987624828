"""The embedded store: journal, its tail in memory, sealed files; nothing to install, one folder."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
import structlog

from config.plant import Retention
from storage.embedded.condition import Holdings, condition
from storage.embedded.folder import Folder, in_runs
from storage.embedded.layout import DAY_NS
from storage.embedded.reader import FolderReader
from storage.embedded.retaining import Retaining
from storage.embedded.sealed_set import Step
from storage.embedded.sealing import Sealing
from storage.embedded.tail import HOUR_NS
from storage.errors import Rejected, Unavailable
from storage.journal.writing import Journal, Sequenced
from storage.last_values import LastValues
from storage.series import LateReadings, StoreCondition
from water.batch import Batch, concatenate

_log = structlog.get_logger("storage")
_T = TypeVar("_T")

LATE_NS = HOUR_NS
"""A reading that is older than this when it arrives is told as late."""
_LATEST_NS = 7_258_118_400_000_000_000
"""2200-01-01: later times are garbage"""


class EmbeddedStore(FolderReader):
    """SeriesWriter, SeriesReader and SeriesUpkeep over one folder; made by ``open_store``.

    Callbacks run on the event loop, after the commit and before ``append`` returns.
    """

    def __init__(
        self,
        root: Path,
        retention: Retention,
        clock: Callable[[], int],
        step: Step = lambda _: None,
    ) -> None:
        super().__init__(Folder(root))
        self.last = LastValues()
        self._clock = clock
        self._retention = retention
        self._holdings = Holdings(self._folder)
        self._journal = Journal(root / "journal.sqlite", self._committed)
        self._late: list[LateReadings] = []
        self._listeners: list[Callable[[Batch], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sealing = Sealing(self._folder, self._journal, self._names, step)
        self._upkeep = ThreadPoolExecutor(1, thread_name_prefix="storage-upkeep")
        self._retaining = Retaining(self._folder, self._sealing, retention)

    # --- writing

    def number(self, tags: Sequence[str]) -> Mapping[str, int]:
        """See ``SeriesWriter``."""
        numbers = self._journal.number(tags)
        self._names.update((number, tag) for tag, number in numbers.items())
        return numbers

    async def append(self, batch: Batch) -> None:
        """See ``SeriesWriter``. Rejected are readings of numbers and times that cannot be."""
        if len(batch) == 0:
            return
        refused = self._refused(batch)
        if refused.any():
            rows = np.flatnonzero(refused)
            await self.append(batch.where(~refused))
            raise Rejected("unknown tag number or impossible time", rows.tolist())
        await self._journal.append(batch)

    def on_late(self, callback: LateReadings) -> None:
        """Tell of committed readings that reach further back than an hour."""
        self._late.append(callback)

    def on_batch(self, callback: Callable[[Batch], None]) -> None:
        """Tell of every committed batch."""
        self._listeners.append(callback)

    def _refused(self, batch: Batch) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        known = len(self._names)
        return (
            (batch.tag_id < 0)
            | (batch.tag_id >= known)
            | (batch.time_ns < 0)
            | (batch.time_ns >= _LATEST_NS)
        )

    def _committed(self, taken: Sequence[Sequenced]) -> None:
        """On the journal's thread: readers see it from here on."""
        joined = concatenate(one.batch for one in taken)
        self._folder.tail.add(taken[-1].sequence, joined)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._publish, taken, joined)

    def _publish(self, taken: Sequence[Sequenced], joined: Batch) -> None:
        """What one commit took; the costly part once for all its batches."""
        self.last.take(joined, self._clock())
        for one in taken:
            for listener in self._listeners:
                listener(one.batch)
        late_before = self._clock() - LATE_NS
        if self._late and int(joined.time_ns.min()) < late_before:
            late = joined.where(joined.time_ns < late_before)
            span = int(late.time_ns.min()), int(late.time_ns.max())
            for callback in self._late:
                callback(np.unique(late.tag_id), *span)

    # --- upkeep

    async def seal(self, now_ns: int) -> None:
        """See ``SeriesUpkeep``. Raises: DiskFull, Unavailable, Corrupt"""
        await self._keep_up(lambda: self._sealing.seal(now_ns))

    async def retain(self, now_ns: int) -> None:
        """See ``SeriesUpkeep``. Raises: DiskFull, Unavailable, Corrupt"""
        await self._keep_up(lambda: self._retaining.retain(now_ns))

    async def import_day(self, batch: Batch) -> None:
        """Take a large part of history past the journal, straight to sealed files.

        It is cut by UTC day; best give one whole day at a time, since each is written anew. Later
        than what is there, so it wins. Nobody is told but ``last``. Durable on return.

        Raises: DiskFull, Unavailable, Rejected (nothing taken)
        """
        refused = self._refused(batch)
        if refused.any():
            raise Rejected(
                "unknown tag number or impossible time", np.flatnonzero(refused).tolist()
            )
        self.last.take(await self._keep_up(lambda: self._import(batch)))

    def _import(self, batch: Batch) -> Batch:
        days = batch.time_ns // DAY_NS
        for day in np.unique(days).tolist():
            self._sealing.import_day(day, batch.where(days == day))
        return self._folder.last_values()

    async def _keep_up(self, work: Callable[[], _T]) -> _T:
        """One at a time, in a thread of its own; the holdings are counted after."""

        def run() -> _T:
            try:
                return work()
            finally:
                self._holdings.measure()

        return await asyncio.get_running_loop().run_in_executor(self._upkeep, run)

    def condition(self) -> StoreCondition:
        """See ``SeriesUpkeep``."""
        journal = self._journal.batches, self._journal.bytes()
        return condition(
            self._folder, self._holdings, self._retention, journal, self.last.newest_ns()
        )

    # --- life

    def open(self) -> None:
        """Take up what the folder holds. Blocks; raises DiskFull, Unavailable."""
        held = self._journal.open(self._folder.through())
        self._names.update((number, tag) for tag, number in self._journal.tags.items())
        self._folder.tidy()
        unsealed: list[Batch] = []
        for sequences, batch in in_runs(held):
            # What is sealed is as late as the journal's row of it, or later: so this comes first.
            self.last.take(batch)
            unsealed.append(self._folder.unsealed(sequences, batch))
        self.last.take(self._folder.last_sealed(self._journal.tags))
        for batch in unsealed:
            self.last.take(batch)
            self._folder.tail.add(self._journal.sequence, batch)
        self._folder.tail.begin(self._journal.sequence)
        self._holdings.measure()

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on commits are told on this loop."""
        self._loop = loop

    def close(self) -> None:
        """Commit what waits and let go. Blocks."""
        self._sealing.stop()
        self._upkeep.shutdown(cancel_futures=True)
        super().close()
        self._journal.close()


@asynccontextmanager
async def open_store(
    folder: Path,
    retention: Retention,
    *,
    clock: Callable[[], int],
    step: Step = lambda _: None,
) -> AsyncGenerator[EmbeddedStore]:
    """The store in a folder, which is made where there is none.

    clock : now in ns UTC; step : told each step of sealing as it is done

    Raises: Unavailable where another process keeps this folder; DiskFull
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    with _owned(folder):
        store = EmbeddedStore(folder, retention, clock, step)
        try:
            await asyncio.to_thread(store.open)
            store.bind(asyncio.get_running_loop())
            yield store
        finally:
            await asyncio.to_thread(store.close)


@contextmanager
def _owned(folder: Path) -> Generator[None]:
    """One writer a folder: a lock that dies with its process, however that ends."""
    connection = sqlite3.connect(
        folder / "owner.sqlite", isolation_level=None, timeout=0.2, check_same_thread=False
    )
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as err:
        connection.close()
        raise Unavailable(f"{folder}, which another process keeps,") from err
    try:
        yield
    finally:
        connection.close()
