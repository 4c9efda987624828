"""Reading a store's folder: by the process that keeps it, and by any other that only looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Literal, TypeVar

from storage.embedded.asking import Answer, ask
from storage.embedded.exporting import Exporter
from storage.embedded.folder import Folder, in_runs
from storage.embedded.reading import RawReader
from storage.embedded.trending import TrendReader
from storage.errors import Unavailable
from storage.journal import database
from storage.journal.encoding import DamagedBlob, decode
from storage.journal.writing import Sequenced
from storage.series import Trend
from water.batch import Batch, concatenate, sorted_unique

_T = TypeVar("_T")
_THREADS = 4


class FolderReader:
    """SeriesReader over one folder; every answer is made in a thread."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._names: dict[int, str] = {}
        self._raw = RawReader(folder, self._names)
        self._trends = TrendReader(self._raw, folder)
        self._exporter = Exporter(folder, self._names)
        self._closing = False
        self._reading = ThreadPoolExecutor(_THREADS, thread_name_prefix="storage-read")

    async def read(
        self, tag_ids: Sequence[int], from_ns: int, to_ns: int, *, neighbours: bool = False
    ) -> Batch:
        """See ``SeriesReader``."""

        def read() -> Batch:
            within = self._raw.read(tag_ids, from_ns, to_ns)
            if not neighbours:
                return within
            around = self._raw.neighbours(tag_ids, from_ns, to_ns)
            return sorted_unique(concatenate([within, around]))

        return await self._in_thread(read)

    async def trend(self, tag_id: int, from_ns: int, to_ns: int, points: int) -> Trend:
        """See ``SeriesReader``."""
        return await self._in_thread(lambda: self._trends.trend(tag_id, from_ns, to_ns, points))

    async def export(
        self,
        path: Path,
        tags: Sequence[str],
        from_ns: int,
        to_ns: int,
        form: Literal["csv", "parquet"],
        progress: Callable[[float], None] | None = None,
    ) -> int:
        """See ``SeriesReader``. By day, tag and time; progress is told on the event loop."""
        loop = asyncio.get_running_loop()

        def tell(done: float) -> None:
            if self._closing:
                raise Unavailable("the store, which is closing,")
            if progress is not None:
                loop.call_soon_threadsafe(progress, done)

        return await self._in_thread(
            lambda: self._exporter.export(path, tags, (from_ns, to_ns), form, tell)
        )

    async def ask(self, sql: str) -> Answer:
        """One SELECT over everything kept; see ``storage.embedded.asking``. Raises: BadQuestion."""
        return await self._in_thread(lambda: ask(self._folder, self._names, sql))

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._reading, work)

    def close(self) -> None:
        """Let go, when what is being read is done. Blocks."""
        self._closing = True
        self._reading.shutdown(cancel_futures=True)


class Onlooker(FolderReader):
    """Another process's view of a store, as it was when it was opened; made by ``open_reader``."""

    def __init__(self, root: Path) -> None:
        """Blocks. Raises: Unavailable where there is no store."""
        journal = root / "journal.sqlite"
        if not journal.exists():
            raise Unavailable(f"{root}, which holds no store,")
        with closing(database.connect_reading(journal)) as connection:
            # The journal is read before the files are looked for: what is sealed meanwhile is in both.
            connection.execute("BEGIN")
            held = [Sequenced(row[0], _decoded(row)) for row in database.rows(connection)]
            self.tags = database.read_tags(connection)
        folder = Folder(root, kept=False)
        super().__init__(folder)
        self._names.update((number, tag) for tag, number in self.tags.items())
        for sequences, batch in in_runs(held):
            folder.tail.add(held[-1].sequence, folder.unsealed(sequences, batch))


def _decoded(row: database.Row) -> Batch:
    try:
        return decode(row[3])
    except DamagedBlob:
        return Batch.empty()  # its keeper sets it aside, and says so


@asynccontextmanager
async def open_reader(folder: Path) -> AsyncGenerator[Onlooker]:
    """Look at a store that another process may be keeping; ``tags`` tells its numbers.

    Raises: Unavailable where there is no store
    """
    onlooker = await asyncio.to_thread(Onlooker, folder)
    try:
        yield onlooker
    finally:
        await asyncio.to_thread(onlooker.close)
