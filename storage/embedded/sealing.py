"""Sealing: closed hours of the tail to files, closed days' hours to one file, late readings too.

Data are in two places before they leave the first: files in place, then out of the tail, then out of
the journal, then superseded files deleted. What a crash leaves over is known by its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import structlog

from storage.embedded.folder import Folder
from storage.embedded.layout import HOUR_NS, HOURS_A_DAY, SealedName
from storage.embedded.merging import Merge, Part
from storage.embedded.sealed_file import SealedReader, finest, unit_for
from storage.embedded.sealed_set import Plan, Step, minutes_pay, write_set
from storage.embedded.tail import TailView
from storage.errors import Corrupt, StorageError, Unavailable
from storage.journal.writing import Journal
from water.batch import Batch

_log = structlog.get_logger("storage.sealing")

DELAY_NS = 120_000_000_000
"""how long after its end an hour stays open, for what is under way"""
_AHEAD_HOURS = 2
"""hours that lie further ahead are sealed too: a fast clock must not fill the journal"""


def _no_step(_: str) -> None:
    return


class Sealing:
    """One at a time, in the thread of the store's upkeep.

    names : the store's tag number → name; step : told each step as it is done
    """

    def __init__(
        self, folder: Folder, journal: Journal, names: Mapping[int, str], step: Step = _no_step
    ) -> None:
        self._folder = folder
        self._journal = journal
        self._names = names
        self._step = step
        self._stopping = False
        self._mended = False

    def seal(self, now_ns: int) -> None:
        """As the port says. A day that fails does not keep the others; its error is raised at the end.

        Raises: DiskFull, Unavailable, Corrupt
        """
        closed_hour = (now_ns - DELAY_NS) // HOUR_NS
        ahead_hour = closed_hour + 1 + _AHEAD_HOURS
        view = self._folder.tail.view()
        closed = TailView(
            {h: p for h, p in view.hours.items() if h < closed_hour or h >= ahead_hour},
            view.through,
        )
        failed: list[StorageError] = []
        for day in self._days(closed, closed_hour):
            begin = day * HOURS_A_DAY
            try:
                part = closed.of_hours(begin, begin + HOURS_A_DAY)
                self._seal_day(day, part, whole=begin + HOURS_A_DAY <= closed_hour)
            except StorageError as err:
                failed.append(err)
        if failed:
            raise failed[0]
        self._mend()
        self._journal.forget(view.through, closed_hour * HOUR_NS, ahead_hour * HOUR_NS)
        self._step("forgotten")

    def import_day(self, day: int, batch: Batch) -> None:
        """Merge a batch of one UTC day into its file, past the journal; it wins over what is there.

        Raises: DiskFull, Unavailable, Corrupt
        """
        begin = day * HOURS_A_DAY
        tail = self._folder.tail.view().of_hours(begin, begin + HOURS_A_DAY)
        self._write(day, None, self._folder.raw.of(day), tail, batch)

    def stop(self) -> None:
        """Give up what is under way, at the next part: it is begun again another time."""
        self._stopping = True

    def roll_up(self, day: int) -> None:
        """See that a day is one file and has both rollups: before its readings are dropped.

        Raises: DiskFull, Unavailable, Corrupt
        """
        if not self._is_whole(day):
            begin = day * HOURS_A_DAY
            tail = self._folder.tail.view().of_hours(begin, begin + HOURS_A_DAY)
            self._write(day, None, self._folder.raw.of(day), tail)
        for name in self._folder.raw.of(day):
            if name not in self._folder.minutes.of(day):
                self._write_rollups(name, minutes=True)

    def _write_rollups(self, name: SealedName, *, minutes: bool | None = None) -> None:
        """The rollups of a day's file, which stays. minutes : None where it is to be seen."""
        with ExitStack() as stack:
            readers = [stack.enter_context(reader) for reader in self._readers([name])]
            merge = Merge(readers, TailView({}, name.through), self._names)
            wanted = minutes_pay(name, merge.counts) if minutes is None else minutes
            self._write_set(Plan(name, "ms", merge.readings, minutes=wanted, raw=False), merge)
        self._folder.take_in(name, minutes=wanted)

    def _mend(self) -> None:
        """Once after the start: rollups that a crash kept from being put in place."""
        if not self._mended:
            for day in self._folder.raw.days():
                if self._is_whole(day) and not self._folder.hours.of(day):
                    self._write_rollups(self._folder.raw.of(day)[0])
        self._mended = True

    def _days(self, closed: TailView, closed_hour: int) -> list[int]:
        days = {hour // HOURS_A_DAY for hour in closed.hours}
        for day in self._folder.raw.days():
            if (day + 1) * HOURS_A_DAY <= closed_hour and not self._is_whole(day):
                days.add(day)
        return sorted(days)

    def _is_whole(self, day: int) -> bool:
        names = self._folder.raw.of(day)
        return len(names) == 1 and names[0].hour is None

    def _seal_day(self, day: int, tail: TailView, *, whole: bool) -> None:
        names = self._folder.raw.of(day)
        if not names and (self._folder.hours.of(day) or self._folder.minutes.of(day)):
            _log.warning("readings older than what is kept are let go", readings=len(tail))
            self._folder.tail.drop(tail)
            return
        if whole:
            if len(tail) or not self._is_whole(day):
                self._write(day, None, names, tail)
            return
        for hour in sorted(tail.hours):
            of_day = hour % HOURS_A_DAY
            same = [name for name in names if name.hour == of_day]
            self._write(day, of_day, same, tail.of_hours(hour, hour + 1))

    def _write(
        self,
        day: int,
        hour: int | None,
        sources: Sequence[SealedName],
        tail: TailView,
        imported: Batch | None = None,
    ) -> None:
        with ExitStack() as stack:
            readers = [stack.enter_context(reader) for reader in self._readers(sources)]
            merge = Merge(readers, tail, self._names, imported)
            if merge.readings == 0:
                return
            name = SealedName(day, self._folder.generation(day) + 1, hour, tail.through)
            units = [unit_for(times) for times in merge.times_in_memory() if times.shape[0]]
            units += [reader.index.unit for reader in readers]
            plan = Plan(name, finest(units), merge.readings, minutes_pay(name, merge.counts))
            try:
                self._write_set(plan, merge)
            except Corrupt as err:
                self._set_aside(Path(err.path), str(err))
                self._write(day, hour, sources, tail, imported)
                return
        self._folder.take_in(name, minutes=plan.minutes)
        self._step("known")
        self._folder.tail.drop(tail)
        self._folder.remove_left_over(day)
        self._step("removed")

    def _write_set(self, plan: Plan, merge: Merge) -> None:
        numbers = self._journal.tags

        def keep_last(last: Batch) -> None:
            known = [numbers.get(merge.names[rank], -1) for rank in last.tag_id.tolist()]
            self._folder.keep_last(last, np.array(known, np.int32), numbers)

        parts = self._until_stopped(merge.parts())
        write_set(plan, self._folder.catalogues, parts, keep_last, self._step)

    def _until_stopped(self, parts: Iterator[Part]) -> Iterator[Part]:
        for part in parts:
            if self._stopping:
                raise Unavailable("sealing, which is ending,")
            yield part

    def _readers(self, sources: Sequence[SealedName]) -> list[SealedReader]:
        """Readers of these files, less what is damaged: else its day would never be sealed."""
        readers: list[SealedReader] = []
        for path in (self._folder.raw.path(name) for name in sources):
            try:
                if path.exists():
                    readers.append(SealedReader(path))
            except Corrupt as err:
                self._set_aside(path, str(err))
        return readers

    def _set_aside(self, path: Path, why: str) -> None:
        path.replace(path.with_name(path.name + ".damaged"))
        _log.error("a damaged file is set aside", path=str(path), why=why)
