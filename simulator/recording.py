"""Recordings of the field: a table of times and columns, from CSV or Parquet."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from simulator.errors import BadRecording

_NOTHING = frozenset({"", "nan", "null", "na", "n/a", "-"})
_HEADER_LINES = 1


@dataclass(frozen=True, slots=True)
class Recording:
    """Columns over time.

    name : the file, for messages
    time_ns : (n,) int64, strictly rising, UTC
    columns : by name (n,) float64; NaN where nothing was recorded
    """

    name: str
    time_ns: NDArray[np.int64]
    columns: dict[str, NDArray[np.float64]]


def read_recording(
    path: Path,
    columns: Sequence[str],
    *,
    time_column: str = "time",
    time_zone: str | None = None,
    delimiter: str = ",",
) -> Recording:
    """A CSV (``.csv``, ``.txt``) or Parquet (``.parquet``) file.

    columns : those wanted; others are not looked at
    time_zone : IANA name, for times that are written without an offset
    An empty cell, ``nan``, ``null``, ``na`` or ``-`` is a hole.

    Raises: BadRecording naming file, line and column.
    """
    if not path.is_file():
        raise BadRecording(str(path), "no such file")
    if path.suffix == ".parquet":
        try:
            table = pq.read_table(path)
        except pa.ArrowException as err:
            raise BadRecording(str(path), f"no Parquet file: {err}") from err
        return of_table(
            table, columns, time_column=time_column, time_zone=time_zone, name=str(path)
        )
    if path.suffix in (".csv", ".txt"):
        return _read_csv(path, columns, time_column, time_zone, delimiter)
    raise BadRecording(str(path), "neither .csv, .txt nor .parquet")


def of_table(
    table: Any,
    columns: Sequence[str],
    *,
    time_column: str = "time",
    time_zone: str | None = None,
    name: str = "table",
) -> Recording:
    """The same of an Arrow table (``pyarrow.Table``); its time column is a timestamp, or whole ns since 1970 UTC.

    Raises: BadRecording naming row and column.
    """
    _need(name, table.column_names, [time_column, *columns])
    times = table.column(time_column)
    if times.null_count:
        row = int(np.flatnonzero(times.is_null().to_numpy())[0])
        raise BadRecording(name, "no time", line=row + 1, column=time_column)
    if pa.types.is_timestamp(times.type):
        if times.type.tz is None:
            if time_zone is None:
                raise BadRecording(
                    name, "times without an offset need a time zone", column=time_column
                )
            options = {"timezone": time_zone, "ambiguous": "earliest"}
            times = cast("Any", pc).assume_timezone(times, **options)  # made at run time
        time_ns = times.cast(pa.timestamp("ns", "UTC")).cast(pa.int64()).to_numpy()
    elif pa.types.is_integer(times.type):
        time_ns = times.cast(pa.int64()).to_numpy()
    else:
        raise BadRecording(name, f"{times.type} is no time", column=time_column)
    figures: dict[str, NDArray[np.float64]] = {}
    for column in columns:
        cells = table.column(column)
        if not (pa.types.is_floating(cells.type) or pa.types.is_integer(cells.type)):
            raise BadRecording(name, f"{cells.type} is no number", column=column)
        figures[column] = cells.cast(pa.float64()).fill_null(float("nan")).to_numpy()
    return _checked(Recording(name, time_ns, figures), first_line=1, time_column=time_column)


def _read_csv(
    path: Path,
    columns: Sequence[str],
    time_column: str,
    time_zone: str | None,
    delimiter: str,
) -> Recording:
    name = str(path)
    times: list[int] = []
    figures: dict[str, list[float]] = {column: [] for column in columns}
    clock = _Clock(name, time_column, time_zone)
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file, delimiter=delimiter)
        header = next(rows, None)
        if header is None:
            raise BadRecording(name, "is empty")
        header = [cell.strip() for cell in header]
        _need(name, header, [time_column, *columns], line=1)
        at = {column: header.index(column) for column in (time_column, *columns)}
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                raise BadRecording(
                    name, f"{len(row)} cells under {len(header)} headings", line=rows.line_num
                )
            times.append(clock.read(row[at[time_column]], rows.line_num))
            for column in columns:
                figures[column].append(_number(name, row[at[column]], rows.line_num, column))
    arrays = {column: np.array(cells, np.float64) for column, cells in figures.items()}
    recording = Recording(name, np.array(times, np.int64), arrays)
    return _checked(recording, first_line=1 + _HEADER_LINES, time_column=time_column)


class _Clock:
    """Reads times. Of an hour that a zone has twice in autumn the second one is taken where the
    time would fall otherwise."""

    def __init__(self, name: str, column: str, time_zone: str | None) -> None:
        self._name = name
        self._column = column
        self._zone = ZoneInfo(time_zone) if time_zone else None
        self._last_ns = -(2**63)

    def read(self, cell: str, line: int) -> int:
        try:
            time = dt.datetime.fromisoformat(cell.strip())
        except ValueError:
            raise BadRecording(
                self._name, f"'{cell}' is no ISO 8601 time", line=line, column=self._column
            ) from None
        if time.tzinfo is None:
            if self._zone is None:
                raise BadRecording(
                    self._name,
                    f"'{cell}' has no offset and no time zone is given",
                    line=line,
                    column=self._column,
                )
            time = time.replace(tzinfo=self._zone)
            if _ns(time) <= self._last_ns:
                time = time.replace(fold=1)
        self._last_ns = _ns(time)
        return self._last_ns


def _ns(time: dt.datetime) -> int:
    since = time - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


def _number(name: str, cell: str, line: int, column: str) -> float:
    text = cell.strip()
    if text.lower() in _NOTHING:
        return float("nan")
    try:
        return float(text)
    except ValueError:
        raise BadRecording(name, f"'{cell}' is no number", line=line, column=column) from None


def _need(name: str, given: Sequence[str], wanted: Sequence[str], line: int | None = None) -> None:
    for column in wanted:
        if column not in given:
            raise BadRecording(
                name, f"no such column; there are {', '.join(given)}", line=line, column=column
            )


def _checked(recording: Recording, *, first_line: int, time_column: str) -> Recording:
    if not len(recording.time_ns):
        raise BadRecording(recording.name, "has no rows")
    falls = np.flatnonzero(np.diff(recording.time_ns) <= 0)
    if len(falls):
        raise BadRecording(
            recording.name,
            "times must rise from row to row",
            line=int(falls[0]) + 1 + first_line,
            column=time_column,
        )
    return recording
