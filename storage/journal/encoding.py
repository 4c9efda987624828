"""One batch as one checksummed blob: columns as they lie in memory, what is the same said once."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from water.batch import Batch

_HEADER = struct.Struct("<BBBxII")
_MAGIC = 0xF6
_VERSION = 1
_ONE_TIME = 1
_FLOAT32 = 2
_ONE_QUALITY = 4


class DamagedBlob(ValueError):
    """A blob that is not what was written."""


def encode(batch: Batch) -> bytes:
    """Columns tag, time, value, quality behind a header with their CRC-32.

    A device's block has one time and mostly one quality: these are written once. Values that
    float32 holds exactly are written so, the others as float64.
    """
    flags = 0
    time, value, quality = batch.time_ns, batch.value, batch.quality
    if len(batch) and (time == time[0]).all():
        time, flags = time[:1], flags | _ONE_TIME
    if len(batch) and (quality == quality[0]).all():
        quality, flags = quality[:1], flags | _ONE_QUALITY
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = value.astype("<f4")
    if np.array_equal(narrow.astype(np.float64), value, equal_nan=True):
        value, flags = narrow, flags | _FLOAT32
    columns = b"".join(
        (
            batch.tag_id.astype("<i4", copy=False).tobytes(),
            time.astype("<i8", copy=False).tobytes(),
            value.tobytes(),
            quality.tobytes(),
        )
    )
    check = zlib.crc32(columns, (len(batch) << 8 | flags) & 0xFFFFFFFF)
    return _HEADER.pack(_MAGIC, _VERSION, flags, len(batch), check) + columns


def decode(blob: bytes) -> Batch:
    """The batch of a blob.

    Raises: DamagedBlob where it is torn, altered, or of another version.
    """
    if len(blob) < _HEADER.size:
        raise DamagedBlob(f"{len(blob)} bytes are no batch")
    magic, version, flags, n, check = _HEADER.unpack_from(blob)
    if magic != _MAGIC or version != _VERSION:
        raise DamagedBlob(f"header {magic:#x} version {version} is not known")
    columns = memoryview(blob)[_HEADER.size :]
    if zlib.crc32(columns, (n << 8 | flags) & 0xFFFFFFFF) != check:
        raise DamagedBlob("checksum differs")
    times = 1 if flags & _ONE_TIME else n
    qualities = 1 if flags & _ONE_QUALITY else n
    width = 4 if flags & _FLOAT32 else 8
    if len(columns) != 4 * n + 8 * times + width * n + qualities:
        raise DamagedBlob(f"{len(columns)} bytes of columns do not hold {n} readings")
    at_time = 4 * n
    at_value = at_time + 8 * times
    at_quality = at_value + width * n
    time = np.frombuffer(columns[at_time:at_value], "<i8")
    quality = np.frombuffer(columns[at_quality:], np.uint8)
    return Batch(
        np.frombuffer(columns[:at_time], "<i4"),
        time if times == n else np.full(n, time[0], np.int64),
        np.frombuffer(columns[at_value:at_quality], f"<f{width}").astype(np.float64),
        quality if qualities == n else np.full(n, quality[0], np.uint8),
    )
