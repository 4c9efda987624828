"""The ports of the records: daily outputs with their revisions, dated targets, keys, gaps, audit.

Everything here is append-only: a change is a new row, and the old one can be had again.
Methods are synchronous and short; callers on the loop go through a thread.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from water.device import Gap
from water.output import DailyOutput, Figure


class Outputs(Protocol):
    def record(self, outputs: Sequence[DailyOutput]) -> Sequence[DailyOutput]:
        """Append what differs from the latest revision (volume, coverage, method, status …).

        An output equal to the latest of its key is not recorded again. The revision numbers are
        given here; what is returned is what was recorded.
        """
        ...

    def read(
        self,
        first: dt.date,
        last: dt.date,
        *,
        site: str | None = None,
        figures: Collection[Figure] | None = None,
        as_of_ns: int | None = None,
    ) -> Sequence[DailyOutput]:
        """The latest revision of each (site, figure, part, date), as known at ``as_of_ns``, by date."""
        ...

    def revisions(self, site: str, date: dt.date) -> Sequence[DailyOutput]:
        """Every revision of a site's day, oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class CapacityRecord:
    """A dated capacity or target, as recorded. ``recorded_by`` is a key's name or ``config``."""

    site: str
    kind: str
    m3_per_day: float
    valid_from: dt.date
    valid_to: dt.date | None
    source: str | None
    recorded_at_ns: int
    recorded_by: str


class Capacities(Protocol):
    def rows(self, as_of_ns: int | None = None) -> Sequence[CapacityRecord]:
        """The rows in force as known at ``as_of_ns`` (now), by site, kind, date."""
        ...

    def replace(self, site: str, rows: Sequence[CapacityRecord]) -> None:
        """A site's new list; the old one is kept and had again by ``as_of_ns``."""
        ...

    def history(self, site: str) -> Sequence[Sequence[CapacityRecord]]:
        """Every list that a site has had, oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as kept: its secret is hashed and never had again. Roles: viewer, planner, admin."""

    id: str
    name: str
    role: str
    created_at_ns: int
    revoked_at_ns: int | None


class Keys(Protocol):
    def add(self, name: str, role: str, now_ns: int) -> tuple[Key, str]:
        """A new key and its secret, which is shown this once."""
        ...

    def verify(self, secret: str) -> Key | None: ...

    def all(self) -> Sequence[Key]: ...

    def revoke(self, key_id: str, now_ns: int) -> bool: ...


class Gaps(Protocol):
    def record_gap(self, gap: Gap) -> None:
        """A gap that begins, or its end (same device and from_ns: completed, never duplicated)."""
        ...

    def gaps(self, from_ns: int, to_ns: int, tag: str | None = None) -> Sequence[Gap]: ...


@dataclass(frozen=True, slots=True)
class AuditEntry:
    at_ns: int
    who: str
    action: str
    subject: str
    detail: str


class Audit(Protocol):
    def write(self, entry: AuditEntry) -> None: ...

    def read(self, from_ns: int, to_ns: int) -> Sequence[AuditEntry]: ...


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a job: ``key`` is what it was for (a production date), outcome ``done`` or ``failed``."""

    job: str
    key: str
    started_ns: int
    ended_ns: int | None
    outcome: str | None
    detail: str = ""


class JobRuns(Protocol):
    def record(self, run: JobRun) -> None: ...

    def latest(self) -> Sequence[JobRun]:
        """The latest run of each job."""
        ...

    def done(self, job: str) -> frozenset[str]:
        """The keys for which a job has run to its end."""
        ...

    def unfinished(self, job: str) -> Sequence[JobRun]:
        """The latest run of each key where it has begun and not ended: the process died meanwhile."""
        ...


class Records(Protocol):
    """All of them, from one database."""

    @property
    def outputs(self) -> Outputs: ...
    @property
    def capacities(self) -> Capacities: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def gaps(self) -> Gaps: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def job_runs(self) -> JobRuns: ...
