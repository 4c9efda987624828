"""SQL over the whole history by DuckDB: sealed files and the journal's tail as one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from storage.embedded.folder import Folder
from storage.embedded.layout import Catalogue
from storage.errors import BadQuestion
from water.batch import sorted_unique

Answer = tuple[list[str], list[tuple[object, ...]]]

_READINGS = "tag VARCHAR, time TIMESTAMPTZ, value DOUBLE, quality UTINYINT"
_STEPS = (
    "tag VARCHAR, time TIMESTAMPTZ, min DOUBLE, max DOUBLE, mean DOUBLE, last DOUBLE, count BIGINT"
)


def ask(folder: Folder, names: Mapping[int, str], sql: str) -> Answer:
    """Columns and rows of one SELECT over ``readings``, ``minutes`` and ``hours``. Blocks.

    Of one tag and time the tail's reading wins, as everywhere. Nothing but the history's files can
    be read, and nothing written. Raises: BadQuestion with DuckDB's own words.
    """
    connection = duckdb.connect()
    try:
        connection.execute("SET TimeZone = 'UTC'")
        tail = _tail(folder, names)
        connection.register("tail", tail)
        files: list[Path] = []
        sealed = _source(folder.raw, _READINGS, files)
        connection.execute(
            f"CREATE VIEW readings AS SELECT {_columns(_READINGS)} FROM {sealed} s "  # noqa: S608
            "ANTI JOIN tail t ON s.tag = t.tag AND s.time = t.time UNION ALL SELECT * FROM tail"
        )
        for view, catalogue in (("minutes", folder.minutes), ("hours", folder.hours)):
            source = _source(catalogue, _STEPS, files)
            connection.execute(
                f"CREATE VIEW {view} AS SELECT {_columns(_STEPS)} FROM {source}"  # noqa: S608
            )
        connection.execute(f"SET allowed_paths = {_list(files)}")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        found = connection.execute(sql)
        return [column[0] for column in found.description or ()], found.fetchall()
    except duckdb.Error as err:
        raise BadQuestion(str(err)) from err
    finally:
        connection.close()


def _tail(folder: Folder, names: Mapping[int, str]) -> object:
    """An Arrow table, which DuckDB reads as it is."""
    held = sorted_unique(folder.tail.view().readings(0, np.iinfo(np.int64).max))
    tags = [names.get(number, str(number)) for number in held.tag_id.tolist()]
    return pa.table(
        {
            "tag": pa.array(tags, pa.string()),
            "time": pa.array(held.time_ns // 1000, pa.timestamp("us", "UTC")),
            "value": pa.array(held.value, mask=np.isnan(held.value)),
            "quality": held.quality,
        }
    )


def _source(catalogue: Catalogue, columns: str, files: list[Path]) -> str:
    """The FROM of a catalogue's files in force, or an empty table of the same columns."""
    own = [catalogue.path(name) for day in catalogue.days() for name in catalogue.of(day)]
    if not own:
        nothing = ", ".join(
            f"NULL::{kind} AS {name}"
            for name, kind in (column.rsplit(" ", 1) for column in columns.split(", "))
        )
        return f"(SELECT {nothing} WHERE false)"
    files.extend(own)
    return f"read_parquet({_list(own)}, hive_partitioning = false, union_by_name = true)"


def _columns(columns: str) -> str:
    return ", ".join(
        f"{name}::{kind} AS {name}"
        for name, kind in (column.rsplit(" ", 1) for column in columns.split(", "))
    )


def _list(files: Sequence[Path]) -> str:
    return "[" + ", ".join("'" + str(f).replace("'", "''") + "'" for f in files) + "]"
