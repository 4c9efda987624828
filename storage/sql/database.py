"""The database: its connections, its transactions, and the one place where its errors become ours."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from storage.errors import Corrupt, DiskFull, StorageError, Unavailable

FILE_NAME = "records.sqlite"
BUSY_TIMEOUT_S = 10.0
CONNECTIONS = 8


class Database:
    """One SQLite file, read by several threads at once and written by one after the other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = create_engine(
            f"sqlite:///{path}",
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=BUSY_TIMEOUT_S,
            connect_args={"timeout": BUSY_TIMEOUT_S},
        )
        event.listen(self._engine, "connect", _prepare)
        event.listen(self._engine, "begin", _begin)
        self._writing = threading.Lock()

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """A transaction that sees one state of the records.

        Raises: Unavailable, Corrupt.
        """
        with self._translated(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """A transaction that is on disk when it ends, or has not been.

        Raises: Unavailable, DiskFull, Corrupt.
        """
        with (
            self._translated(),
            self._writing,
            self._engine.connect().execution_options(foggara_write=True) as connection,
            connection.begin(),
        ):
            yield connection

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except PoolTimeout as err:
            raise Unavailable(f"{self.path.name} (all connections busy)") from err
        except DatabaseError as err:
            raise _ours(self.path, err) from err


def _ours(path: Path, err: DatabaseError) -> StorageError | DatabaseError:
    """SQLite's code as one of our errors; a broken rule of the tables stays what it is: our fault."""
    code = getattr(err.orig, "sqlite_errorcode", None)
    if code is None:
        return err
    primary = code & 0xFF
    if primary == sqlite3.SQLITE_FULL:
        return DiskFull(str(path))
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return Corrupt(str(path), str(err.orig))
    if primary in (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
    ):
        return Unavailable(f"{path.name} ({err.orig})")
    return err


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin and end where SQLAlchemy says so
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        f"busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    # A writer takes the lock at once: one that reads first and upgrades later can be refused half-way.
    write = connection.get_execution_options().get("foggara_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
