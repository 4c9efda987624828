"""The records measured: a year's daily report of all sites, of one site, as of a time; a key checked.

Two years of a plant of ten sites and sixty meters are recorded, each day provisional, then final. The
baseline is what SQLite itself needs to hand out the same rows, without making anything of them.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from storage.sql import SqlRecords, open_records
from storage.sql.database import FILE_NAME
from water.output import DailyOutput, Figure, Method, Status, Volume

SITES, METERS_A_SITE = 10, 6
FIRST = dt.date(2024, 1, 1)
ROUNDS = 200


def run(scale: float = 1.0) -> dict[str, object]:
    days = max(30, round(730 * scale))
    with tempfile.TemporaryDirectory() as folder, open_records(Path(folder)) as records:
        write_ms_a_day = _write(records, days)
        last = FIRST + dt.timedelta(days=days - 1)
        first = max(FIRST, last - dt.timedelta(days=364))
        _, secret = records.keys.add("benchmark", "viewer", 1)
        outputs, produced = records.outputs, [Figure.PRODUCED]
        rows = len(outputs.read(first, last, figures=produced))
        return {
            "days": days,
            "rows": days * 2 * SITES * (METERS_A_SITE + 2),
            "bytes_a_row": round(_bytes(folder) / (days * 2 * SITES * (METERS_A_SITE + 2))),
            "record_a_day_ms": round(write_ms_a_day, 2),
            "year_all_sites_rows": rows,
            "year_all_sites": _times(lambda: outputs.read(first, last, figures=produced)),
            "year_one_site": _times(
                lambda: outputs.read(first, last, site="site-3", figures=produced)
            ),
            "year_one_site_as_of": _times(
                lambda: outputs.read(first, last, site="site-3", figures=produced, as_of_ns=2)
            ),
            "verify_key": _times(lambda: records.keys.verify(secret)),
            "baseline_sqlite_same_rows": _baseline(Path(folder) / FILE_NAME, first, last),
        }


def _write(records: SqlRecords, days: int) -> float:
    begun = time.perf_counter()
    for at in range(0, days, 30):
        dates = [FIRST + dt.timedelta(days=n) for n in range(at, min(at + 30, days))]
        for known_ns, status in ((1, Status.PROVISIONAL), (3, Status.FINAL)):
            records.outputs.record([row for date in dates for row in _day(date, known_ns, status)])
    return (time.perf_counter() - begun) / days * 1000


def _day(date: dt.date, known_ns: int, status: Status) -> list[DailyOutput]:
    volume = Volume(
        350_000.0 + date.toordinal(), 1750.0, 1.0, True, Method.TOTALIZER, 0.0, 350_100.0, 1e-4
    )
    return [
        DailyOutput(f"site-{site}", figure, part, date, volume, status, 0, known_ns, "closed")
        for site in range(SITES)
        for figure, part in [
            (Figure.PRODUCED, ""),
            (Figure.DELIVERED, "oran"),
            *((Figure.METER, f"site-{site}.meter.{n}") for n in range(METERS_A_SITE)),
        ]
    ]


def _times(work: Callable[[], object]) -> dict[str, float]:
    seconds: list[float] = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    p50, p99 = np.percentile(seconds, (50, 99)) * 1000
    return {"p50_ms": round(float(p50), 3), "p99_ms": round(float(p99), 3)}


def _baseline(path: Path, first: dt.date, last: dt.date) -> dict[str, float]:
    query = "SELECT * FROM daily_output WHERE figure = 'produced' AND date BETWEEN ? AND ?"
    span = (first.isoformat(), last.isoformat())
    connection = sqlite3.connect(path)
    try:
        return _times(lambda: connection.execute(query, span).fetchall())
    finally:
        connection.close()


def _bytes(folder: str) -> int:
    return sum(path.stat().st_size for path in Path(folder).iterdir())
