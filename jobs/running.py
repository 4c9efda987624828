"""One job of the calendar: what it does, when, and how its runs have gone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from jobs.triggers import Due
from storage.records import JobRun


@dataclass(frozen=True, slots=True)
class Job:
    """Something the clock starts.

    work : may be repeated at any time without harm; what it returns is shown to people
    ledger : its runs are entered by the calendar; False where the work itself enters what it did
    """

    id: str
    trigger: Due | None
    work: Callable[[], Awaitable[object]]
    ledger: bool = True


@dataclass(frozen=True, slots=True)
class JobState:
    """A job as people see it. Times in ns UTC.

    outcome : of the last run that ended, ``done`` or ``failed``; ``interrupted`` where the process
        ended first
    missed : times that it was due while nothing could start it
    overlapped : times that it was due while it was still running, and was left to that run
    """

    id: str
    next_run_ns: int | None
    last_run_ns: int | None
    last_end_ns: int | None
    outcome: str | None
    detail: str
    missed: int
    overlapped: int
    runs: int
    failures: int
    running: bool


@dataclass(slots=True)
class Course:
    """How a job's runs have gone so far; changed by the calendar only."""

    begun_ns: int | None = None
    ended_ns: int | None = None
    outcome: str | None = None
    detail: str = ""
    missed: int = 0
    overlapped: int = 0
    runs: int = 0
    failures: int = 0
    failures_in_a_row: int = 0
    running: bool = False
    due_ns: int | None = None

    def recall(self, run: JobRun) -> None:
        """What an earlier process has left in the ledger."""
        self.begun_ns, self.ended_ns = run.started_ns, run.ended_ns
        self.outcome, self.detail = run.outcome or "interrupted", run.detail

    def begin(self, now_ns: int) -> None:
        self.begun_ns, self.running = now_ns, True
        self.runs += 1

    def end(self, now_ns: int, outcome: str, detail: str) -> None:
        self.ended_ns, self.running = now_ns, False
        self.outcome, self.detail = outcome, detail
        failed = outcome == "failed"
        self.failures += failed
        self.failures_in_a_row = self.failures_in_a_row + 1 if failed else 0

    def state(self, id_: str, next_run_ns: int | None) -> JobState:
        return JobState(
            id_,
            next_run_ns,
            self.begun_ns,
            self.ended_ns,
            self.outcome,
            self.detail,
            self.missed,
            self.overlapped,
            self.runs,
            self.failures,
            self.running,
        )
