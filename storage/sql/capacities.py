"""Dated capacities and targets: whole lists per site, each kept when the next replaces it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select

from storage.records import CapacityRecord
from storage.sql.database import Database
from storage.sql.tables import capacity_list, capacity_row

_ROW = (
    capacity_row.c.kind,
    capacity_row.c.m3_per_day,
    capacity_row.c.valid_from,
    capacity_row.c.valid_to,
    capacity_row.c.source,
    capacity_row.c.recorded_at_ns,
    capacity_row.c.recorded_by,
)


class SqlCapacities:
    """The port ``storage.records.Capacities``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rows(self, as_of_ns: int | None = None) -> Sequence[CapacityRecord]:
        newest = select(func.max(capacity_list.c.id)).group_by(capacity_list.c.site)
        if as_of_ns is not None:
            newest = newest.where(capacity_list.c.recorded_at_ns <= as_of_ns)
        query = (
            select(capacity_list.c.site, *_ROW)
            .join(capacity_row, capacity_row.c.list_id == capacity_list.c.id)
            .where(capacity_list.c.id.in_(newest))
            .order_by(capacity_list.c.site, capacity_row.c.kind, capacity_row.c.valid_from)
        )
        with self._database.reading() as connection:
            return [CapacityRecord(*row) for row in connection.execute(query)]

    def replace(self, site: str, rows: Sequence[CapacityRecord]) -> None:
        with self._database.writing() as connection:
            list_id = self._new_list(connection, site, rows)
            if rows:
                connection.execute(insert(capacity_row), [_values(list_id, row) for row in rows])

    def history(self, site: str) -> Sequence[Sequence[CapacityRecord]]:
        lists = (
            select(capacity_list.c.id)
            .where(capacity_list.c.site == site)
            .order_by(capacity_list.c.id)
        )
        query = (
            select(capacity_row.c.list_id, *_ROW)
            .where(capacity_row.c.list_id.in_(lists))
            .order_by(capacity_row.c.kind, capacity_row.c.valid_from)
        )
        with self._database.reading() as connection:
            found: dict[int, list[CapacityRecord]] = {n: [] for n in connection.scalars(lists)}
            for list_id, *row in connection.execute(query):
                found[list_id].append(CapacityRecord(site, *row))
        return list(found.values())

    def _new_list(self, connection: Connection, site: str, rows: Sequence[CapacityRecord]) -> int:
        previous = connection.scalar(
            select(func.max(capacity_list.c.recorded_at_ns)).where(capacity_list.c.site == site)
        )
        # An emptied list brings no time of its own; a clock set back must not reorder the lists.
        at_ns = max((row.recorded_at_ns for row in rows), default=time.time_ns())
        made = connection.execute(
            insert(capacity_list).values(site=site, recorded_at_ns=max(at_ns, previous or 0))
        )
        key = made.inserted_primary_key
        assert key is not None
        return key[0]


def _values(list_id: int, row: CapacityRecord) -> dict[str, Any]:
    return {
        "list_id": list_id,
        "kind": row.kind,
        "m3_per_day": row.m3_per_day,
        "valid_from": row.valid_from,
        "valid_to": row.valid_to,
        "source": row.source,
        "recorded_at_ns": row.recorded_at_ns,
        "recorded_by": row.recorded_by,
    }
