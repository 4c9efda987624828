"""Raw readings of any span to one file, day by day, by tag and time within each day."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from storage.embedded.folder import Folder
from storage.embedded.layout import DAY_NS, HOURS_A_DAY
from storage.embedded.merging import Merge, Part
from storage.embedded.sealed_file import SealedReader
from storage.embedded.sealed_set import translated
from storage.errors import Unavailable
from water.quality import reason_of, status_of

_SCHEMA = pa.schema(
    [
        ("tag", pa.dictionary(pa.int32(), pa.string())),
        ("time", pa.timestamp("ns", "UTC")),
        ("value", pa.float64()),
        ("quality", pa.dictionary(pa.uint8(), pa.string())),
        ("reason", pa.dictionary(pa.int32(), pa.string())),
    ]
)
_STATUS = pa.array([status_of(code) for code in range(256)])
_REASON = pa.array([reason_of(code) for code in range(256)], pa.string())
_ATTEMPTS = 5
_UNQUOTED = pa_csv.WriteOptions(quoting_style="needed")
_compute: Any = pyarrow.compute  # its functions are made at run time


class Exporter:
    """Runs in the caller's thread, in bounded memory.

    names : the store's tag number → name
    """

    def __init__(self, folder: Folder, names: Mapping[int, str]) -> None:
        self._folder = folder
        self._names = names

    def export(
        self,
        path: Path,
        tags: Sequence[str],
        span: tuple[int, int],
        form: Literal["csv", "parquet"],
        progress: Callable[[float], None],
    ) -> int:
        """As the port says; the file is there when it is whole.

        Raises: DiskFull, Unavailable, Corrupt
        """
        days = self._days(*span)
        readings = 0
        unfinished = path.with_name(f".{path.name}.part")
        try:
            with translated(path), _writer(unfinished, form) as write:
                for done, day in enumerate(days):
                    progress(done / len(days))
                    readings += self._day(day, frozenset(tags), span, write)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        progress(1.0)
        return readings

    def _days(self, from_ns: int, to_ns: int) -> list[int]:
        days = {hour // HOURS_A_DAY for hour in self._folder.tail.hours()}
        days |= set(self._folder.raw.days())
        return sorted(d for d in days if d * DAY_NS < to_ns and (d + 1) * DAY_NS > from_ns)

    def _day(
        self,
        day: int,
        tags: frozenset[str],
        span: tuple[int, int],
        write: Callable[[Any], None],
    ) -> int:
        begin = day * HOURS_A_DAY
        tail = self._folder.tail.view().of_hours(begin, begin + HOURS_A_DAY)
        count = 0
        with ExitStack() as stack:
            merge = Merge(self._open(day, stack), tail, self._names, only=tags)
            for part in merge.parts():
                table = _table(part, span)
                write(table)
                count += table.num_rows
        return count

    def _open(self, day: int, stack: ExitStack) -> list[SealedReader]:
        """Readers of a day's files; once open they stay readable when they are replaced."""
        for _ in range(_ATTEMPTS):
            opened = ExitStack()
            try:
                paths = [self._folder.raw.path(name) for name in self._folder.raw.of(day)]
                readers = [opened.enter_context(SealedReader(path)) for path in paths]
            except FileNotFoundError:
                opened.close()
                self._folder.refresh()
            else:
                stack.enter_context(opened)
                return readers
        raise Unavailable("history, which changes too fast,")


def _table(part: Part, span: tuple[int, int]) -> Any:
    batch = part.batch
    names = np.repeat(np.arange(len(part.names), dtype=np.int32), part.counts)
    keep = (batch.time_ns >= span[0]) & (batch.time_ns < span[1])
    columns = [
        pa.DictionaryArray.from_arrays(names[keep], pa.array(part.names, pa.string())),
        pa.array(batch.time_ns[keep]).view(pa.timestamp("ns", "UTC")),
        pa.array(batch.value[keep], from_pandas=True),
        pa.DictionaryArray.from_arrays(batch.quality[keep], _STATUS),
        _REASON.take(pa.array(batch.quality[keep])).dictionary_encode(),
    ]
    return pa.Table.from_arrays(columns, schema=_SCHEMA)


@contextmanager
def _writer(path: Path, form: Literal["csv", "parquet"]) -> Generator[Callable[[Any], None]]:
    with path.open("wb") as file:
        if form == "parquet":
            with pq.ParquetWriter(file, _SCHEMA, compression="zstd") as parquet:
                yield parquet.write_table
            return
        schema = pa.schema([(name, _as_text(name)) for name in _SCHEMA.names])
        with pa_csv.CSVWriter(file, schema, write_options=_UNQUOTED) as writer:
            yield lambda table: writer.write_table(_for_csv(table, schema))


def _as_text(name: str) -> Any:
    return pa.float64() if name == "value" else pa.string()


def _for_csv(table: Any, schema: Any) -> Any:
    """Times as ISO 8601, to the millisecond where that says it all."""
    time = table.column("time")
    whole = _compute.all(
        _compute.equal(_compute.floor_temporal(time, unit="millisecond"), time)
    ).as_py()
    shown = time.cast(pa.timestamp("ms" if whole is not False else "ns", "UTC"))
    text = _compute.strftime(shown, format="%Y-%m-%dT%H:%M:%SZ")
    return table.set_column(1, "time", text).cast(schema)
