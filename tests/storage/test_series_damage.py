"""Damaged files: what is whole is kept, what is not is set aside, and the start never fails."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.plant import Retention
from storage.embedded import open_store
from storage.errors import Corrupt, Unavailable
from storage.journal.encoding import DamagedBlob, decode, encode
from water.batch import Batch

HOUR_NS = 3_600_000_000_000
MIDNIGHT_NS = 20_700 * 24 * HOUR_NS
BATCHES = 400


def _opened(folder: Path):
    return open_store(folder, Retention(), clock=lambda: MIDNIGHT_NS)


async def _fill(folder: Path, batches: int = BATCHES) -> None:
    async with _opened(folder) as store:
        store.number(["a", "b"])
        for n in range(batches):
            await store.append(
                Batch.of([0, 1], [MIDNIGHT_NS + n * 1_000_000_000] * 2, [n, n + 0.1])
            )


async def _values(folder: Path, tag: int = 0) -> list[float]:
    async with _opened(folder) as store:
        assert store.number(["a", "b"]) == {"a": 0, "b": 1}
        found = (await store.read([tag], 0, 2**62)).value.tolist()
        await store.append(Batch.of([tag], [MIDNIGHT_NS + HOUR_NS], [-1.0]))
        assert (await store.read([tag], 0, 2**62)).value.tolist() == [*found, -1.0]
        return found


def _checkpointed(folder: Path) -> Path:
    path = folder / "journal.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path


readings = st.lists(
    st.tuples(
        st.integers(0, 2**31 - 1),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=True),
        st.integers(0, 255),
    ),
    max_size=20,
)


@given(readings)
def test_a_batch_comes_out_of_its_blob_as_it_went_in(rows) -> None:
    columns = list(zip(*rows, strict=True)) or [[], [], [], []]
    batch = Batch.of(*columns)
    again = decode(encode(batch))
    for name in ("tag_id", "time_ns", "quality"):
        assert getattr(again, name).tolist() == getattr(batch, name).tolist()
    assert str(again.value.tolist()) == str(batch.value.tolist())


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_one_altered_byte_is_seen(at, change) -> None:
    blob = bytearray(encode(Batch.of([1, 2, 3], [5, 5, 5], [1.0, 2.0, 1 / 3])))
    at %= len(blob)
    if at == 3:  # padding
        return
    blob[at] ^= change
    with pytest.raises(DamagedBlob):
        decode(bytes(blob))


def test_a_damaged_row_is_set_aside(tmp_path) -> None:
    asyncio.run(_fill(tmp_path))
    connection = sqlite3.connect(tmp_path / "journal.sqlite")
    connection.execute("UPDATE batches SET columns = substr(columns, 1, 20) WHERE sequence = 7")
    connection.execute("UPDATE batches SET columns = x'00' WHERE sequence = 9")
    connection.commit()
    connection.close()
    found = asyncio.run(_values(tmp_path))
    assert found == [n for n in range(BATCHES) if n not in (6, 8)]
    connection = sqlite3.connect(tmp_path / "journal.sqlite")
    aside = connection.execute("SELECT sequence FROM quarantine ORDER BY sequence").fetchall()
    connection.close()
    assert aside == [(7,), (9,)]


@pytest.mark.parametrize("lost", [1, 4096, 20_000])
def test_a_torn_write_ahead_log_loses_its_end_only(tmp_path, lost) -> None:
    asyncio.run(_copy_while_open(tmp_path))
    wal = tmp_path / "torn" / "journal.sqlite-wal"
    with wal.open("r+b") as file:
        file.truncate(wal.stat().st_size - lost)
    found = asyncio.run(_values(tmp_path / "torn"))
    assert found == list(range(len(found)))
    assert BATCHES - 12 <= len(found) <= BATCHES


async def _copy_while_open(folder: Path) -> None:
    """As a power cut leaves it: the log is not in the database yet."""
    async with _opened(folder / "whole") as store:
        store.number(["a", "b"])
        for n in range(BATCHES):
            await store.append(
                Batch.of([0, 1], [MIDNIGHT_NS + n * 1_000_000_000] * 2, [n, n + 0.1])
            )
        (folder / "torn").mkdir()
        for path in (folder / "whole").glob("*"):
            if path.is_file() and not path.name.startswith("owner"):
                (folder / "torn" / path.name).write_bytes(path.read_bytes())


def test_a_torn_journal_is_salvaged(tmp_path) -> None:
    asyncio.run(_fill(tmp_path))
    path = _checkpointed(tmp_path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size * 3 // 4 // 4096 * 4096)
    found = asyncio.run(_values(tmp_path))
    assert len(found) > BATCHES // 8
    assert found == sorted(found)
    assert list(tmp_path.glob("journal.sqlite.damaged-1"))


def test_a_journal_with_a_page_of_garbage_is_salvaged_around_it(tmp_path) -> None:
    asyncio.run(_fill(tmp_path))
    path = _checkpointed(tmp_path)
    pages = path.stat().st_size // 4096
    with path.open("r+b") as file:
        file.seek(pages // 2 * 4096)
        file.write(b"\xa5" * 4096)
    found = asyncio.run(_values(tmp_path))
    assert BATCHES - 120 <= len(found) < BATCHES
    missing = sorted(set(range(BATCHES)) - set(found))
    assert missing == list(range(missing[0], missing[-1] + 1))


def test_a_journal_that_is_no_database_is_set_aside(tmp_path) -> None:
    asyncio.run(_fill(tmp_path))
    _checkpointed(tmp_path).write_bytes(b"this is no database" * 1000)
    (tmp_path / "journal.sqlite-wal").unlink(missing_ok=True)
    assert asyncio.run(_values(tmp_path)) == []
    assert list(tmp_path.glob("journal.sqlite.damaged-1"))


@pytest.mark.parametrize("how", ["truncated", "garbage"])
def test_a_damaged_sealed_file_is_told_and_set_aside_when_its_day_is_sealed(tmp_path, how) -> None:
    async def check() -> None:
        await _fill(tmp_path)
        async with _opened(tmp_path) as store:
            store.number(["a", "b"])
            await store.seal(MIDNIGHT_NS + 2 * HOUR_NS)
            (path,) = (tmp_path / "history" / "raw").rglob("*.parquet")
            raw = path.read_bytes()
            path.write_bytes(raw[:-40] if how == "truncated" else b"PAR1" + b"\x00" * len(raw))
            with pytest.raises(Corrupt):
                await store.read([0], 0, 2**62)
            await store.append(Batch.of([0], [MIDNIGHT_NS], [5.0]))
            await store.seal(MIDNIGHT_NS + 2 * HOUR_NS)
            assert (await store.read([0], 0, 2**62)).value.tolist() == [5.0]
            assert list((tmp_path / "history").rglob("*.damaged"))

    asyncio.run(check())


def test_without_its_last_values_file_a_store_finds_them_in_the_newest_files(tmp_path) -> None:
    async def check() -> None:
        await _fill(tmp_path)
        async with _opened(tmp_path) as store:
            await store.seal(MIDNIGHT_NS + 30 * HOUR_NS)
        (tmp_path / "last.json").write_text('{"a": [')
        async with _opened(tmp_path) as store:
            assert store.last.of(0).value == BATCHES - 1
            assert store.last.of(1).value == BATCHES - 1 + 0.1

    asyncio.run(check())


def test_a_second_keeper_is_refused(tmp_path) -> None:
    async def check() -> None:
        async with _opened(tmp_path):
            with pytest.raises(Unavailable):
                async with _opened(tmp_path):
                    pass

    asyncio.run(check())
