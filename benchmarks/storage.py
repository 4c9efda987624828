"""The series store measured: CPU a reading, bytes a reading, how fast a tag's day is had.

A plant of 2,000 tags at 1 s for a day (172.8 million readings at ``scale`` 1), on the real path: appended
through the journal, sealed hour by hour, merged to a day. The baseline is a SQLite row a reading.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from config.plant import Retention
from storage.embedded import open_store
from water.batch import Batch

TAGS_A_DEVICE = 10
HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
MIDNIGHT_NS = 20_700 * DAY_NS
SECONDS_A_BATCH = 30


class Signals:
    """Flows with noise, totalizers, levels, states: of a device's ten tags, a block a second.

    A device's answer arrives some ms after the tick, and its block shares that stamp.
    """

    def __init__(self, tags: int, seed: int = 7) -> None:
        self.tags = tags
        self._random = np.random.default_rng(seed)
        self._base = self._random.uniform(200, 5200, tags)
        self._kind = np.arange(tags) % TAGS_A_DEVICE

    def hour(self, hour: int) -> Iterator[Batch]:
        for begin in range(0, 3600, SECONDS_A_BATCH):
            yield self._block(hour * 3600 + begin)

    def _block(self, second: int) -> Batch:
        n = SECONDS_A_BATCH
        seconds = (second + np.arange(n))[:, None]
        noise = self._random.standard_normal((n, self.tags))
        value = np.empty((n, self.tags))
        flow, total, level, scaled, state = (
            self._kind < 4,
            (self._kind >= 4) & (self._kind < 6),
            (self._kind == 6) | (self._kind == 7),
            self._kind == 8,
            self._kind == 9,
        )
        swing = np.sin(seconds / 14_400)
        value[:, flow] = (self._base[flow] * (1 + 0.03 * swing) + 3 * noise[:, flow]).astype("f4")
        value[:, total] = np.floor(1e8 + seconds * self._base[total] / 3600)
        value[:, level] = (4 + swing + 0.001 * noise[:, level]).astype("f4")
        value[:, scaled] = np.round(60 + 0.3 * noise[:, scaled], 2)
        value[:, state] = 3
        devices = -(-self.tags // TAGS_A_DEVICE)
        arrival = self._random.integers(3, 9, (n, devices)) + seconds * 1000
        time_ms = np.repeat(arrival, TAGS_A_DEVICE, axis=1)[:, : self.tags]
        return Batch(
            np.tile(np.arange(self.tags, dtype=np.int32), n),
            MIDNIGHT_NS + time_ms.ravel().astype(np.int64) * 1_000_000,
            value.ravel(),
            np.zeros(n * self.tags, np.uint8),
        )


def run(scale: float = 1.0) -> dict:
    """Every figure; ``scale`` is a share of 2,000 tags."""
    tags = max(TAGS_A_DEVICE, int(2000 * scale))
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(_measure(Path(folder), Signals(tags)))
    with tempfile.TemporaryDirectory() as folder:
        figures["baseline_sqlite_row"] = _sqlite_rows(Path(folder), Signals(min(tags, 200)))
    return figures


async def _measure(folder: Path, signals: Signals) -> dict:
    readings = signals.tags * 86_400
    figures: dict = {"tags": signals.tags, "readings": readings}
    async with open_store(folder, Retention(), clock=lambda: MIDNIGHT_NS + DAY_NS) as store:
        names = [f"site{n // 100:02d}.device{n // 10:03d}.tag{n:04d}" for n in range(signals.tags)]
        store.number(names)
        append_s = seal_s = made_s = 0.0
        for hour in range(24):
            begin = time.process_time()
            batches = list(signals.hour(hour))
            made_s += time.process_time() - begin
            begin = time.process_time()
            for batch in batches:
                await store.append(batch)
            del batches, batch
            append_s += time.process_time() - begin
            begin = time.process_time()
            if hour < 23:
                await store.seal(MIDNIGHT_NS + (hour + 1) * HOUR_NS + 300_000_000_000)
            seal_s += time.process_time() - begin
        begin, wall = time.process_time(), time.perf_counter()
        await store.seal(MIDNIGHT_NS + DAY_NS + 300_000_000_000)
        figures["day_merge_wall_s"] = time.perf_counter() - wall
        merge_s = time.process_time() - begin
        held = store.condition()
        raw = sum(p.stat().st_size for p in (folder / "history" / "raw").rglob("*.parquet"))
        figures |= {
            "append_cpu_us": append_s / readings * 1e6,
            "seal_hours_cpu_us": seal_s / readings * 1e6,
            "merge_day_cpu_us": merge_s / readings * 1e6,
            "bytes_a_reading_raw": raw / held.sealed_readings,
            "bytes_a_reading_with_rollups": held.sealed_bytes / held.sealed_readings,
        }
        assert held.sealed_readings == readings
        figures["trend_day"] = await _timed(signals.tags, lambda tag: _trend(store, tag))
        figures["read_day_raw"] = await _timed(signals.tags, lambda tag: _read(store, tag))
        figures["commit_small"] = await _small_commits(store)
    async with open_store(folder, Retention(), clock=lambda: MIDNIGHT_NS + DAY_NS) as store:
        figures["trend_day_cold_ms"] = (await _timed(1, lambda tag: _trend(store, tag)))["p50_ms"]
    figures["duckdb_read_day_raw"] = _duckdb(folder, names)
    return figures


async def _trend(store, tag: int) -> None:
    trend = await store.trend(tag, MIDNIGHT_NS, MIDNIGHT_NS + DAY_NS, 1000)
    assert 1 < len(trend.time_ns) <= 1000


async def _read(store, tag: int) -> None:
    assert len(await store.read([tag], MIDNIGHT_NS, MIDNIGHT_NS + DAY_NS)) == 86_400


async def _timed(tags: int, call, times: int = 200) -> dict[str, float]:
    taken = []
    for tag in np.random.default_rng(1).integers(0, tags, times).tolist():
        begin = time.perf_counter()
        await call(tag)
        taken.append((time.perf_counter() - begin) * 1e3)
    return {"p50_ms": float(np.percentile(taken, 50)), "p99_ms": float(np.percentile(taken, 99))}


async def _small_commits(store, batches: int = 4000, at_once: int = 50) -> dict[str, float]:
    """Blocks of ten readings, fifty devices at once: what a poll's tick asks."""
    begin, wall = time.process_time(), time.perf_counter()
    for tick in range(batches // at_once):
        stamp = MIDNIGHT_NS + DAY_NS + tick * 1_000_000_000
        await asyncio.gather(
            *(
                store.append(Batch.of(range(10), [stamp + device] * 10, range(10)))
                for device in range(at_once)
            )
        )
    return {
        "cpu_us_a_batch": (time.process_time() - begin) / batches * 1e6,
        "commits_of_50_wall_ms": (time.perf_counter() - wall) / (batches / at_once) * 1e3,
    }


def _duckdb(folder: Path, names: list[str], times: int = 20) -> dict[str, float]:
    """The same raw day of one tag asked of DuckDB over the same file."""
    import duckdb

    files = str(folder / "history" / "raw" / "*" / "*.parquet")
    connection = duckdb.connect()
    connection.execute("SET enable_object_cache=true")
    taken = []
    for tag in np.random.default_rng(1).integers(0, len(names), times).tolist():
        begin = time.perf_counter()
        found = connection.execute(
            f"SELECT time, value, quality FROM read_parquet('{files}') WHERE tag = ?", [names[tag]]
        ).fetchnumpy()
        taken.append((time.perf_counter() - begin) * 1e3)
        assert len(found["time"]) == 86_400
    connection.close()
    return {"p50_ms": float(np.percentile(taken, 50)), "p99_ms": float(np.percentile(taken, 99))}


def _sqlite_rows(folder: Path, signals: Signals) -> dict[str, float]:
    """What the journal and Parquet are compared with: a row a reading, one commit a batch."""
    path = folder / "rows.sqlite"
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute(
        "CREATE TABLE r (tag INT, time INT, value REAL, quality INT, PRIMARY KEY (tag, time))"
    )
    readings = 0
    begin = time.process_time()
    for n, batch in enumerate(signals.hour(0)):
        if n == 20:
            break
        rows = zip(
            *(c.tolist() for c in (batch.tag_id, batch.time_ns, batch.value, batch.quality)),
            strict=True,
        )
        db.execute("BEGIN")
        db.executemany("INSERT OR REPLACE INTO r VALUES (?,?,?,?)", rows)
        db.execute("COMMIT")
        readings += len(batch)
    cpu_s = time.process_time() - begin
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return {"cpu_us": cpu_s / readings * 1e6, "bytes_a_reading": path.stat().st_size / readings}


if __name__ == "__main__":
    import json
    import sys

    print(json.dumps(run(float(sys.argv[1]) if len(sys.argv) > 1 else 0.1), indent=2))
