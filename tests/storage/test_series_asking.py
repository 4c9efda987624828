"""SQL over sealed files and the tail together, and nothing but reading."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from config.plant import Retention
from storage.embedded import open_reader, open_store
from storage.errors import BadQuestion
from water.batch import Batch

HOUR_NS = 3600 * 10**9
BEGIN_NS = 1_783_000_800 * 10**9  # a full hour in July 2026
NOW_NS = BEGIN_NS + 3 * HOUR_NS


async def _asked(folder: Path, *questions: str) -> list[list[tuple[object, ...]]]:
    async with open_reader(folder) as reader:
        return [(await reader.ask(sql))[1] for sql in questions]


async def _filled(folder: Path) -> None:
    async with open_store(folder, Retention(), clock=lambda: NOW_NS) as store:
        a, b = (store.number(["a", "b"])[name] for name in ("a", "b"))
        times = [BEGIN_NS + n * 60 * 10**9 for n in range(60)]
        await store.append(Batch.of([a] * 60, times, [float(n) for n in range(60)]))
        await store.append(Batch.of([b], [BEGIN_NS], [float("nan")], [0x88]))
        await store.seal(NOW_NS)
        await store.append(Batch.of([a], [times[5]], [500.0]))  # late: wins over the sealed one
        await store.append(Batch.of([a], [NOW_NS], [7.0]))


def test_sealed_and_tail_are_one_table_and_the_later_arrival_wins(tmp_path: Path) -> None:
    async def act() -> None:
        await _filled(tmp_path)
        counts, late, unknown = await _asked(
            tmp_path,
            "SELECT tag, count(*) FROM readings GROUP BY tag ORDER BY tag",
            "SELECT value FROM readings WHERE value > 100",
            "SELECT value, quality FROM readings WHERE tag = 'b'",
        )
        assert counts == [("a", 61), ("b", 1)]
        assert late == [(500.0,)]
        assert unknown == [(None, 0x88)]

    asyncio.run(act())


def test_an_empty_store_has_empty_tables(tmp_path: Path) -> None:
    async def act() -> None:
        async with open_store(tmp_path, Retention(), clock=lambda: NOW_NS):
            pass
        for table in ("readings", "minutes", "hours"):
            assert await _asked(tmp_path, f"SELECT count(*) FROM {table}") == [[(0,)]]

    asyncio.run(act())


@pytest.mark.parametrize(
    "sql",
    [
        "SELEC 1",
        "SELECT * FROM nothing",
        "COPY (SELECT 1) TO '{folder}/written.csv'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SET enable_external_access = true",
        "ATTACH '{folder}/new.db'",
    ],
)
def test_what_is_no_question_is_refused_in_words(sql: str, tmp_path: Path) -> None:
    async def act() -> None:
        await _filled(tmp_path)
        with pytest.raises(BadQuestion, match=r"\w+"):
            await _asked(tmp_path, sql.format(folder=tmp_path))

    asyncio.run(act())
    assert not [*tmp_path.glob("written*"), *tmp_path.glob("new*")]
