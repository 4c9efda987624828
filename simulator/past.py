"""A simulated past on disk: one Parquet file a day, handed over from the process that lives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulator.physics import PlantPhysics
from water.batch import Batch

DONE = "done"


def write_past(
    physics: PlantPhysics,
    days: int,
    end_ns: int,
    folder: Path,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Every day of the past before ``end_ns``, oldest first, then a file named ``done``.

    A file has its name only when it is whole, so a reader may follow behind. ``progress`` is told
    how many days are written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, (tags, batch) in enumerate(physics.history(days, end_ns)):
        table = pa.table(
            {
                "tag": pa.DictionaryArray.from_arrays(pa.array(batch.tag_id), pa.array(tags)),
                "time_ns": batch.time_ns,
                "value": batch.value,
                "quality": batch.quality,
            }
        )
        whole = folder / f"{number:05}.parquet"
        part = whole.with_suffix(".part")
        pq.write_table(table, part, compression="none")
        part.rename(whole)
        progress(number + 1)
    (folder / DONE).touch()


def day_files(folder: Path) -> Iterator[Path]:
    """The whole days that are there now, oldest first."""
    yield from sorted(folder.glob("*.parquet"))


def read_day(file: Path, numbers: dict[str, int]) -> Batch:
    """One day as a batch of the store's tag numbers; tags that the store does not know are left out."""
    table = pq.read_table(file).combine_chunks()
    column = table.column("tag").chunk(0)
    known = np.array([numbers.get(name, -1) for name in column.dictionary.to_pylist()], np.int32)
    batch = Batch(
        known[column.indices.to_numpy()],
        table.column("time_ns").to_numpy(),
        table.column("value").to_numpy(),
        table.column("quality").to_numpy(),
    )
    return batch.where(batch.tag_id >= 0)
