"""A past for a plant: day after day of readings, as its devices would have given them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from simulator.instruments import Instruments
from simulator.production import Production
from simulator.segment import Segment, Times
from simulator.waves import Array
from water.batch import Batch
from water.quality import BAD, GOOD, Reason, quality

_NO_VALUE: Final = quality(BAD, Reason.NOT_A_NUMBER)

HistoryDay = tuple[tuple[str, ...], Batch]
"""Tag ids, and a batch whose ``tag_id`` is an index into them, sorted by tag, then time."""


def day_of_segments(
    instruments: Instruments,
    production: Production,
    segments: Sequence[Segment],
    spacing_ns: int,
    slow_spacing_ns: int,
) -> HistoryDay:
    """Readings over segments that follow each other: their begins included, their last end not.

    Flows and totalizers of meters and levels are read every ``spacing_ns``, all else every
    ``slow_spacing_ns``, at whole multiples of these.
    """
    rest = np.setdiff1d(np.arange(len(instruments.tags)), instruments.measured)
    often = [_shown(instruments, production, s, spacing_ns, water_alone=True) for s in segments]
    seldom = [_shown(instruments, production, s, slow_spacing_ns) for s in segments]
    columns = [
        _columns(instruments.measured, *_joined(often)),
        _columns(rest, *_joined(seldom)),
    ]
    tag, time_ns, value = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    order = np.argsort(tag, kind="stable")
    value = value[order]
    worth = np.where(np.isnan(value), _NO_VALUE, GOOD).astype(np.uint8)
    return instruments.tags, Batch(tag[order], time_ns[order], value, worth)


def _shown(
    instruments: Instruments,
    production: Production,
    segment: Segment,
    spacing_ns: int,
    *,
    water_alone: bool = False,
) -> tuple[Times, Array]:
    first = -(-segment.begin_ns // spacing_ns) * spacing_ns
    times_ns = np.arange(first, segment.end_ns, spacing_ns, dtype=np.int64)
    if not len(times_ns):
        return times_ns, np.zeros((0, len(instruments.tags)))
    view = segment.view(times_ns)
    return times_ns, instruments.show(view, production, water_alone=water_alone)


def _joined(parts: Sequence[tuple[Times, Array]]) -> tuple[Times, Array]:
    return np.concatenate([times for times, _ in parts]), np.concatenate([v for _, v in parts])


def _columns(
    chosen: np.ndarray[tuple[int], np.dtype[np.intp]], times_ns: Times, shown: Array
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int32]], Times, Array]:
    tag = np.repeat(chosen.astype(np.int32), len(times_ns))
    return tag, np.tile(times_ns, len(chosen)), shown[:, chosen].T.ravel()
