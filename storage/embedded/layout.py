"""Where sealed files lie, what their names tell, and which of them are in force.

::

    history/raw/date=2026-11-23/hour-07-000003-000000012345.parquet
    history/raw/date=2026-11-23/day-000004-000000012399.parquet
    history/minute/date=2026-11-23/…    history/hour/date=2026-11-23/…      rollups, same names

A name ends with the file's generation in its day and the journal's sequence through which it was
sealed. A day's file holds all that its hours held, and a later generation of an hour or of the day
all that the earlier held; so the highest generation is in force, and what a crash leaves over is
known by its name.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

HOURS_A_DAY = 24
HOUR_NS = 3_600_000_000_000
DAY_NS = 86_400_000_000_000
RAW, MINUTE, HOUR = "raw", "minute", "hour"
RESOLUTIONS = (RAW, MINUTE, HOUR)

_NAME = re.compile(r"^(?:day|hour-(\d\d))-(\d{6,})-(\d{12,})\.parquet$")
_DATE = re.compile(r"^date=(\d{4}-\d\d-\d\d)$")


@dataclass(frozen=True, slots=True, order=True)
class SealedName:
    """One sealed file. ``day`` counts UTC days since 1970; ``hour`` is None for a whole day's."""

    day: int
    generation: int
    hour: int | None
    through: int

    @property
    def file(self) -> str:
        span = "day" if self.hour is None else f"hour-{self.hour:02d}"
        return f"{span}-{self.generation:06d}-{self.through:012d}.parquet"

    def covers(self, hour_of_day: int) -> bool:
        return self.hour is None or self.hour == hour_of_day


def date_of(day: int) -> str:
    return str(np.datetime64(day, "D"))


def folder(root: Path, resolution: str, day: int) -> Path:
    return root / resolution / f"date={date_of(day)}"


def path(root: Path, resolution: str, name: SealedName) -> Path:
    return folder(root, resolution, name.day) / name.file


def parse(day: int, file: str) -> SealedName | None:
    found = _NAME.match(file)
    if not found:
        return None
    hour = None if found[1] is None else int(found[1])
    return SealedName(day, int(found[2]), hour, int(found[3]))


def in_force(names: Iterable[SealedName]) -> tuple[SealedName, ...]:
    """The latest whole day, and each hour that is later than it; the day first, then by hour."""
    day: SealedName | None = None
    hours: dict[int, SealedName] = {}
    for name in sorted(names, key=lambda n: n.generation):
        if name.hour is None:
            day, hours = name, {}
        else:
            hours[name.hour] = name
    return (*(() if day is None else (day,)), *(hours[h] for h in sorted(hours)))


class Catalogue:
    """The sealed files in force, by day; read from the folder once, then kept up by who writes.

    Rollups outlive their raw file where retention says so, hence one catalogue a resolution.
    """

    def __init__(self, root: Path, resolution: str) -> None:
        self._root = root
        self.resolution = resolution
        self._lock = threading.Lock()
        self._days: dict[int, tuple[SealedName, ...]] = {}
        self.reload()

    def reload(self) -> None:
        """Look at the folder again."""
        found = {day: in_force(names) for day, names in self._on_disk().items()}
        with self._lock:
            self._days = {day: names for day, names in found.items() if names}

    def of(self, day: int) -> tuple[SealedName, ...]:
        return self._days.get(day, ())

    def days(self) -> list[int]:
        """Days that have files, rising."""
        with self._lock:
            return sorted(self._days)

    def put(self, day: int, names: Iterable[SealedName]) -> None:
        """From now on these are in force for a day; none: the day is gone."""
        kept = in_force(names)
        with self._lock:
            self._days = {d: n for d, n in self._days.items() if d != day}
            if kept:
                self._days[day] = kept

    def path(self, name: SealedName) -> Path:
        return path(self._root, self.resolution, name)

    def through(self) -> int:
        """The highest sequence that any file was sealed through."""
        with self._lock:
            return max((n.through for names in self._days.values() for n in names), default=0)

    def left_over(self, day: int) -> list[Path]:
        """A day's files that are not in force: superseded, or half written when a process died."""
        place = folder(self._root, self.resolution, day)
        known = {name.file for name in self.of(day)}
        if not place.exists():
            return []
        return [
            file
            for file in place.iterdir()
            if file.name not in known and file.suffix in (".parquet", ".tmp")
        ]

    def _on_disk(self) -> Mapping[int, list[SealedName]]:
        base = self._root / self.resolution
        found: dict[int, list[SealedName]] = {}
        if not base.exists():
            return found
        for place in os.scandir(base):
            date = _DATE.match(place.name)
            if date is None:
                continue
            day = int(np.datetime64(date[1], "D").astype(np.int64))
            names = [parse(day, file.name) for file in os.scandir(place.path)]
            found[day] = [name for name in names if name is not None]
        return found


def sync_file(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def sync_folder(place: Path) -> None:
    """Make renames and deletions within a folder survive a power cut."""
    if os.name == "nt":  # Windows has no handle on a folder to sync; NTFS journals its names
        return
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(place: Path) -> None:
    """A folder and its parents, each made durable."""
    if place.is_dir():
        return
    make_folder(place.parent)
    place.mkdir(exist_ok=True)
    sync_folder(place.parent)
