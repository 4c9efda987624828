"""The journal: one thread owns the connection, and all batches that wait are one commit."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog

from storage.errors import Corrupt, DiskFull, StorageError, Unavailable
from storage.journal import database
from storage.journal.encoding import DamagedBlob, decode, encode
from water.batch import Batch

_log = structlog.get_logger("storage.journal")
_T = TypeVar("_T")

_MOST_AT_ONCE = 4096
_STATE_TIMEOUT_S = 60.0
_DELETED_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Sequenced:
    """A committed batch and its place in the order of arrival."""

    sequence: int
    batch: Batch


@dataclass(frozen=True, slots=True)
class _Append:
    batch: Batch
    taken: asyncio.Future[None]


@dataclass(frozen=True, slots=True)
class _Call:
    function: Callable[[sqlite3.Connection], Any]
    result: Future[Any]


class Journal:
    """Batches committed to disk in the order of arrival, until whoever moves them on forgets them.

    on_commit is called by the writer thread after each commit, before anybody is told.
    """

    def __init__(self, path: Path, on_commit: Callable[[Sequence[Sequenced]], None]) -> None:
        self._path = path
        self._tags_copy = path.with_name("tags.json")
        self._on_commit = on_commit
        self._queue: queue.SimpleQueue[_Append | _Call | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._opened: Future[list[Sequenced]] = Future()
        self._closed = False
        self.sequence = 0
        self._tags: dict[str, int] = {}
        self.batches = 0

    def open(self, lowest_sequence: int = 0) -> Sequence[Sequenced]:
        """Start the writer; returns every batch that the journal holds, in the order of arrival.

        Damaged rows are set aside, a damaged file is salvaged; neither stops the start.
        lowest_sequence : new batches are numbered above it

        Raises: DiskFull, Unavailable
        """
        self._thread.start()
        held = self._opened.result(timeout=_STATE_TIMEOUT_S)
        self.sequence = max(self.sequence, lowest_sequence)
        return held

    @property
    def tags(self) -> Mapping[str, int]:
        return self._tags

    async def append(self, batch: Batch) -> None:
        """Commit a batch, together with all others that wait; it is on disk on return.

        Raises: DiskFull, Unavailable, Corrupt
        """
        if self._closed:
            raise Unavailable("the journal, which is closed,")
        taken = asyncio.get_running_loop().create_future()
        self._queue.put(_Append(batch, taken))
        await taken

    def number(self, tags: Sequence[str]) -> Mapping[str, int]:
        """Numbers of these tags, given now where they have none. Raises: DiskFull, Unavailable."""
        missing = [tag for tag in dict.fromkeys(tags) if tag not in self._tags]
        if missing:
            self._tags = self.call(lambda db: self._number(db, missing))
        return {tag: self._tags[tag] for tag in tags}

    def forget(self, through: int, before_ns: int, from_ns: int) -> None:
        """Delete batches up to a sequence that lie whole before one time or whole after another."""
        deleted = _DELETED_AT_ONCE
        while deleted == _DELETED_AT_ONCE:
            deleted = self.call(lambda db: _delete_some(db, through, before_ns, from_ns))
            self.batches -= deleted
        self.call(lambda db: db.execute("PRAGMA incremental_vacuum(2000)").fetchall())

    def call(self, function: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run a short function on the writer's thread, and wait for it."""
        if self._closed:
            raise Unavailable("the journal, which is closed,")
        result: Future[_T] = Future()
        self._queue.put(_Call(function, result))
        return result.result(timeout=_STATE_TIMEOUT_S)

    def bytes(self) -> int:
        """What the journal takes on disk, with its write-ahead log."""
        return sum(
            path.stat().st_size
            for suffix in ("", "-wal")
            if (path := self._path.with_name(self._path.name + suffix)).exists()
        )

    def close(self) -> None:
        """Everything that waits is committed first."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        self._thread.join(timeout=_STATE_TIMEOUT_S)

    def _run(self) -> None:
        try:
            connection, held = self._open()
        except sqlite3.Error as err:
            self._opened.set_exception(_translated(err, self._path))
            return
        except OSError as err:
            self._opened.set_exception(Unavailable(f"the journal {self._path} ({err})"))
            return
        self._opened.set_result(held)
        try:
            while self._serve(connection):
                pass
        finally:
            self._closed = True
            connection.close()
            self._refuse_the_rest()

    def _refuse_the_rest(self) -> None:
        """Nobody waits for ever on a thread that has ended."""
        gone = Unavailable("the journal, which is closed,")
        while not self._queue.empty():
            work = self._queue.get()
            if isinstance(work, _Append):
                _tell([work], gone)
            elif work is not None:
                work.result.set_exception(gone)

    def _open(self) -> tuple[sqlite3.Connection, list[Sequenced]]:
        try:
            connection = database.connect(self._path)
            held = self._load(connection)
        except sqlite3.DatabaseError as err:
            if not _is_damage(err):
                raise
            connection, _ = database.salvage(self._path, self._tags_copy)
            held = self._load(connection)
        self._tags = database.read_tags(connection)
        known = database.read_tags_copy(self._tags_copy)
        if self._tags and known != self._tags:
            database.write_tags_copy(self._tags_copy, self._tags)
        self.batches = len(held)
        return connection, held

    def _load(self, connection: sqlite3.Connection) -> list[Sequenced]:
        held: list[Sequenced] = []
        damaged: list[tuple[database.Row, str]] = []
        for row in database.rows(connection):
            try:
                held.append(Sequenced(row[0], decode(row[3])))
            except DamagedBlob as err:
                damaged.append((row, str(err)))
        if damaged:
            database.set_aside(connection, damaged)
            _log.error("damaged batches are set aside", batches=len(damaged))
        self.sequence = max(self.sequence, database.last_sequence(connection))
        return held

    def _number(self, connection: sqlite3.Connection, missing: Sequence[str]) -> dict[str, int]:
        begin = max(self._tags.values(), default=-1) + 1
        given = {tag: begin + n for n, tag in enumerate(missing)}
        _transact(
            connection,
            "INSERT INTO tags VALUES (?,?)",
            [(number, tag) for tag, number in given.items()],
        )
        tags = self._tags | given
        database.write_tags_copy(self._tags_copy, tags)
        return tags

    def _serve(self, connection: sqlite3.Connection) -> bool:
        """Take what waits: appends as one commit, then calls; False when it is time to end."""
        appends: list[_Append] = []
        work = self._queue.get()
        while isinstance(work, _Append):
            appends.append(work)
            if len(appends) == _MOST_AT_ONCE:
                work = None
                break
            try:
                work = self._queue.get_nowait()
            except queue.Empty:
                work = None
                break
        else:
            if appends:
                self._commit_or_tell(connection, appends)
            return self._answer(connection, work)
        self._commit_or_tell(connection, appends)
        return True

    def _commit_or_tell(self, connection: sqlite3.Connection, appends: Sequence[_Append]) -> None:
        """Whatever goes wrong with one commit: its batches are offered again, the next are taken."""
        try:
            self._commit(connection, appends)
        except Exception as err:  # noqa: BLE001 - else this thread ends, and nothing is kept any more
            _log.error("a commit failed", error=repr(err))
            _tell(appends, Unavailable(f"the journal {self._path} ({err!r})"))

    def _answer(self, connection: sqlite3.Connection, work: _Call | None) -> bool:
        if work is None:
            return False
        try:
            work.result.set_result(work.function(connection))
        except sqlite3.Error as err:
            work.result.set_exception(_translated(err, self._path))
        except OSError as err:
            work.result.set_exception(Unavailable(f"the journal {self._path} ({err})"))
        except Exception as err:  # noqa: BLE001 - handed on to who asked; this thread serves the others
            work.result.set_exception(err)
        return True

    def _commit(self, connection: sqlite3.Connection, appends: Sequence[_Append]) -> None:
        begin = self.sequence + 1
        taken = [Sequenced(begin + n, append.batch) for n, append in enumerate(appends)]
        try:
            _transact(
                connection,
                "INSERT INTO batches VALUES (?,?,?,?)",
                [
                    (
                        one.sequence,
                        int(one.batch.time_ns.min()),
                        int(one.batch.time_ns.max()),
                        encode(one.batch),
                    )
                    for one in taken
                ],
            )
        except sqlite3.Error as err:
            _tell(appends, _translated(err, self._path))
            return
        self.sequence += len(taken)
        self.batches += len(taken)
        self._on_commit(taken)
        _tell(appends, None)


def _transact(
    connection: sqlite3.Connection, statement: str, rows: Sequence[tuple[Any, ...]]
) -> None:
    """All rows or none."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(statement, rows)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _delete_some(connection: sqlite3.Connection, through: int, before_ns: int, from_ns: int) -> int:
    found = connection.execute(
        "DELETE FROM batches WHERE sequence IN (SELECT sequence FROM batches WHERE sequence <= ?"
        " AND (latest_ns < ? OR earliest_ns >= ?) LIMIT ?)",
        (through, before_ns, from_ns, _DELETED_AT_ONCE),
    )
    return found.rowcount


def _tell(appends: Sequence[_Append], error: StorageError | None) -> None:
    """Wake every waiter, once for each loop: a wake-up costs a system call."""
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for append in appends:
        by_loop.setdefault(append.taken.get_loop(), []).append(append.taken)
    for loop, futures in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, futures, error)


def _resolve(futures: Sequence[asyncio.Future[None]], error: StorageError | None) -> None:
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


def _is_damage(err: sqlite3.DatabaseError) -> bool:
    code = getattr(err, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _translated(err: sqlite3.Error, path: Path) -> StorageError:
    code = getattr(err, "sqlite_errorcode", 0)
    if code & 0xFF == sqlite3.SQLITE_FULL:
        return DiskFull(str(path))
    if isinstance(err, sqlite3.DatabaseError) and _is_damage(err):
        return Corrupt(str(path), str(err))
    return Unavailable(f"the journal {path} ({err})")
