"""How the folder is doing: what it holds, what the disk has left, and what people should be told."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pyarrow.parquet as pq

from config.plant import Retention
from storage.embedded.folder import Folder
from storage.embedded.reading import span_of
from storage.embedded.tail import HOUR_NS
from storage.series import StoreCondition

_GIB = 1 << 30
_JOURNAL_HOURS = 6
"""a journal that holds more closed hours than this is not being sealed"""


class Holdings:
    """Bytes and readings of the sealed files; each file is looked at once."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._known: dict[Path, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def measure(self) -> None:
        """Look at what is new, forget what is gone."""
        with self._lock:
            found: dict[Path, tuple[int, int]] = {}
            for catalogue in self._folder.catalogues:
                for day in catalogue.days():
                    for name in catalogue.of(day):
                        path = catalogue.path(name)
                        found[path] = self._known.get(path) or _size_of(
                            path, count=catalogue is self._folder.raw
                        )
            self._known = found

    def totals(self) -> tuple[int, int]:
        """(bytes, readings)"""
        known = self._known.values()
        return sum(size for size, _ in known), sum(rows for _, rows in known)


def _size_of(path: Path, *, count: bool) -> tuple[int, int]:
    try:
        return path.stat().st_size, pq.read_metadata(path).num_rows if count else 0
    except OSError:
        return 0, 0  # replaced meanwhile, or damaged: whoever reads it will say so


def condition(
    folder: Folder,
    holdings: Holdings,
    retention: Retention,
    journal: tuple[int, int],
    newest_ns: int | None,
) -> StoreCondition:
    """journal : (batches, bytes)"""
    disk = shutil.disk_usage(folder.root)
    free_ratio = disk.free / disk.total if disk.total else 0.0
    tail_hours = folder.tail.hours()
    begins = [span_of(folder.raw.of(day)[0])[0] for day in folder.raw.days()[:1]]
    begins += [hour * HOUR_NS for hour in tail_hours[:1]]
    size, readings = holdings.totals()
    warnings = _disk_warnings(free_ratio, disk.free, retention)
    if len(tail_hours) > _JOURNAL_HOURS:
        warnings.append(f"the journal holds {len(tail_hours)} hours that are not sealed")
    aside = len(list(folder.root.glob("journal.sqlite.damaged-?")))
    if aside:
        warnings.append(f"{aside} damaged journals are set aside in {folder.root}")
    return StoreCondition(
        journal_batches=journal[0],
        journal_bytes=journal[1],
        sealed_bytes=size,
        sealed_readings=readings,
        disk_free_bytes=disk.free,
        disk_free_ratio=free_ratio,
        oldest_ns=min(begins, default=None),
        newest_ns=newest_ns,
        warnings=tuple(warnings),
    )


def _disk_warnings(free_ratio: float, free_bytes: int, retention: Retention) -> list[str]:
    free = f"{free_ratio:.1%} of the disk is free ({free_bytes / _GIB:.1f} GiB)"
    if free_ratio >= retention.disk_warning_ratio:
        return []
    if free_ratio >= retention.disk_critical_ratio:
        return [f"the disk is filling: {free}"]
    if retention.drop_oldest_raw_when_full:
        return [f"the disk is nearly full: {free}; the oldest raw days are being dropped"]
    return [f"the disk is nearly full: {free}; collection goes on until it is full"]
