"""Daily outputs with their revisions."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Select, bindparam, insert, select

from storage.sql.database import Database
from storage.sql.tables import daily_output as table
from water.output import DailyOutput, Figure, MeterEvent, Method, Status, Volume
from water.revision import same_volume

_COLUMNS = (
    table.c.site,
    table.c.figure,
    table.c.part,
    table.c.date,
    table.c.volume_m3,
    table.c.u95_m3,
    table.c.coverage,
    table.c.boundary_ok,
    table.c.method,
    table.c.estimated_m3,
    table.c.cross_check_m3,
    table.c.disagreement,
    table.c.events,
    table.c.status,
    table.c.revision,
    table.c.computed_at_ns,
    table.c.reason,
)
_METHODS: dict[str | None, Method | None] = {None: None, **{m.value: m for m in Method}}
_STATUSES = {s.value: s for s in Status}
_FIGURES = {f.value: f for f in Figure}

Key = tuple[str, str, str, dt.date]
"""site, figure, part, date"""


class SqlOutputs:
    """The port ``storage.records.Outputs``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, outputs: Sequence[DailyOutput]) -> Sequence[DailyOutput]:
        if not outputs:
            return []
        with self._database.writing() as connection:
            latest = self._latest_of(connection, outputs)
            recorded = list(_new_revisions(outputs, latest))
            if recorded:
                connection.execute(insert(table), [_row(output) for output in recorded])
        return recorded

    def read(
        self,
        first: dt.date,
        last: dt.date,
        *,
        site: str | None = None,
        figures: Collection[Figure] | None = None,
        as_of_ns: int | None = None,
    ) -> Sequence[DailyOutput]:
        query = _query(
            of_site=site is not None, of_figure=figures is not None, as_of=as_of_ns is not None
        )
        wanted = {
            "first": first,
            "last": last,
            "site": site,
            "figures": figures and [f.value for f in figures],
            "as_of": as_of_ns,
        }
        given = {name: value for name, value in wanted.items() if value is not None}
        with self._database.reading() as connection:
            rows = connection.execute(query, given).all()
        return [_output(row) for row in sorted(rows, key=_by_date)]

    def revisions(self, site: str, date: dt.date) -> Sequence[DailyOutput]:
        query = (
            select(*_COLUMNS)
            .where(table.c.site == site, table.c.date == date)
            .order_by(table.c.computed_at_ns, table.c.id)
        )
        with self._database.reading() as connection:
            return [_output(row) for row in connection.execute(query)]

    def _latest_of(
        self, connection: Connection, outputs: Sequence[DailyOutput]
    ) -> dict[Key, DailyOutput]:
        dates = [output.date for output in outputs]
        span = {"first": min(dates), "last": max(dates)}
        rows = connection.execute(_query(of_site=False, of_figure=False, as_of=False), span)
        return {(row[0], row[1], row[2], row[3]): _output(row) for row in rows}


@functools.cache
def _query(*, of_site: bool, of_figure: bool, as_of: bool) -> Select[*tuple[Any, ...]]:
    """Rows from ``first`` to ``last`` that no later revision replaces, as known at ``as_of``.

    A revision's number is one more than its forerunner's and its time not earlier (``record``), so
    the next number alone tells whether a row is replaced.
    """
    following = table.alias("following")
    replaced = select(following.c.id).where(
        following.c.site == table.c.site,
        following.c.figure == table.c.figure,
        following.c.part == table.c.part,
        following.c.date == table.c.date,
        following.c.revision == table.c.revision + 1,
    )
    query = select(*_COLUMNS).where(table.c.date.between(bindparam("first"), bindparam("last")))
    if as_of:
        replaced = replaced.where(following.c.computed_at_ns <= bindparam("as_of"))
        query = query.where(table.c.computed_at_ns <= bindparam("as_of"))
    if of_site:
        query = query.where(table.c.site == bindparam("site"))
    if of_figure:
        query = query.where(table.c.figure.in_(bindparam("figures", expanding=True)))
    return query.where(~replaced.exists())


def _by_date(row: Sequence[Any]) -> tuple[Any, ...]:
    return row[3], row[0], row[1], row[2]


def _new_revisions(
    outputs: Iterable[DailyOutput], latest: dict[Key, DailyOutput]
) -> Iterable[DailyOutput]:
    for output in outputs:
        key = (output.site, output.figure.value, output.part, output.date)
        known = latest.get(key)
        if known is None:
            numbered = replace(output, revision=1)
        elif known.status == output.status and same_volume(known.volume, output.volume):
            continue
        else:
            # as_of asks by the time; a clock that was set back must not hide the newer revision
            at_ns = max(output.computed_at_ns, known.computed_at_ns)
            numbered = replace(output, revision=known.revision + 1, computed_at_ns=at_ns)
        latest[key] = numbered
        yield numbered


def _row(output: DailyOutput) -> dict[str, Any]:
    volume = output.volume
    return {
        "site": output.site,
        "figure": output.figure.value,
        "part": output.part,
        "date": output.date,
        "volume_m3": volume.volume_m3,
        "u95_m3": volume.u95_m3,
        "coverage": volume.coverage,
        "boundary_ok": volume.boundary_ok,
        "method": None if volume.method is None else volume.method.value,
        "estimated_m3": volume.estimated_m3,
        "cross_check_m3": volume.cross_check_m3,
        "disagreement": volume.disagreement,
        "events": [[e.kind, e.time_ns, e.volume_m3, e.detail] for e in volume.events] or None,
        "status": output.status.value,
        "revision": output.revision,
        "computed_at_ns": output.computed_at_ns,
        "reason": output.reason,
    }


def _output(row: Sequence[Any]) -> DailyOutput:
    events = row[12]
    return DailyOutput(
        row[0],
        _FIGURES[row[1]],
        row[2],
        row[3],
        Volume(
            row[4],
            row[5],
            row[6],
            row[7],
            _METHODS[row[8]],
            row[9],
            row[10],
            row[11],
            tuple(MeterEvent(*event) for event in events) if events else (),
        ),
        _STATUSES[row[13]],
        row[14],
        row[15],
        row[16],
    )
