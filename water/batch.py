"""A batch: many readings as columns. The only thing that moves on the hot path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from water.errors import BadBatch

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Readings as four columns of one length; nobody changes them once made.

    tag_id : (n,) int32, the store's number of the tag
    time_ns : (n,) int64, source time, nanoseconds since 1970 UTC
    value : (n,) float64, in the base unit of the tag's kind; NaN where there is none
    quality : (n,) uint8, see ``water.quality``; a NaN value is never good

    Raises: BadBatch where the columns do not fit together.
    """

    tag_id: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]

    def __post_init__(self) -> None:
        n = self.tag_id.shape
        if not (self.time_ns.shape == self.value.shape == self.quality.shape == n and len(n) == 1):
            raise BadBatch(
                f"columns of different shapes: tag {n}, time {self.time_ns.shape}, "
                f"value {self.value.shape}, quality {self.quality.shape}"
            )
        for name, column, dtype in (
            ("tag_id", self.tag_id, np.int32),
            ("time_ns", self.time_ns, np.int64),
            ("value", self.value, np.float64),
            ("quality", self.quality, np.uint8),
        ):
            if column.dtype != dtype:
                raise BadBatch(f"column {name} is {column.dtype}, not {np.dtype(dtype)}")

    def __len__(self) -> int:
        return self.tag_id.shape[0]

    @classmethod
    def of(
        cls,
        tag_id: Sequence[int] | NDArray[np.integer],
        time_ns: Sequence[int] | NDArray[np.integer],
        value: Sequence[float] | NDArray[np.floating],
        quality: Sequence[int] | NDArray[np.integer] | None = None,
    ) -> Batch:
        """A batch from anything that numpy reads; good quality where none is given."""
        tags = np.asarray(tag_id, dtype=np.int32)
        codes = np.zeros(tags.shape, np.uint8) if quality is None else np.asarray(quality, np.uint8)
        return cls(tags, np.asarray(time_ns, np.int64), np.asarray(value, np.float64), codes)

    @classmethod
    def empty(cls) -> Batch:
        return cls.of([], [], [])

    def where(self, keep: NDArray[np.bool_] | NDArray[np.integer] | slice) -> Batch:
        """The readings that a mask, an index or a slice picks."""
        return Batch(self.tag_id[keep], self.time_ns[keep], self.value[keep], self.quality[keep])

    def of_tag(self, tag_id: int) -> Batch:
        return self.where(self.tag_id == tag_id)

    def span(self, from_ns: int, to_ns: int) -> Batch:
        """The readings of ``[from_ns, to_ns)``."""
        return self.where((self.time_ns >= from_ns) & (self.time_ns < to_ns))


def concatenate(batches: Iterable[Batch]) -> Batch:
    """All readings of several batches, in the order given."""
    parts = list(batches)
    if not parts:
        return Batch.empty()
    if len(parts) == 1:
        return parts[0]
    return Batch(
        np.concatenate([b.tag_id for b in parts]),
        np.concatenate([b.time_ns for b in parts]),
        np.concatenate([b.value for b in parts]),
        np.concatenate([b.quality for b in parts]),
    )


def sorted_unique(batch: Batch) -> Batch:
    """By tag, then time; of several readings of one tag and time the last in the batch stays.

    So where batches are concatenated in the order they arrived, the later arrival wins, once.
    """
    if len(batch) == 0:
        return batch
    order = np.lexsort((batch.time_ns, batch.tag_id))  # stable: arrival order within equals
    tag, time = batch.tag_id[order], batch.time_ns[order]
    last_of_its_key = np.empty(tag.shape, np.bool_)
    last_of_its_key[-1] = True
    np.not_equal(tag[1:], tag[:-1], out=last_of_its_key[:-1])
    last_of_its_key[:-1] |= time[1:] != time[:-1]
    return batch.where(order[last_of_its_key])
