"""Trends: a tag's history in at most so many equal steps, from rollups where they serve.

Whole sealed hours come from rollups; hours that the tail touches or the span cuts, and files without
a rollup, come from raw readings. All are reduced by one rule, so the answer does not tell which.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from storage.embedded.columns import steps_in
from storage.embedded.folder import Folder
from storage.embedded.layout import DAY_NS, HOURS_A_DAY, Catalogue, SealedName
from storage.embedded.reading import RawReader
from storage.embedded.rollup import HOUR_NS, MINUTE_NS, Steps, join, of_readings, reduce
from storage.embedded.tail import TailView
from storage.series import Trend
from water.batch import Batch

_AS_READ = 1
"""the resolution of raw readings, ns"""


class TrendReader:
    """Reads in the caller's thread."""

    def __init__(self, raw: RawReader, folder: Folder) -> None:
        self._raw = raw
        self._files = folder.raw
        self._minutes = folder.minutes
        self._hours = folder.hours
        self._tail = folder.tail

    def trend(self, tag_id: int, from_ns: int, to_ns: int, points: int) -> Trend:
        """As the port says; an empty or backward span has no steps."""
        tags = self._raw.known([tag_id])
        if not tags or to_ns <= from_ns or points < 1:
            return _trend(1, from_ns, of_readings(Batch.empty()))
        resolution = _resolution(-(-(to_ns - from_ns) // points))
        origin = from_ns // resolution * resolution
        step_ns = -(-(to_ns - origin) // (points * resolution)) * resolution
        rows = self._raw.retried(lambda: self._rows(tags, from_ns, to_ns, resolution))
        return _trend(step_ns, from_ns, reduce(rows, step_ns, origin))

    def _rows(
        self, tag: Sequence[tuple[str, int]], from_ns: int, to_ns: int, resolution: int
    ) -> Steps:
        """Rows of the span by time, none wider than the resolution where anything finer is kept."""
        view = self._tail.view()
        parts: list[Steps] = []
        as_raw: list[int] = []
        by_rollup: dict[tuple[Catalogue, SealedName], list[int]] = {}
        for hour in self._hours_kept(view, from_ns, to_ns):
            cut = hour * HOUR_NS < from_ns or (hour + 1) * HOUR_NS > to_ns
            rollup = self._rollup_of(hour, resolution, cut=cut or hour in view.hours)
            if rollup is None:
                as_raw.append(hour)
            else:
                by_rollup.setdefault(rollup, []).append(hour)
        for (catalogue, name), hours in by_rollup.items():
            steps = steps_in(catalogue.path(name), tag)
            if steps is not None:
                parts.append(steps.where(np.isin(steps.time_ns // HOUR_NS, hours)))
        for begin, end in _runs(as_raw):
            # To the end of the hour: what a reading weighs is told by the next one.
            batch = self._raw.read_seen(view, tag, begin * HOUR_NS, end * HOUR_NS)
            parts.append(of_readings(batch))
        rows = join(parts)
        rows = rows.where(np.argsort(rows.time_ns, kind="stable"))
        # Only whole hours come as rollups where raw is kept; else a begun step is better than none.
        begun = from_ns if self._is_raw_kept(from_ns) else from_ns // resolution * resolution
        return rows.where((rows.time_ns >= begun) & (rows.time_ns < to_ns))

    def _is_raw_kept(self, time_ns: int) -> bool:
        return bool(self._files.of(time_ns // DAY_NS)) or time_ns // HOUR_NS in self._tail.hours()

    def _hours_kept(self, view: TailView, from_ns: int, to_ns: int) -> list[int]:
        """Hours of the span of which anything may be kept."""
        first, end = from_ns // HOUR_NS, -(-to_ns // HOUR_NS)
        days = {*self._files.days(), *self._minutes.days(), *self._hours.days()}
        kept = {hour for hour in view.hours if first <= hour < end}
        for day in days:
            if day * DAY_NS < to_ns and (day + 1) * DAY_NS > from_ns:
                begin = day * HOURS_A_DAY
                kept.update(range(max(first, begin), min(end, begin + HOURS_A_DAY)))
        return sorted(kept)

    def _rollup_of(
        self, hour: int, resolution: int, *, cut: bool
    ) -> tuple[Catalogue, SealedName] | None:
        """The rollup that serves an hour; None where raw readings do."""
        day, of_day = divmod(hour, HOURS_A_DAY)
        wide_first = (self._hours, self._minutes)
        raw = self._files.of(day)
        if not raw:
            order = wide_first if resolution == HOUR_NS else wide_first[::-1]
            return _first_that_covers(order, day, of_day)
        names = [name for name in raw if name.covers(of_day)]
        if cut or len(names) != 1 or resolution == _AS_READ:
            return None
        order = wide_first if resolution == HOUR_NS else (self._minutes,)
        for catalogue in order:
            if names[0] in catalogue.of(day):
                return catalogue, names[0]
        return None


def _first_that_covers(
    order: Sequence[Catalogue], day: int, of_day: int
) -> tuple[Catalogue, SealedName] | None:
    for catalogue in order:
        for name in catalogue.of(day):
            if name.covers(of_day):
                return catalogue, name
    return None


def _resolution(step_ns: int) -> int:
    """The widest kept resolution that is not wider than the step."""
    return next((r for r in (HOUR_NS, MINUTE_NS) if step_ns >= r), _AS_READ)


def _runs(hours: Sequence[int]) -> list[tuple[int, int]]:
    """Rising hours as spans of consecutive ones."""
    runs: list[tuple[int, int]] = []
    for hour in hours:
        if runs and runs[-1][1] == hour:
            runs[-1] = (runs[-1][0], hour + 1)
        else:
            runs.append((hour, hour + 1))
    return runs


def _trend(step_ns: int, from_ns: int, steps: Steps) -> Trend:
    return Trend(
        step_ns,
        np.maximum(steps.time_ns, from_ns),
        steps.minimum,
        steps.maximum,
        steps.mean,
        steps.last,
        steps.count,
    )
