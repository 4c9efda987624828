"""One sealed file with its rollups, written so that a crash at any point leaves the data whole.

All are written under temporary names and synced; the readings are renamed first, and from then on
they count; their rollups follow. Readings without rollup are answered from themselves and get one at
the next sealing; a rollup without readings means that retention has dropped them.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from storage.embedded.columns import READING_COLUMNS, STEP_COLUMNS, reading_rows, step_rows
from storage.embedded.layout import DAY_NS, Catalogue, SealedName, make_folder, sync_folder
from storage.embedded.merging import Part
from storage.embedded.rollup import HOUR_NS, MINUTE_NS, Steps, of_readings, reduce
from storage.embedded.sealed_file import SealedWriter
from storage.errors import DiskFull, Unavailable
from water.batch import Batch, concatenate

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PAYS_FROM = 1.5
"""a minute rollup is kept where readings outnumber its rows by this: else they serve themselves"""

Step = Callable[[str], None]
"""told each step of sealing by its name, as it is done"""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a set is written. raw : are the readings themselves written, or only their rollups?"""

    name: SealedName
    unit: str
    readings: int
    minutes: bool
    raw: bool = True

    @property
    def group_readings(self) -> int:
        """Small enough that one tag's rows are read without much else, large enough to compress."""
        most = 1 << 17 if self.name.hour is None else 1 << 16
        return min(most, max(1 << 13, self.readings // 32))


def minutes_pay(name: SealedName, counts: np.ndarray[tuple[int], np.dtype[np.int64]]) -> bool:
    """Is a minute rollup smaller than the readings?"""
    span = DAY_NS if name.hour is None else HOUR_NS
    rows = int(np.minimum(counts, span // MINUTE_NS).sum())
    return int(counts.sum()) >= _PAYS_FROM * rows


def write_set(
    plan: Plan,
    catalogues: Sequence[Catalogue],
    parts: Iterable[Part],
    before: Callable[[Batch], None],
    step: Step,
) -> None:
    """Write and put in place; catalogues are raw, minutes, hours.

    An hour's own file has no hour rollup: minutes or readings give it soon enough.
    before : told each tag's last reading, when all is written and nothing is in place

    Raises: DiskFull, Unavailable; then nothing is changed, or the readings are there without rollup
    """
    raw, minutes, hours = catalogues
    chosen = [
        *([raw] if plan.raw else []),
        *([minutes] if plan.minutes else []),
        *([hours] if plan.name.hour is None else []),
    ]
    finals = {catalogue: catalogue.path(plan.name) for catalogue in chosen}
    temporary = {catalogue: _temporary(final) for catalogue, final in finals.items()}
    with translated(finals[chosen[0]]), _removed_on_error(list(temporary.values())):
        with ExitStack() as stack:
            writers: dict[Catalogue, SealedWriter] = {}
            for catalogue in chosen:
                make_folder(finals[catalogue].parent)
                columns = READING_COLUMNS if catalogue is raw else STEP_COLUMNS
                unit = plan.unit if catalogue is raw else "ms"
                writer = SealedWriter(temporary[catalogue], unit, columns)
                writers[catalogue] = stack.enter_context(writer)
            last = _write_parts(plan, parts, [writers.get(c) for c in (raw, minutes, hours)])
            for writer in writers.values():
                writer.finish()
        before(last)
        step("written")
        for catalogue in chosen:
            temporary[catalogue].replace(finals[catalogue])
            sync_folder(finals[catalogue].parent)
            step(f"renamed {catalogue.resolution}")


def _write_parts(
    plan: Plan, parts: Iterable[Part], writers: Sequence[SealedWriter | None]
) -> Batch:
    raw, minutes, hours = writers
    last: list[Batch] = []
    for part in parts:
        for piece in part.pieces(plan.group_readings):
            if raw is not None:
                raw.write(piece.names, piece.counts, reading_rows(piece.batch))
            if minutes is not None or hours is not None:
                steps = reduce(of_readings(piece.batch), MINUTE_NS)
                _write_steps(minutes, piece, steps)
                _write_steps(hours, piece, reduce(steps, HOUR_NS))
        ends = np.cumsum(part.counts) - 1
        last.append(part.batch.where(ends))
    return concatenate(last)


def _write_steps(writer: SealedWriter | None, piece: Part, steps: Steps) -> None:
    """A tag without any good reading has no steps."""
    if writer is None or len(steps) == 0:
        return
    tags, counts = np.unique(steps.tag_id, return_counts=True)
    order = np.unique(piece.batch.tag_id)
    names = [str(piece.names[n]) for n in np.searchsorted(order, tags)]
    writer.write(names, counts.astype(np.int64), step_rows(steps))


def _temporary(final: Path) -> Path:
    return final.with_name(f".{final.name}.tmp")


@contextmanager
def translated(path: Path) -> Generator[None]:
    """The disk's refusals as this room's errors."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as err:
        if err.errno in _FULL:
            raise DiskFull(str(path)) from err
        raise Unavailable(f"{path} ({err})") from err


@contextmanager
def _removed_on_error(paths: Sequence[Path]) -> Generator[None]:
    """What could not be finished takes no room."""
    done = False
    try:
        yield
        done = True
    finally:
        if not done:
            for path in paths:
                path.unlink(missing_ok=True)
