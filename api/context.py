"""What the door needs of the house: its ports, handed in once by the assembly."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

from config.plant import Plant
from storage.last_values import LastValues
from storage.records import Records
from storage.series import SeriesReader, StoreCondition
from water.day import Day
from water.device import DeviceStatus
from water.now import ProductionNow, ReservoirNow
from water.output import DailyOutput, Figure


class Accounts(Protocol):
    """Daily outputs, the running day included."""

    async def day_rows(
        self,
        first: dt.date,
        last: dt.date,
        as_of_ns: int | None = None,
        *,
        site: str | None = None,
        figures: Collection[Figure] | None = None,
    ) -> Sequence[DailyOutput]: ...

    async def curve(
        self, site: str, date: dt.date | None = None
    ) -> tuple[Day, Sequence[tuple[int, float | None]]]:
        """A day (the running one) and its accumulated produced m³ at rising times."""
        ...


class LiveFigures(Protocol):
    """Figures of the present instant."""

    def production(self) -> Sequence[ProductionNow]: ...

    def reservoirs(self) -> Sequence[ReservoirNow]: ...


class JobState(Protocol):
    """A calendar job as people see it. Times in ns UTC.

    missed : times it was due while nothing could start it; overlapped : while it was still running
    """

    @property
    def id(self) -> str: ...
    @property
    def next_run_ns(self) -> int | None: ...
    @property
    def last_run_ns(self) -> int | None: ...
    @property
    def last_end_ns(self) -> int | None: ...
    @property
    def outcome(self) -> str | None: ...
    @property
    def detail(self) -> str: ...
    @property
    def missed(self) -> int: ...
    @property
    def overlapped(self) -> int: ...
    @property
    def running(self) -> bool: ...


@dataclass(frozen=True)
class Context:
    """Everything the routes read.

    auth : ``off`` answers everybody; ``keys`` wants a key for all but health
    not_ready : sentences about what is not ready, empty when all is
    clock : ns UTC
    host : the address that the door listens on
    """

    plant: Plant
    numbers: Mapping[str, int]
    reader: SeriesReader
    last: LastValues
    records: Records
    accounts: Accounts
    figures: LiveFigures
    devices: Callable[[], Sequence[DeviceStatus]]
    jobs: Callable[[], Sequence[JobState]]
    condition: Callable[[], StoreCondition]
    not_ready: Callable[[], Sequence[str]]
    auth: Literal["off", "keys"]
    clock: Callable[[], int]
    version: str
    host: str = "127.0.0.1"

    @cached_property
    def tag_of_number(self) -> dict[int, str]:
        return {number: tag for tag, number in self.numbers.items()}
