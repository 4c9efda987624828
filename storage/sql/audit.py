"""Who did what, and when: written once, never changed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert, select

from storage.records import AuditEntry
from storage.sql.database import Database
from storage.sql.tables import audit_entry as table


class SqlAudit:
    """The port ``storage.records.Audit``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, entry: AuditEntry) -> None:
        with self._database.writing() as connection:
            connection.execute(
                insert(table).values(
                    at_ns=entry.at_ns,
                    who=entry.who,
                    action=entry.action,
                    subject=entry.subject,
                    detail=entry.detail,
                )
            )

    def read(self, from_ns: int, to_ns: int) -> Sequence[AuditEntry]:
        """Those of ``[from_ns, to_ns)``, oldest first."""
        query = (
            select(table.c.at_ns, table.c.who, table.c.action, table.c.subject, table.c.detail)
            .where(table.c.at_ns >= from_ns, table.c.at_ns < to_ns)
            .order_by(table.c.at_ns, table.c.id)
        )
        with self._database.reading() as connection:
            return [AuditEntry(*row) for row in connection.execute(query)]
