"""All records from one SQLite file beside the readings."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from storage.errors import Unavailable
from storage.sql.audit import SqlAudit
from storage.sql.capacities import SqlCapacities
from storage.sql.database import FILE_NAME, Database
from storage.sql.gaps import SqlGaps
from storage.sql.job_runs import SqlJobRuns
from storage.sql.keys import SqlKeys
from storage.sql.migrating import migrate
from storage.sql.outputs import SqlOutputs


class SqlRecords:
    """The port ``storage.records.Records``; a context manager that closes what it opened.

    Every method may be called from any thread.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._outputs = SqlOutputs(database)
        self._capacities = SqlCapacities(database)
        self._keys = SqlKeys(database)
        self._gaps = SqlGaps(database)
        self._audit = SqlAudit(database)
        self._job_runs = SqlJobRuns(database)

    @property
    def outputs(self) -> SqlOutputs:
        return self._outputs

    @property
    def capacities(self) -> SqlCapacities:
        return self._capacities

    @property
    def keys(self) -> SqlKeys:
        return self._keys

    @property
    def gaps(self) -> SqlGaps:
        return self._gaps

    @property
    def audit(self) -> SqlAudit:
        return self._audit

    @property
    def job_runs(self) -> SqlJobRuns:
        return self._job_runs

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()


def open_records(folder: Path) -> SqlRecords:
    """The records of a data folder, made where there are none, brought to this version's tables.

    Raises: Unavailable where the folder cannot be written, Corrupt where the file is no database or
    a newer Foggara's.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise Unavailable(f"{folder} ({err.strerror})") from err
    database = Database(folder / FILE_NAME)
    try:
        migrate(database)
    except BaseException:
        database.close()
        raise
    return SqlRecords(database)
