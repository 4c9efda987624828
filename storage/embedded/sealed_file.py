"""A sealed Parquet file, of readings or of steps: how it is written and how a tag's rows are found.

The first columns are tag (string) and time (timestamp, UTC); rows are sorted by tag and time, row
groups are cut between tags. The footer tells each tag's number of rows, so a tag's rows are found
without looking at the tag column.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from storage.embedded.layout import sync_file
from storage.errors import Corrupt

_INDEX = b"foggara.tags"
_NS_OF_UNIT = {"ms": 1_000_000, "us": 1_000, "ns": 1}
_COMPRESSION = "zstd"
_LEVEL = 3

Column = NDArray[Any]
Rows = tuple[Column, ...]
"""the columns after tag; time in ns"""


def unit_for(time_ns: NDArray[np.int64]) -> str:
    """The coarsest unit that holds these times exactly: whole ms compress best."""
    for unit, ns in _NS_OF_UNIT.items():
        if not (time_ns % ns).any():
            return unit
    return "ns"


def finest(units: Sequence[str]) -> str:
    return min(units, key=lambda unit: _NS_OF_UNIT[unit], default="ms")


class SealedWriter:
    """Writes one file, tags in the order of their names.

    columns : name and pyarrow type of each column after time, in order
    """

    def __init__(self, path: Path, unit: str, columns: Mapping[str, Any]) -> None:
        self._unit = unit
        self._types = columns
        self._tags: list[str] = []
        self._rows: list[int] = []
        schema = pa.schema(
            [
                ("tag", pa.dictionary(pa.int32(), pa.string())),
                ("time", pa.timestamp(unit, "UTC")),
                *columns.items(),
            ]
        )
        dictionaries: Any = ["tag", *(n for n, kind in columns.items() if kind != pa.float64())]
        encodings = {
            name: "BYTE_STREAM_SPLIT" for name, kind in columns.items() if kind == pa.float64()
        }
        self._file = path.open("wb")
        self._parquet = pq.ParquetWriter(
            self._file,
            schema,
            compression=_COMPRESSION,
            compression_level=_LEVEL,
            use_dictionary=dictionaries,
            column_encoding={"time": "DELTA_BINARY_PACKED", **encodings},
        )

    def write(self, names: Sequence[str], counts: NDArray[np.int64], rows: Rows) -> None:
        """One row group. counts : how many rows each name has; rows : by name and time."""
        codes = np.repeat(np.arange(len(names), dtype=np.int32), counts)
        time = rows[0] // _NS_OF_UNIT[self._unit]
        columns = {
            "tag": pa.DictionaryArray.from_arrays(codes, pa.array(names, pa.string())),
            "time": pa.array(time).view(pa.timestamp(self._unit, "UTC")),
        }
        for (name, kind), column in zip(self._types.items(), rows[1:], strict=True):
            columns[name] = pa.array(column, kind, from_pandas=True)  # NaN is null
        self._parquet.write_table(pa.table(columns), row_group_size=max(1, codes.shape[0]))
        self._tags += names
        self._rows += counts.tolist()

    def finish(self) -> None:
        """Footer written, everything on the disk."""
        index = json.dumps({"tags": self._tags, "rows": self._rows}, separators=(",", ":"))
        self._parquet.add_key_value_metadata({_INDEX: index.encode()})
        self._parquet.close()
        sync_file(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            # It tries to end a file that is given up; what refuses it now is told by ``error``.
            with suppress(OSError, pa.ArrowException):
                self._parquet.close()
        self._file.close()


@dataclass(frozen=True, slots=True)
class Index:
    """What a footer tells.

    begin, rows : tag → its first row and how many; group_begin : (groups + 1,) first row of each
    """

    metadata: Any
    unit: str
    columns: tuple[str, ...]
    begin: Mapping[str, int]
    rows: Mapping[str, int]
    group_begin: NDArray[np.int64]


def index_of(path: Path) -> Index:
    """A file's index; kept, since a sealed file never changes.

    Raises: FileNotFoundError, Corrupt
    """
    found = path.stat()
    return _index_of(path, found.st_ino, found.st_mtime_ns)


@lru_cache(maxsize=512)
def _index_of(path: Path, _inode: int, _modified_ns: int) -> Index:
    try:
        metadata: Any = pq.read_metadata(path)
        told = json.loads(metadata.metadata[_INDEX])
        schema = metadata.schema.to_arrow_schema()
        unit = str(schema.field("time").type.unit)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as err:
        raise Corrupt(str(path), f"no sealed file ({err})") from err
    groups = [metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)]
    begins = np.cumsum([0, *told["rows"]]).tolist()
    return Index(
        metadata,
        unit,
        tuple(schema.names[1:]),
        dict(zip(told["tags"], begins[:-1], strict=True)),
        dict(zip(told["tags"], told["rows"], strict=True)),
        np.cumsum([0, *groups]),
    )


class SealedReader:
    """Reads tags of one sealed file; holds it open, so that it is read on when it is replaced."""

    def __init__(self, path: Path) -> None:
        """Raises: FileNotFoundError, Corrupt"""
        self.index = index_of(path)
        self._path = path
        self._held: tuple[int, Rows] | None = None
        with _damage_told(path):
            self._file: Any = pq.ParquetFile(
                path, metadata=self.index.metadata, memory_map=True, pre_buffer=False
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def read(self, tags: Sequence[tuple[str, int]]) -> tuple[NDArray[np.int32], Rows] | None:
        """Rows of some tags, given as (name, number) by name: numbers, and the other columns.

        None where the file has none of them. Raises: Corrupt
        """
        index = self.index
        here = [(name, number) for name, number in tags if index.rows.get(name)]
        if not here:
            return None
        parts: list[Rows] = []
        with _damage_told(self._path):
            for begin, end in _joined([self._span(name) for name, _ in here]):
                parts += self._rows(begin, end)
        numbers = np.repeat(
            np.array([number for _, number in here], np.int32),
            [index.rows[name] for name, _ in here],
        )
        if len(parts) == 1:
            return numbers, parts[0]
        return numbers, tuple(np.concatenate(same) for same in zip(*parts, strict=True))

    def _span(self, name: str) -> tuple[int, int]:
        begin = self.index.begin[name]
        return begin, begin + self.index.rows[name]

    def _rows(self, begin: int, end: int) -> list[Rows]:
        starts = self.index.group_begin
        group = int(np.searchsorted(starts, begin, "right")) - 1
        parts: list[Rows] = []
        while begin < end:
            rows = self._group(group)
            stop, offset = min(end, int(starts[group + 1])), int(starts[group])
            parts.append(tuple(column[begin - offset : stop - offset] for column in rows))
            begin, group = stop, group + 1
        return parts

    def _group(self, number: int) -> Rows:
        if self._held is None or self._held[0] != number:
            table = self._file.read_row_group(number, columns=self.index.columns, use_threads=False)
            time = table.column("time").combine_chunks().view(pa.int64()).to_numpy()
            others = [table.column(name).to_numpy() for name in self.index.columns[1:]]
            self._held = (number, (time * _NS_OF_UNIT[self.index.unit], *others))
        return self._held[1]


@contextmanager
def _damage_told(path: Path) -> Generator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as err:
        raise Corrupt(str(path), str(err)) from err


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans that touch made one; they are in order and do not overlap."""
    joined: list[tuple[int, int]] = []
    for begin, end in spans:
        if joined and joined[-1][1] == begin:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return joined
