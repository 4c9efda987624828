"""``/targets``: dated targets and capacities by kind; a change keeps the old ones and is audited."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Response

from api import models
from api.access import Planner, TheContext
from api.answers import instant, iso, json_answer, page
from api.context import Context
from api.errors import Invalid, NotFound
from api.tags import Cursor, Limit
from storage.records import AuditEntry, CapacityRecord

router = APIRouter(tags=["targets"])


def _answer(row: CapacityRecord, context: Context) -> dict[str, Any]:
    return {
        "site": row.site,
        "kind": row.kind,
        "m3_per_day": row.m3_per_day,
        "valid_from": row.valid_from.isoformat(),
        "valid_to": row.valid_to.isoformat() if row.valid_to else None,
        "source": row.source,
        "recorded_at": iso(row.recorded_at_ns, context.plant.zone),
        "recorded_by": row.recorded_by,
    }


@router.get("/targets", response_model=models.Targets)
async def targets(
    context: TheContext,
    site: str | None = None,
    as_of: Annotated[dt.datetime | None, Query(description="as known then")] = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
) -> Response:
    """Targets and capacities of every site, or of one."""
    if site is not None:
        _check_site(site, context)
    as_of_ns = None if as_of is None else instant(as_of, "as_of")
    found = await asyncio.to_thread(context.records.capacities.rows, as_of_ns)
    rows, following = page([r for r in found if site in (None, r.site)], limit, cursor)
    return json_answer(
        {"targets": [_answer(row, context) for row in rows], "next_cursor": following}
    )


@router.put("/targets/{site}", response_model=models.Targets)
async def replace_targets(
    site: str, wanted: models.TargetsIn, context: TheContext, key: Planner
) -> Response:
    """A site's new list of dated rows. The old list is kept (``as_of``) and the change audited."""
    _check_site(site, context)
    _check_rows(site, wanted, context)
    now_ns = context.clock()
    rows = [
        CapacityRecord(
            site=site,
            kind=row.kind,
            m3_per_day=row.m3_per_day,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            source=row.source,
            recorded_at_ns=now_ns,
            recorded_by=key.name,
        )
        for row in wanted.rows
    ]
    detail = orjson.dumps({"rows": wanted.model_dump()["rows"], "comment": wanted.comment}).decode()
    entry = AuditEntry(now_ns, key.name, "replace_targets", site, detail)

    def keep() -> None:
        context.records.capacities.replace(site, rows)
        context.records.audit.write(entry)

    await asyncio.to_thread(keep)
    return json_answer({"targets": [_answer(row, context) for row in rows], "next_cursor": None})


def _check_site(site: str, context: Context) -> None:
    if all(known.id != site for known in context.plant.sites):
        raise NotFound(f"there is no site '{site}'")


def _check_rows(site: str, wanted: models.TargetsIn, context: Context) -> None:
    """Raises: Invalid naming every row that cannot be."""
    since = next(s.in_service_from for s in context.plant.sites if s.id == site)
    errors: list[tuple[str, str]] = []
    for n, row in enumerate(wanted.rows):
        if row.valid_to is not None and row.valid_to < row.valid_from:
            errors.append((f"rows.{n}.valid_to", "ends before it begins"))
        if row.valid_from < since:
            errors.append((f"rows.{n}.valid_from", f"the site is in service from {since} on"))
    seen: dict[tuple[str, dt.date], int] = {}
    for n, row in enumerate(wanted.rows):
        other = seen.setdefault((row.kind, row.valid_from), n)
        if other != n:
            errors.append((f"rows.{n}", f"the same kind and date as row {other}"))
    if errors:
        raise Invalid(errors)
