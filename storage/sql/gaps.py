"""The ledger of what was not read: a gap begins, ends, and may be filled later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, or_, select

from storage.sql.database import Database
from storage.sql.tables import gap as table
from water.device import Gap

_COLUMNS = (
    table.c.device,
    table.c.from_ns,
    table.c.to_ns,
    table.c.tags,
    table.c.readings,
    table.c.cause,
    table.c.backfilled,
)


class SqlGaps:
    """The port ``storage.records.Gaps``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record_gap(self, gap: Gap) -> None:
        """The same gap again changes nothing, nor does its begin after its end."""
        with self._database.writing() as connection:
            revision, known = _latest(connection, gap.device, gap.from_ns)
            if known == gap or (known and known.to_ns is not None and gap.to_ns is None):
                return
            connection.execute(insert(table).values(**_values(gap, revision + 1)))

    def gaps(self, from_ns: int, to_ns: int, tag: str | None = None) -> Sequence[Gap]:
        """Those that touch ``[from_ns, to_ns)``, by begin and device."""
        later = table.alias("later")
        superseded = (
            select(later.c.id)
            .where(
                later.c.device == table.c.device,
                later.c.from_ns == table.c.from_ns,
                later.c.revision > table.c.revision,
            )
            .exists()
        )
        query = (
            select(*_COLUMNS)
            .where(_touches(from_ns, to_ns), ~superseded)
            .order_by(table.c.from_ns, table.c.device)
        )
        with self._database.reading() as connection:
            found = [_gap(row) for row in connection.execute(query)]
        return found if tag is None else [gap for gap in found if tag in gap.tags]


def _touches(from_ns: int, to_ns: int) -> ColumnElement[bool]:
    return (table.c.from_ns < to_ns) & or_(table.c.to_ns.is_(None), table.c.to_ns > from_ns)


def _latest(connection: Connection, device: str, from_ns: int) -> tuple[int, Gap | None]:
    query = (
        select(*_COLUMNS, table.c.revision)
        .where(table.c.device == device, table.c.from_ns == from_ns)
        .order_by(table.c.revision.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return (0, None) if row is None else (row[7], _gap(row))


def _values(gap: Gap, revision: int) -> dict[str, Any]:
    return {
        "device": gap.device,
        "from_ns": gap.from_ns,
        "revision": revision,
        "to_ns": gap.to_ns,
        "tags": list(gap.tags),
        "readings": gap.readings,
        "cause": gap.cause,
        "backfilled": gap.backfilled,
    }


def _gap(row: Sequence[Any]) -> Gap:
    return Gap(row[0], row[1], row[2], tuple(row[3]), row[4], row[5], row[6])
