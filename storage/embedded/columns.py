"""Batches and steps as the columns of sealed files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from storage.embedded.rollup import Steps
from storage.embedded.sealed_file import Rows, SealedReader
from water.batch import Batch

READING_COLUMNS = {"value": pa.float64(), "quality": pa.uint8()}
STEP_COLUMNS = {
    "min": pa.float64(),
    "max": pa.float64(),
    "mean": pa.float64(),
    "last": pa.float64(),
    "count": pa.int64(),
    "weight_s": pa.float64(),
}


def reading_rows(batch: Batch) -> Rows:
    return batch.time_ns, batch.value, batch.quality


def step_rows(steps: Steps) -> Rows:
    return steps.columns()[1:]


def read_readings(reader: SealedReader, tags: Sequence[tuple[str, int]]) -> Batch:
    """Readings of some tags, given as (name, number) by name. Raises: Corrupt"""
    found = reader.read(tags)
    if found is None:
        return Batch.empty()
    numbers, (time, value, quality) = found
    return Batch(numbers, time, value.astype(np.float64, copy=False), quality)


def read_steps(reader: SealedReader, tags: Sequence[tuple[str, int]]) -> Steps | None:
    """Steps of some tags, as ``read_readings``."""
    found = reader.read(tags)
    return None if found is None else Steps(found[0], *found[1])


def readings_in(path: Path, tags: Sequence[tuple[str, int]]) -> Batch:
    """``read_readings`` of a file. Raises: FileNotFoundError, Corrupt"""
    with SealedReader(path) as reader:
        return read_readings(reader, tags)


def steps_in(path: Path, tags: Sequence[tuple[str, int]]) -> Steps | None:
    """``read_steps`` of a file. Raises: FileNotFoundError, Corrupt"""
    with SealedReader(path) as reader:
        return read_steps(reader, tags)
