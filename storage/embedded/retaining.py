"""What is dropped, and when: each resolution after its time, raw days early only where allowed."""

from __future__ import annotations

import shutil

import structlog

from config.plant import Retention
from storage.embedded.folder import Folder
from storage.embedded.layout import DAY_NS, Catalogue, folder, sync_folder
from storage.embedded.sealed_set import translated
from storage.embedded.sealing import Sealing
from storage.errors import DiskFull

_log = structlog.get_logger("storage.retention")

_ALWAYS_KEPT_DAYS = 2
"""raw days that even a full disk does not cost: the daily output is still made of them"""


class Retaining:
    """One at a time, in the thread of the store's upkeep."""

    def __init__(self, folder: Folder, sealing: Sealing, retention: Retention) -> None:
        self._folder = folder
        self._sealing = sealing
        self._retention = retention
        self._announced = False

    def retain(self, now_ns: int) -> None:
        """As the port says. Raises: DiskFull, Unavailable, Corrupt"""
        kept = self._retention
        for day in _older(self._folder.raw, now_ns, kept.raw_s):
            self._drop_raw(day)
        for catalogue, seconds in (
            (self._folder.minutes, kept.minute_s),
            (self._folder.hours, kept.hour_s),
        ):
            for day in _older(catalogue, now_ns, seconds):
                self._drop(catalogue, day)
        self._watch_disk(now_ns)

    def _watch_disk(self, now_ns: int) -> None:
        free = self._free_ratio()
        low = free < self._retention.disk_warning_ratio
        if low != self._announced:
            self._announced = low
            tell = _log.warning if low else _log.info
            tell("disk is filling" if low else "disk has room again", free_ratio=round(free, 4))
        if not self._retention.drop_oldest_raw_when_full:
            return
        today = now_ns // DAY_NS
        for day in self._folder.raw.days():
            if self._free_ratio() >= self._retention.disk_critical_ratio:
                return
            if day <= today - _ALWAYS_KEPT_DAYS:
                _log.warning("disk is nearly full: the oldest raw day is dropped", day=day)
                self._drop_raw(day)

    def _free_ratio(self) -> float:
        disk = shutil.disk_usage(self._folder.root)
        return disk.free / disk.total if disk.total else 0.0

    def _drop_raw(self, day: int) -> None:
        """Readings go, their rollups stay: those that were not worth keeping beside them are made."""
        try:
            self._sealing.roll_up(day)
        except DiskFull:
            _log.error("no room for the rollups of a day that is dropped", day=day)
        self._drop(self._folder.raw, day)

    def _drop(self, catalogue: Catalogue, day: int) -> None:
        paths = [catalogue.path(name) for name in catalogue.of(day)]
        catalogue.put(day, [])
        place = folder(self._folder.history, catalogue.resolution, day)
        with translated(place):
            for path in reversed(paths):  # hours before the day: its rollups match it to the last
                path.unlink(missing_ok=True)
            if place.exists() and not any(place.iterdir()):
                place.rmdir()
                sync_folder(place.parent)


def _older(catalogue: Catalogue, now_ns: int, seconds: float | None) -> list[int]:
    """Days that ended longer ago than that; none where everything is kept."""
    if seconds is None:
        return []
    before = now_ns - int(seconds * 1e9)
    return [day for day in catalogue.days() if (day + 1) * DAY_NS <= before]
