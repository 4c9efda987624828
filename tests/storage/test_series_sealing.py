"""Hours to days, rollups, late data, retention, and that anybody can read the files."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.plant import Retention
from storage.embedded import open_reader, open_store
from storage.embedded import rollup as rules
from storage.errors import Unavailable
from water.batch import Batch, sorted_unique

SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS
DAY_NS = 24 * HOUR_NS
MIDNIGHT_NS = 20_700 * DAY_NS
TAGS = ["mactaa.product.flow", "mactaa.product.total", "belgaid.level", "pump.state"]


def _opened(folder: Path, **retention):
    return open_store(folder, Retention(**retention), clock=lambda: MIDNIGHT_NS)


def _span(from_ns: int, hours: float, every_s: float = 10.0, tags: int = 4) -> Batch:
    times = from_ns + (np.arange(int(hours * 3600 / every_s)) * every_s * 1e9).astype(np.int64)
    tag = np.tile(np.arange(tags), len(times))
    time = np.repeat(times, tags)
    return Batch.of(tag, time, np.sin(time / 7e12) * 100 + tag, np.zeros(len(tag)))


def _files(folder: Path, resolution: str) -> list[str]:
    return sorted(
        f"{p.parent.name}/{p.name[:-28]}"
        for p in (folder / "history" / resolution).rglob("*.parquet")
    )


def test_hours_are_sealed_when_closed_and_days_are_one_file(tmp_path) -> None:
    async def check() -> None:
        async with _opened(tmp_path) as store:
            store.number(TAGS)
            await store.append(_span(MIDNIGHT_NS, 3))
            await store.seal(MIDNIGHT_NS + 2 * HOUR_NS + 60 * SECOND_NS)
            assert _files(tmp_path, "raw") == ["date=2026-09-04/hour-00"]
            await store.seal(MIDNIGHT_NS + 2 * HOUR_NS + 180 * SECOND_NS)
            assert _files(tmp_path, "raw") == ["date=2026-09-04/hour-00", "date=2026-09-04/hour-01"]
            assert _files(tmp_path, "minute") == _files(tmp_path, "raw")
            held = store.condition()
            assert held.sealed_readings == 2 * 360 * 4
            assert held.journal_batches == 1  # its third hour is not sealed
            await store.append(_span(MIDNIGHT_NS + 3 * HOUR_NS, 22))
            await store.seal(MIDNIGHT_NS + 25 * HOUR_NS)
            assert _files(tmp_path, "raw") == ["date=2026-09-04/day"]
            assert _files(tmp_path, "minute") == _files(tmp_path, "raw")
            assert _files(tmp_path, "hour") == _files(tmp_path, "raw")
            await store.seal(MIDNIGHT_NS + 25 * HOUR_NS + 180 * SECOND_NS)
            held = store.condition()
            assert held.journal_batches == 0
            assert held.sealed_readings == 25 * 360 * 4
            assert held.oldest_ns == MIDNIGHT_NS
            assert len(await store.read([1], 0, 2**62)) == 25 * 360

    asyncio.run(check())


def test_late_readings_reseal_their_day_and_its_rollups(tmp_path) -> None:
    async def check() -> None:
        async with _opened(tmp_path) as store:
            store.number(TAGS)
            await store.append(_span(MIDNIGHT_NS, 24))
            await store.seal(MIDNIGHT_NS + 25 * HOUR_NS)
            late = MIDNIGHT_NS + 5 * HOUR_NS + 1
            await store.append(Batch.of([2, 2], [late, late + 9], [1e6, -1e6]))
            before = await store.trend(2, MIDNIGHT_NS, MIDNIGHT_NS + DAY_NS, 24)
            await store.seal(MIDNIGHT_NS + 26 * HOUR_NS)
            after = await store.trend(2, MIDNIGHT_NS, MIDNIGHT_NS + DAY_NS, 24)
            assert before.maximum.tolist() == after.maximum.tolist()
            assert after.maximum[5] == 1e6
            assert after.count[5] == 362
            assert len(_files(tmp_path, "raw")) == 1
            (minutes,) = (tmp_path / "history" / "minute").rglob("*.parquet")
            assert pq.read_table(minutes).column("max").to_numpy().max() == 1e6

    asyncio.run(check())


def test_anybody_can_read_the_files(tmp_path) -> None:
    async def fill() -> None:
        async with _opened(tmp_path) as store:
            store.number(TAGS)
            await store.append(_span(MIDNIGHT_NS, 25))
            await store.append(Batch.of([0], [MIDNIGHT_NS + 1_000_000], [np.nan], [0x89]))
            await store.seal(MIDNIGHT_NS + 26 * HOUR_NS)

    asyncio.run(fill())
    everything = tmp_path / "history" / "raw"
    rows = duckdb.sql(
        f"SELECT tag, count(*), count(value), avg(value), min(time)"
        f" FROM read_parquet('{everything}/*/*.parquet') GROUP BY tag ORDER BY tag"
    ).fetchall()
    assert [(row[0], row[1]) for row in rows] == [
        (tag, 9000 + (tag == TAGS[0])) for tag in sorted(TAGS)
    ]
    assert rows[1][2] == 9000  # what is no number is null: it spoils no mean
    assert abs(rows[1][3]) < 100
    frame = pd.read_parquet(everything)
    assert len(frame) == 36_001
    assert str(frame["time"].dt.tz) == "UTC"
    assert frame["date"].nunique() == 2
    assert set(frame["tag"].unique()) == set(TAGS)


def test_history_is_imported_past_the_journal_and_survives(tmp_path) -> None:
    async def check() -> None:
        async with _opened(tmp_path) as store:
            store.number(TAGS)
            for day in range(-5, 0):
                await store.import_day(_span(MIDNIGHT_NS + day * DAY_NS, 24, 300.0))
            await store.import_day(_span(MIDNIGHT_NS, 6, 300.0))
            assert store.condition().journal_batches == 0
            await store.append(_span(MIDNIGHT_NS + 6 * HOUR_NS, 2))
            await store.seal(MIDNIGHT_NS + 7 * HOUR_NS + 180 * SECOND_NS)
            assert store.last.of(3).time_ns == MIDNIGHT_NS + 8 * HOUR_NS - 10 * SECOND_NS
        async with _opened(tmp_path) as store:
            assert len(await store.read([3], 0, 2**62)) == 5 * 288 + 72 + 720
            assert store.last.of(3).time_ns == MIDNIGHT_NS + 8 * HOUR_NS - 10 * SECOND_NS
            trend = await store.trend(3, MIDNIGHT_NS - 5 * DAY_NS, MIDNIGHT_NS, 120)
            assert trend.count.tolist() == [12] * 120
            await store.seal(MIDNIGHT_NS + 25 * HOUR_NS)
            assert len(_files(tmp_path, "raw")) == 6
            assert len(await store.read([3], 0, 2**62)) == 5 * 288 + 72 + 720

    asyncio.run(check())


@pytest.mark.parametrize("every_s", [10.0, 300.0])
def test_each_resolution_is_kept_for_its_own_time(tmp_path, every_s) -> None:
    async def check() -> None:
        kept = {"raw": "2d", "minute": "4d"}
        async with _opened(tmp_path, **kept) as store:
            store.number(TAGS)
            for day in range(-6, 0):
                await store.append(_span(MIDNIGHT_NS + day * DAY_NS, 24, every_s))
            await store.seal(MIDNIGHT_NS + HOUR_NS)
            whole = await store.trend(1, MIDNIGHT_NS - 6 * DAY_NS, MIDNIGHT_NS, 144)
            minutes = await store.trend(1, MIDNIGHT_NS - 4 * DAY_NS, MIDNIGHT_NS - 3 * DAY_NS, 1440)
            await store.retain(MIDNIGHT_NS)
            for resolution, days in (("raw", 2), ("minute", 4), ("hour", 6)):
                have = _files(tmp_path, resolution)
                if not (resolution == "minute" and every_s == 300.0):
                    assert len(have) == days
            assert len(await store.read([1], 0, 2**62)) == 2 * 86_400 / every_s
            again = await store.trend(1, MIDNIGHT_NS - 6 * DAY_NS, MIDNIGHT_NS, 144)
            assert np.allclose(again.mean, whole.mean)
            again = await store.trend(1, MIDNIGHT_NS - 4 * DAY_NS, MIDNIGHT_NS - 3 * DAY_NS, 1440)
            assert np.allclose(again.mean, minutes.mean)
            assert again.count.tolist() == minutes.count.tolist()
            # What arrives for a day that is dropped does not put a hole in its rollups.
            await store.append(Batch.of([1], [MIDNIGHT_NS - 6 * DAY_NS], [5.0]))
            await store.seal(MIDNIGHT_NS + 2 * HOUR_NS)
            again = await store.trend(1, MIDNIGHT_NS - 6 * DAY_NS, MIDNIGHT_NS, 144)
            assert np.allclose(again.mean, whole.mean)

    asyncio.run(check())


@pytest.mark.parametrize("allowed", [False, True])
def test_raw_days_go_early_only_where_that_is_allowed(tmp_path, allowed) -> None:
    async def check() -> None:
        # A disk is never wholly free: a critical ratio of one makes it full without filling it.
        full = {
            "disk_warning_ratio": 1.0,
            "disk_critical_ratio": 1.0,
            "drop_oldest_raw_when_full": allowed,
        }
        async with _opened(tmp_path, **full) as store:
            store.number(TAGS)
            for day in range(-4, 1):
                await store.append(_span(MIDNIGHT_NS + day * DAY_NS, 24, 60.0))
            await store.seal(MIDNIGHT_NS + 25 * HOUR_NS)
            await store.retain(MIDNIGHT_NS + 25 * HOUR_NS)
            assert len(_files(tmp_path, "raw")) == (1 if allowed else 5)
            assert len(_files(tmp_path, "hour")) == 5
            assert len(store.condition().warnings) == 1

    asyncio.run(check())


def test_another_process_reads_while_this_one_writes(tmp_path) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from storage.embedded import open_reader\n"
        "async def go():\n"
        "    async with open_reader(Path(sys.argv[1])) as reader:\n"
        "        out = Path(sys.argv[1]) / 'out.csv'\n"
        "        print(await reader.export(out, list(reader.tags), 0, 2**62, 'csv'))\n"
        "asyncio.run(go())\n"
    )

    async def check() -> None:
        async with _opened(tmp_path) as store:
            store.number(TAGS)
            await store.append(_span(MIDNIGHT_NS, 26))
            await store.seal(MIDNIGHT_NS + 25 * HOUR_NS + 180 * SECOND_NS)
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", program, str(tmp_path), stdout=subprocess.PIPE
            )
            for n in range(20):
                await store.append(_span(MIDNIGHT_NS + 26 * HOUR_NS, 0.01 * n))
            told, _ = await asyncio.wait_for(child.communicate(), 60)
            assert child.returncode == 0
            written = int(told)
            assert 26 * 360 * 4 <= written <= 27 * 360 * 4
            with (tmp_path / "out.csv").open() as file:
                assert sum(1 for _ in file) == written + 1

    asyncio.run(check())


def test_readers_miss_nothing_while_files_are_replaced(tmp_path) -> None:
    async def check() -> None:
        async with _opened(tmp_path) as store:
            store.number(TAGS)
            await store.append(_span(MIDNIGHT_NS - DAY_NS, 24, 60.0))
            sealing = asyncio.create_task(_seal_again_and_again(store))
            async with open_reader(tmp_path) as other:
                while not sealing.done():
                    for reader in (store, other):
                        found = await reader.read([0], MIDNIGHT_NS - DAY_NS, MIDNIGHT_NS)
                        assert len(found) == 1440
                        trend = await reader.trend(1, MIDNIGHT_NS - DAY_NS, MIDNIGHT_NS, 24)
                        assert trend.count.tolist() == [60] * 24
            await sealing

    asyncio.run(check())


async def _seal_again_and_again(store) -> None:
    for hour in range(-22, 2):
        await store.seal(MIDNIGHT_NS + hour * HOUR_NS)
    for n in range(30):
        await store.append(_span(MIDNIGHT_NS - DAY_NS + n * HOUR_NS // 60, 0.1, 60.0))
        await store.seal(MIDNIGHT_NS + 2 * HOUR_NS)


def test_there_must_be_a_store_to_look_at(tmp_path) -> None:
    async def check() -> None:
        with pytest.raises(Unavailable):
            async with open_reader(tmp_path):
                pass

    asyncio.run(check())


def test_a_clock_that_runs_ahead_does_not_fill_the_journal(tmp_path) -> None:
    async def check() -> None:
        async with _opened(tmp_path) as store:
            store.number(TAGS)
            await store.append(Batch.of([0, 1], [MIDNIGHT_NS + 900 * DAY_NS, MIDNIGHT_NS], [1, 2]))
            await store.append(Batch.of([0], [MIDNIGHT_NS + 900 * DAY_NS], [3]))
            await store.seal(MIDNIGHT_NS + 2 * HOUR_NS)
            assert (await store.read([0], 0, 2**62)).value.tolist() == [3.0]
            await store.append(Batch.of([0], [MIDNIGHT_NS + 900 * DAY_NS], [4]))
            await store.seal(MIDNIGHT_NS + 2 * HOUR_NS)
            assert (await store.read([0], 0, 2**62)).value.tolist() == [4.0]
            assert store.condition().journal_batches <= 1

    asyncio.run(check())


def test_millions_of_readings_in_bounded_memory_and_few_bytes(tmp_path) -> None:
    async def check() -> None:
        tags = [f"site.device{n // 10:02d}.tag{n:03d}" for n in range(300)]
        noise = np.random.default_rng(3)
        async with _opened(tmp_path) as store:
            store.number(tags)
            for begin in range(0, 2 * 3600, 60):
                times = (
                    MIDNIGHT_NS
                    + (np.arange(begin, begin + 60) * 1000 + noise.integers(3, 9, 60)) * 1_000_000
                )
                value = (5000 + 20 * noise.standard_normal(300 * 60)).astype("f4").astype("f8")
                value[::3] = np.floor(1e8 + begin)
                await store.append(
                    Batch.of(np.tile(np.arange(300), 60), np.repeat(times, 300), value)
                )
            await store.seal(MIDNIGHT_NS + 26 * HOUR_NS)
            held = store.condition()
            assert held.sealed_readings == 300 * 7200
            assert held.sealed_bytes / held.sealed_readings < 3
            trend = await store.trend(150, MIDNIGHT_NS, MIDNIGHT_NS + DAY_NS, 1000)
            assert trend.count.sum() == 7200
            found = await store.read([7, 299], MIDNIGHT_NS + HOUR_NS, MIDNIGHT_NS + 2 * HOUR_NS)
            assert len(found) == 7200

    asyncio.run(check())


readings = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 4 * 3600),
        st.floats(-1e6, 1e6),
        st.sampled_from([0, 0, 0, 0x80]),
    ),
    max_size=60,
)


@given(readings, st.sampled_from([HOUR_NS, 3 * HOUR_NS, 24 * HOUR_NS]))
def test_minutes_add_up_to_hours_and_hours_to_more(rows, step_ns) -> None:
    columns = list(zip(*rows, strict=True)) or [[], [], [], []]
    batch = sorted_unique(
        Batch.of(columns[0], np.array(columns[1], np.int64) * SECOND_NS, columns[2], columns[3])
    )
    of_each = rules.of_readings(batch)
    at_once = rules.reduce(of_each, step_ns)
    by_steps = of_each
    for step in (rules.MINUTE_NS, rules.HOUR_NS, step_ns):
        by_steps = rules.reduce(by_steps, step)
    for one, other in zip(at_once.columns(), by_steps.columns(), strict=True):
        assert np.allclose(one, other, rtol=1e-9, atol=1e-6)
    assert (by_steps.minimum <= by_steps.mean).all()
    assert (by_steps.mean <= by_steps.maximum).all()
