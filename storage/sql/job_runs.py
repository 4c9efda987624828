"""The ledger of what the calendar has started: a row at the begin of a run, one at its end."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, insert, select

from storage.records import JobRun
from storage.sql.database import Database
from storage.sql.tables import job_run as table

_RUNS = select(
    table.c.job,
    table.c.key,
    table.c.started_ns,
    table.c.ended_ns,
    table.c.outcome,
    table.c.detail,
)


class SqlJobRuns:
    """The port ``storage.records.JobRuns``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, run: JobRun) -> None:
        with self._database.writing() as connection:
            connection.execute(
                insert(table).values(
                    job=run.job,
                    key=run.key,
                    started_ns=run.started_ns,
                    ended_ns=run.ended_ns,
                    outcome=run.outcome,
                    detail=run.detail,
                )
            )

    def latest(self) -> Sequence[JobRun]:
        newest = select(func.max(table.c.id)).group_by(table.c.job)
        query = _RUNS.where(table.c.id.in_(newest)).order_by(table.c.job)
        with self._database.reading() as connection:
            return [JobRun(*row) for row in connection.execute(query)]

    def done(self, job: str) -> frozenset[str]:
        query = select(table.c.key).where(table.c.job == job, table.c.outcome == "done")
        with self._database.reading() as connection:
            return frozenset(connection.scalars(query.distinct()))

    def unfinished(self, job: str) -> Sequence[JobRun]:
        newest = select(func.max(table.c.id)).where(table.c.job == job).group_by(table.c.key)
        query = _RUNS.where(table.c.id.in_(newest), table.c.outcome.is_(None)).order_by(table.c.id)
        with self._database.reading() as connection:
            return [JobRun(*row) for row in connection.execute(query)]
