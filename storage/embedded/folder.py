"""What one store's folder holds: sealed files by resolution, the tail, the last sealed values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from storage.embedded import layout
from storage.embedded.layout import HOURS_A_DAY, Catalogue
from storage.embedded.tail import Tail, by_hour
from water.batch import Batch


class Folder:
    """The state that writers and readers share, within one process."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.history = root / "history"
        self.raw = Catalogue(self.history, layout.RAW)
        self.minutes = Catalogue(self.history, layout.MINUTE)
        self.hours = Catalogue(self.history, layout.HOUR)
        self.tail = Tail()

    @property
    def catalogues(self) -> tuple[Catalogue, Catalogue, Catalogue]:
        return self.raw, self.minutes, self.hours

    def through(self) -> int:
        """The highest sequence that any sealed file knows of."""
        return max(catalogue.through() for catalogue in self.catalogues)

    def take_up(self, held: Iterable[tuple[int, Batch]]) -> None:
        """The journal's batches at the start, less what is sealed already."""
        self.tail.add((sequence, self._unsealed(sequence, batch)) for sequence, batch in held)

    def last_sealed(self, numbers: Mapping[str, int]) -> Batch:
        """The last sealed reading of each tag."""
        return Batch.empty()

    def _unsealed(self, sequence: int, batch: Batch) -> Batch:
        """A journal's row may outlive the sealing of some of its hours: by a crash, or by being cut."""
        parts = list(by_hour(batch))
        sealed = [hour for hour, _ in parts if self._sealed_through(hour) >= sequence]
        if not sealed:
            return batch
        return batch.where(~np.isin(batch.time_ns // layout.HOUR_NS, sealed))

    def _sealed_through(self, hour: int) -> int:
        day, of_day = divmod(hour, HOURS_A_DAY)
        names = [name for name in self.raw.of(day) if name.covers(of_day)]
        return max((name.through for name in names), default=0)
