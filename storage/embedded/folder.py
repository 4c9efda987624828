"""What one store's folder holds: sealed files by resolution, the tail, the last sealed values."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from storage.embedded import layout
from storage.embedded.columns import readings_in
from storage.embedded.layout import HOURS_A_DAY, Catalogue, SealedName
from storage.embedded.tail import Tail
from storage.errors import Corrupt
from storage.journal.writing import Sequenced
from storage.last_values import LastValues
from water.batch import Batch, concatenate, sorted_unique

_log = structlog.get_logger("storage")
_DAYS_FOR_LAST = 3
_ROWS_A_RUN = 4096


class Folder:
    """The state that writers and readers share, within one process.

    kept : does this process keep the folder, and so know of every change to it?
    """

    def __init__(self, root: Path, *, kept: bool = True) -> None:
        self.root = root
        self._kept = kept
        self.history = root / "history"
        self.raw = Catalogue(self.history, layout.RAW)
        self.minutes = Catalogue(self.history, layout.MINUTE)
        self.hours = Catalogue(self.history, layout.HOUR)
        self.tail = Tail()
        self._last = LastValues()

    @property
    def catalogues(self) -> tuple[Catalogue, Catalogue, Catalogue]:
        return self.raw, self.minutes, self.hours

    def refresh(self) -> None:
        """A file was gone: look again. Who keeps the folder told the catalogues before it went."""
        if not self._kept:
            for catalogue in self.catalogues:
                catalogue.reload()

    def through(self) -> int:
        """The highest sequence that any sealed file knows of."""
        return max(catalogue.through() for catalogue in self.catalogues)

    def generation(self, day: int) -> int:
        """The highest generation of a day, 0 before its first file."""
        names = [name for catalogue in self.catalogues for name in catalogue.of(day)]
        return max((name.generation for name in names), default=0)

    def take_in(self, name: SealedName, *, minutes: bool) -> None:
        """A sealed set is in place: from now on it is read."""
        rollups = [self.minutes] if minutes else []
        if name.hour is None:
            rollups.append(self.hours)
        for catalogue in (*rollups, self.raw):
            catalogue.put(name.day, [*catalogue.of(name.day), name])

    def remove_left_over(self, day: int) -> None:
        """Delete a day's superseded and unfinished files, and rollups of readings that are gone."""
        raw = self.raw.of(day)
        for catalogue in (self.minutes, self.hours):
            if raw:
                catalogue.put(day, [name for name in catalogue.of(day) if name in raw])
        for catalogue in self.catalogues:
            for path in catalogue.left_over(day):
                path.unlink(missing_ok=True)

    def tidy(self) -> None:
        """At the start: whatever a crash has left over, on every day."""
        for day in {day for catalogue in self.catalogues for day in catalogue.days()}:
            self.remove_left_over(day)

    # --- the tail

    def unsealed(self, sequences: NDArray[np.int64], batch: Batch) -> Batch:
        """The journal's readings at the start, less what is sealed already.

        A journal's row may outlive the sealing of its hours: by a crash, or one of several.
        sequences : that of each reading
        """
        hours, of_reading = np.unique(batch.time_ns // layout.HOUR_NS, return_inverse=True)
        through = np.array([self._sealed_through(hour) for hour in hours.tolist()], np.int64)
        if not through.any():
            return batch
        return batch.where(sequences > through[of_reading])

    def _sealed_through(self, hour: int) -> int:
        day, of_day = divmod(hour, HOURS_A_DAY)
        names = [name for name in self.raw.of(day) if name.covers(of_day)]
        return max((name.through for name in names), default=0)

    # --- the last sealed values

    def keep_last(self, last: Batch, numbers: NDArray[np.int32], tags: Mapping[str, int]) -> None:
        """Remember each tag's last sealed reading, on disk too: a restart needs no search for it.

        numbers : the store's number of each row of ``last``, -1 where it has none
        """
        known = numbers >= 0
        self._last.take(
            Batch(numbers[known], last.time_ns[known], last.value[known], last.quality[known])
        )
        names = {number: tag for tag, number in tags.items()}
        batch = self._last.known()
        rows = zip(
            batch.tag_id.tolist(),
            batch.time_ns.tolist(),
            batch.value.tolist(),
            batch.quality.tolist(),
            strict=True,
        )
        told = {names[t]: [at, None if math.isnan(v) else v, q] for t, at, v, q in rows}
        path = self.root / "last.json"
        temporary = path.with_suffix(".tmp")
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(told, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)

    def last_values(self) -> Batch:
        """The last sealed reading of each tag."""
        return self._last.known()

    def last_sealed(self, numbers: Mapping[str, int]) -> Batch:
        """The last sealed reading of each tag, as kept, or else from the newest files."""
        try:
            told = json.loads((self.root / "last.json").read_text(encoding="utf-8"))
            rows = [(numbers[tag], *row) for tag, row in told.items() if tag in numbers]
            batch = Batch.of(
                [row[0] for row in rows],
                [row[1] for row in rows],
                [math.nan if row[2] is None else row[2] for row in rows],
                [row[3] for row in rows],
            )
        except (OSError, ValueError, TypeError, IndexError):
            batch = self._last_of_newest(numbers)
        self._last.take(batch)
        return batch

    def _last_of_newest(self, numbers: Mapping[str, int]) -> Batch:
        tags = sorted(numbers.items())
        found: list[Batch] = []
        for day in self.raw.days()[-_DAYS_FOR_LAST:]:
            for name in self.raw.of(day):
                try:
                    batch = readings_in(self.raw.path(name), tags)
                except Corrupt as err:
                    _log.error("a sealed file is damaged", path=err.path, why=str(err))
                    continue
                batch = sorted_unique(batch)
                ends = np.append(batch.tag_id[1:] != batch.tag_id[:-1], len(batch) > 0)
                found.append(batch.where(np.flatnonzero(ends)))
        return concatenate(found)


def in_runs(held: Sequence[Sequenced]) -> Iterator[tuple[NDArray[np.int64], Batch]]:
    """Many small batches as fewer large ones, with the sequence of each reading."""
    for begin in range(0, len(held), _ROWS_A_RUN):
        run = held[begin : begin + _ROWS_A_RUN]
        sequences = np.array([one.sequence for one in run], np.int64)
        yield (
            np.repeat(sequences, [len(one.batch) for one in run]),
            concatenate(one.batch for one in run),
        )
