"""``/production``: now, each day, a span's summary, and today's curve."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from api import models, tables
from api.access import TheContext
from api.answers import cacheable, instant, iso, json_answer, json_bytes, number
from api.context import Context
from api.daily import TOLD_FIGURES, DaySheet, day_answer, day_sheets
from api.errors import Invalid, NotFound
from api.figures import production_answer
from api.live import Live
from water.capacity import Capacity, CapacityKind, DayVolume, in_force, standing, summary
from water.output import DailyOutput, Status
from water.volume import is_known

router = APIRouter(prefix="/production", tags=["production"])
MOST_DAYS = 3700
FIRST_DATE, LAST_DATE = dt.date(1970, 1, 2), dt.date(2261, 12, 31)
"""what nanoseconds since 1970 can hold"""

Site = Annotated[str | None, Query(description="a producing site; none: every one")]
First = Annotated[dt.date, Query(alias="from", description="first production day")]
Last = Annotated[dt.date, Query(alias="to", description="last production day, included")]
AsOf = Annotated[dt.datetime | None, Query(description="answers as known then")]


@router.get("/now", response_model=list[models.ProductionNow])
async def now(request: Request, context: TheContext) -> Response:
    """Every producing site now: flow, today so far, where the day will end, its target."""
    live: Live = request.app.state.live
    body = live.snapshot_bytes("production", lambda: production_answer(context))
    return Response(body, media_type="application/json")


@router.get("/daily", response_model=models.Daily)
async def daily(
    request: Request,
    context: TheContext,
    first: First,
    last: Last,
    site: Site = None,
    as_of: AsOf = None,
    form: Annotated[Literal["json", "csv", "xlsx"], Query(alias="format")] = "json",
) -> Response:
    """Daily output against its targets, one row a site and production day, oldest first.

    Produced, delivered to the city and delivered to others are separate figures. Where no given
    day is the running one the answer carries an ``ETag``.
    """
    as_of_ns = None if as_of is None else instant(as_of, "as_of")
    sheets, rows = await _sheets(context, site, first, last, as_of_ns)
    # a year takes longer to tell than the loop may be held up
    answers = await asyncio.to_thread(_told, sheets, rows, context)
    if form != "json":
        return await _table(answers, form, f"{site or 'all'}-{first}-{last}")
    running = any(sheet.produced.revision == 0 for sheet in sheets)
    known_at_ns = as_of_ns
    if known_at_ns is None:
        newest = max((sheet.produced.computed_at_ns for sheet in sheets), default=0)
        known_at_ns = context.clock() if running or not sheets else newest
    body = {"days": answers, "as_of": iso(known_at_ns, context.plant.zone)}
    return json_answer(body) if running else cacheable(request, json_bytes(body))


@router.get("/daily/revisions", response_model=models.Daily)
async def revisions(context: TheContext, site: str, date: Annotated[dt.date, Query()]) -> Response:
    """Every revision of one site's day, oldest first, each with its reason."""
    _producing(context, site)
    found = await asyncio.to_thread(context.records.outputs.revisions, site, date)
    rows = await _capacities(context, None)
    sheets = [DaySheet(output) for output in found if output.figure == "produced"]
    answers = [day_answer(sheet, rows, context) for sheet in sheets]
    return json_answer({"days": answers, "as_of": iso(context.clock(), context.plant.zone)})


@router.get("/summary", response_model=models.Summary | list[models.Summary])
async def span_summary(
    context: TheContext, first: First, last: Last, site: Site = None, as_of: AsOf = None
) -> Response:
    """A span in one answer: total, mean, best and worst day, days on target, utilisation.

    One object where a site is given, else a list. The running day is left out.
    """
    as_of_ns = None if as_of is None else instant(as_of, "as_of")
    sheets, rows = await _sheets(context, site, first, last, as_of_ns)
    wanted = [site] if site else producing_sites(context)
    answers = [_summary(one, sheets, rows) | _span(first, last) for one in wanted]
    return json_answer(answers[0] if site else answers)


@router.get("/curve", response_model=models.Curve)
async def curve(
    request: Request, context: TheContext, site: str, date: dt.date | None = None
) -> Response:
    """Accumulated output of a production day (the running one), a point a quarter of an hour.

    A closed day's carries an ``ETag``.
    """
    _producing(context, site)
    if date is not None and not FIRST_DATE <= date <= LAST_DATE:
        raise Invalid([("date", f"a date from {FIRST_DATE} to {LAST_DATE} is wanted")])
    day, points = await context.accounts.curve(site, date)
    rows = await _capacities(context, None)
    zone = context.plant.zone
    target = in_force(rows, site, CapacityKind.TARGET, day.date)
    body = {
        "site": site,
        "date": day.date.isoformat(),
        "begin": iso(day.begin_ns, zone),
        "end": iso(day.end_ns, zone),
        "target_m3": None if target is None else target.m3_per_day,
        "points": [
            {"time": iso(time_ns, zone), "volume_m3": number(volume_m3, 3)}
            for time_ns, volume_m3 in points
        ],
    }
    if day.end_ns <= context.clock():
        return cacheable(request, json_bytes(body))
    return json_answer(body)


def _told(
    sheets: Sequence[DaySheet], rows: Sequence[Capacity], context: Context
) -> list[dict[str, Any]]:
    of_site = {site: [row for row in rows if row.site == site] for site in producing_sites(context)}
    return [day_answer(sheet, of_site.get(sheet.produced.site, ()), context) for sheet in sheets]


def producing_sites(context: Context) -> list[str]:
    """Sites that have a meter of produced water, in the order described."""
    metered = {meter.site for meter in context.plant.meters if meter.measures == "produced"}
    return [site.id for site in context.plant.sites if site.id in metered]


def _producing(context: Context, site: str) -> None:
    if site not in producing_sites(context):
        raise NotFound(f"there is no producing site '{site}'")


async def _sheets(
    context: Context, site: str | None, first: dt.date, last: dt.date, as_of_ns: int | None
) -> tuple[Sequence[DaySheet], Sequence[Capacity]]:
    if last < first:
        raise Invalid([("to", "the last day is before the first")])
    if (last - first).days > MOST_DAYS:
        raise Invalid([("to", f"at most {MOST_DAYS} days in one answer")])
    if site is not None:
        _producing(context, site)
    outputs = await context.accounts.day_rows(
        first, last, as_of_ns, site=site, figures=TOLD_FIGURES
    )
    rows = await _capacities(context, as_of_ns)
    return day_sheets(outputs, site), rows


async def _capacities(context: Context, as_of_ns: int | None) -> Sequence[Capacity]:
    found = await asyncio.to_thread(context.records.capacities.rows, as_of_ns)
    return [
        Capacity(r.site, CapacityKind(r.kind), r.m3_per_day, r.valid_from, r.valid_to, r.source)
        for r in found
    ]


def _span(first: dt.date, last: dt.date) -> dict[str, str]:
    return {"from": first.isoformat(), "to": last.isoformat()}


def _summary(site: str, sheets: Sequence[DaySheet], rows: Sequence[Capacity]) -> dict[str, Any]:
    days = [s.produced for s in sheets if s.produced.site == site and s.produced.revision > 0]
    found = summary([_day_known(day, rows) for day in days], rows, site)
    run = found.longest_below
    return {
        "site": site,
        "days": found.days,
        "days_with_volume": found.days_known,
        "days_in_part": found.days_in_part,
        "days_provisional": sum(d.status == Status.PROVISIONAL for d in days),
        "total_m3": number(found.total_m3, 3),
        "mean_m3": number(found.mean_m3_per_day, 3),
        "best": _day_volume(found.best),
        "worst": _day_volume(found.worst),
        "days_with_target": found.days_with_target,
        "days_on_target": found.days_on_target,
        "longest_run_below_target": {
            "days": run.days, "first": str(run.first), "last": str(run.last)
        } if run.days else None,
        "utilisation": {
            kind.value: number(value) for kind, value in found.utilisation.items()
            if value is not None
        },
    }  # fmt: skip


def _day_known(day: DailyOutput, rows: Sequence[Capacity]) -> DayVolume:
    """What could have passed is at least the greatest capacity in force that day."""
    capacities = standing(None, rows, day.site, day.date).capacity_m3
    passable_m3 = max(day.volume.volume_m3 or 0.0, *capacities.values(), 0.0)
    in_part = passable_m3 > 0 and not is_known(day.volume, passable_m3)
    return DayVolume(day.date, day.volume.volume_m3, in_part)


def _day_volume(day: DayVolume | None) -> dict[str, Any] | None:
    return day and {"date": day.date.isoformat(), "volume_m3": number(day.volume_m3, 3)}


async def _table(
    answers: list[dict[str, Any]], form: Literal["csv", "xlsx"], name: str
) -> Response:
    """The same rows as a table: capacities and utilisation a column a kind, no events."""
    kinds = [kind.value for kind in CapacityKind]
    plain = [
        key for key in models.Day.model_fields
        if key not in ("capacity_m3", "utilisation", "events", "delivered")
    ]  # fmt: skip
    columns = [*plain, *(f"capacity_{k}_m3" for k in kinds), *(f"utilisation_{k}" for k in kinds)]
    rows = [
        [
            *(answer[key] for key in plain),
            *(answer["capacity_m3"].get(kind) for kind in kinds),
            *(answer["utilisation"].get(kind) for kind in kinds),
        ]
        for answer in answers
    ]
    if form == "csv":
        body, media_type = await asyncio.to_thread(tables.csv_bytes, columns, rows), tables.CSV
    else:
        body = await asyncio.to_thread(tables.xlsx_bytes, "production", columns, rows)
        media_type = tables.XLSX
    headers = {"Content-Disposition": f'attachment; filename="production-{name}.{form}"'}
    return Response(body, headers=headers, media_type=media_type)
