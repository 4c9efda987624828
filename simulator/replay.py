"""A recording replayed: what was recorded in the field, shown by simulated instruments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.recording import Recording

_NS_PER_H = 3_600_000_000_000


class Between(StrEnum):
    """What a column is between two rows."""

    HOLD = "hold"
    """the row's figure until the next row, as of means over the interval that a row begins"""
    LINE = "line"
    """a straight line from row to row"""


@dataclass(frozen=True, slots=True)
class Replayed:
    """Which tag shows a column, and in which measure.

    factor, offset : the base unit of the tag's kind = column × factor + offset; 3.6 for L/s as m³/h
    """

    tag: str
    factor: float = 1.0
    offset: float = 0.0

    def of(self, column: NDArray[np.float64]) -> NDArray[np.float64]:
        """The column in base units."""
        return column * self.factor + self.offset


class ReplaySource:
    """A recording as a source of figures.

    show : column → the tag that shows it
    totalize : column of a flow → the totalizer tag that counts it. The factor brings the column to
        m³/h. The count is the exact integral from the first row on, of the column as ``between``
        says, and begins at ``counters_begin_m3``.
    between : hold, or a straight line

    A hole (NaN) in a column is an instrument that shows nothing while it lasts: its flow and its
    totalizer are NaN, so that a Modbus device answers exception 4 and an OPC UA server a bad
    status. What flowed in the hole nobody knows, so a totalizer goes on afterwards with the count
    that it had before. Under ``hold`` the hole is as long as the rows that are empty; under
    ``line`` it reaches from the last figure to the next. Before the first row and from the end of
    the last on (its row lasts as long as the one before it) nothing is shown.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        show: Mapping[str, Replayed] | None = None,
        totalize: Mapping[str, Replayed] | None = None,
        between: Between = Between.HOLD,
        counters_begin_m3: float = 0.0,
    ) -> None:
        self._time_ns = recording.time_ns
        self._between = between
        last_row_ns = (
            int(recording.time_ns[-1] - recording.time_ns[-2]) if len(self._time_ns) > 1 else 0
        )
        if between is Between.LINE:
            last_row_ns = 0
        self.begins_ns = int(recording.time_ns[0])
        self.ends_ns = int(recording.time_ns[-1]) + last_row_ns
        shown = [(r.tag, r.of(recording.columns[c])) for c, r in (show or {}).items()]
        counted = [(r.tag, r.of(recording.columns[c])) for c, r in (totalize or {}).items()]
        self._tags = tuple(tag for tag, _ in (*shown, *counted))
        empty = np.empty((0, len(self._time_ns)))
        self._shown = np.array([column for _, column in shown]) if shown else empty
        self._flow = np.array([column for _, column in counted]) if counted else empty
        self._count = counters_begin_m3 + self._counts()
        self._last_ns = -(2**63)
        self._last = np.full(len(self._tags), np.nan)

    @property
    def tags(self) -> tuple[str, ...]:
        return self._tags

    def _counts(self) -> NDArray[np.float64]:
        """(counters, rows): m³ since the first row, at each row; holes count nothing."""
        hours = np.diff(self._time_ns) / _NS_PER_H
        flow = self._flow[:, :-1]
        if self._between is Between.LINE:
            flow = (flow + self._flow[:, 1:]) / 2
        volumes = np.where(np.isnan(flow), 0.0, flow * hours)
        return np.concatenate([np.zeros((len(self._flow), 1)), np.cumsum(volumes, axis=1)], axis=1)

    def at(self, time_ns: int) -> NDArray[np.float64]:
        """See ``simulator.source.Source``."""
        if time_ns <= self._last_ns:
            return self._last
        self._last_ns, self._last = time_ns, self._figures(time_ns)
        return self._last

    def _figures(self, time_ns: int) -> NDArray[np.float64]:
        if not self.begins_ns <= time_ns <= self.ends_ns:
            return np.full(len(self._tags), np.nan)
        row = int(np.searchsorted(self._time_ns, time_ns, side="right")) - 1
        elapsed_h = (time_ns - int(self._time_ns[row])) / _NS_PER_H
        shown = self._between_rows(self._shown, row, time_ns)
        flow = self._between_rows(self._flow, row, time_ns)
        mean_flow = flow if self._between is Between.HOLD else (flow + self._flow[:, row]) / 2
        # at the very instant of a row the count is known even where the flow from there on is not
        # under hold, if it was known until then: the meter fails only after it
        count = self._count[:, row] + (mean_flow * elapsed_h if elapsed_h else 0.0)
        if elapsed_h == 0:
            count = np.where(self._dark_around(row), np.nan, count)
        return np.concatenate([shown, count])

    def _between_rows(
        self, columns: NDArray[np.float64], row: int, time_ns: int
    ) -> NDArray[np.float64]:
        here = columns[:, row]
        begins_ns = int(self._time_ns[row])
        if self._between is Between.HOLD or time_ns == begins_ns:
            return here
        share = (time_ns - begins_ns) / int(self._time_ns[row + 1] - self._time_ns[row])
        return here + (columns[:, row + 1] - here) * share

    def _dark_around(self, row: int) -> NDArray[np.bool_]:
        """Which counters show nothing at the instant of a row."""
        here = np.isnan(self._flow[:, row])
        if self._between is Between.LINE or row == 0:
            return here
        return here & np.isnan(self._flow[:, row - 1])

    def truth(self) -> dict[str, Any]:
        """Only the time: a recording knows what instruments showed, not what was true."""
        return {"time_ns": self._last_ns}
