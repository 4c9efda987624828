"""The journal's SQLite file: its tables, how it is opened, and how a damaged one is set aside."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import structlog

_log = structlog.get_logger("storage.journal")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tags (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS batches (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    earliest_ns INTEGER NOT NULL,
    latest_ns INTEGER NOT NULL,
    columns BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS quarantine (
    sequence INTEGER PRIMARY KEY,
    earliest_ns INTEGER NOT NULL,
    latest_ns INTEGER NOT NULL,
    columns BLOB NOT NULL,
    why TEXT NOT NULL
);
"""

_LONGEST_SKIP = 1 << 16

Row = tuple[int, int, int, bytes]
"""sequence, earliest_ns, latest_ns, columns"""


def connect(path: Path) -> sqlite3.Connection:
    """The journal for writing: a commit returns when the disk has it (WAL, ``synchronous=FULL``).

    Raises: sqlite3.DatabaseError where the file is no whole database.
    """
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    try:
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.executescript(_SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def connect_reading(path: Path) -> sqlite3.Connection:
    """The journal of a running store, for another process to read."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=10
    )
    connection.execute("PRAGMA query_only=1")
    return connection


def rows(connection: sqlite3.Connection) -> Iterator[Row]:
    """Every batch, in the order of arrival."""
    yield from connection.execute(
        "SELECT sequence, earliest_ns, latest_ns, columns FROM batches ORDER BY sequence"
    )


def last_sequence(connection: sqlite3.Connection) -> int:
    """The highest sequence ever given."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name='batches'").fetchone()
    return int(found[0]) if found else 0


def read_tags(connection: sqlite3.Connection) -> dict[str, int]:
    return {
        str(name): int(number)
        for number, name in connection.execute("SELECT number, name FROM tags ORDER BY number")
    }


def set_aside(connection: sqlite3.Connection, damaged: list[tuple[Row, str]]) -> None:
    """Move rows whose blobs are damaged to the quarantine table, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    for row, why in damaged:
        connection.execute("INSERT OR REPLACE INTO quarantine VALUES (?,?,?,?,?)", (*row, why))
        connection.execute("DELETE FROM batches WHERE sequence=?", (row[0],))
    connection.execute("COMMIT")


def write_tags_copy(path: Path, tags: dict[str, int]) -> None:
    """A second copy of the tags' numbers: without them a salvaged journal would be nameless."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(tags, file, indent=0)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_tags_copy(path: Path) -> dict[str, int]:
    """The second copy, empty where there is none or it is torn."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return {str(name): int(number) for name, number in found.items()}


def salvage(path: Path, tags_copy: Path) -> tuple[sqlite3.Connection, Path]:
    """Set a damaged journal aside and begin a new one with every row that can still be read.

    Returns the new journal and where the old one lies.
    """
    aside = _free_name(path)
    for suffix in ("", "-wal", "-shm"):
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.replace(aside.with_name(aside.name + suffix))
    fresh = connect(path)
    old = sqlite3.connect(aside, isolation_level=None)
    # Else SQLite reads nothing of a file that is shorter than its header says.
    old.execute("PRAGMA writable_schema=ON")
    old.execute("PRAGMA query_only=ON")
    old.text_factory = lambda raw: raw.decode("utf-8", "replace")
    try:
        tags = read_tags_copy(tags_copy) or _readable_tags(old)
        fresh.execute("BEGIN IMMEDIATE")
        fresh.executemany("INSERT INTO tags VALUES (?,?)", [(n, name) for name, n in tags.items()])
        saved = 0
        for row in _readable_rows(old):
            fresh.execute("INSERT OR IGNORE INTO batches VALUES (?,?,?,?)", row)
            saved += 1
        fresh.execute("COMMIT")
    finally:
        old.close()
    _log.error("journal was damaged and is set aside", set_aside=str(aside), batches_saved=saved)
    return fresh, aside


def _free_name(path: Path) -> Path:
    n = 1
    while (aside := path.with_name(f"{path.name}.damaged-{n}")).exists():
        n += 1
    return aside


def _readable_tags(connection: sqlite3.Connection) -> dict[str, int]:
    try:
        return read_tags(connection)
    except sqlite3.DatabaseError:
        return {}


def _readable_rows(connection: sqlite3.Connection) -> Iterator[Row]:
    """Every row that can be had: read on until damage, step over it, read on."""
    at, skip = 0, 1
    while skip <= _LONGEST_SKIP:
        found = connection.cursor()
        try:
            found.execute(
                "SELECT sequence, earliest_ns, latest_ns, columns FROM batches"
                " WHERE sequence > ? ORDER BY sequence",
                (at,),
            )
            for row in found:
                if isinstance(row[3], bytes):
                    yield row
                at, skip = int(row[0]), 1
        except sqlite3.DatabaseError:
            at, skip = at + skip, skip * 2
        else:
            return
        finally:
            found.close()
