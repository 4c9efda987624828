"""``/tags``, one tag, its history, and ``/gaps``."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from api import models, tables
from api.access import TheContext
from api.answers import (
    MOST_ROWS,
    instant,
    iso,
    json_answer,
    number,
    page,
    quality_fields,
    span,
)
from api.context import Context
from api.errors import Invalid, NotFound
from config.base import text
from config.devices import AddressedTag
from config.plant import Plant
from storage.series import Trend
from water.batch import Batch
from water.units import base_unit

router = APIRouter(tags=["readings"])
MOST_LOOKED_AT = 2_000_000
"""readings; about 50 MB for one answer"""
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS, description="most rows of one page")]
Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before")]


def tag_description(tag: AddressedTag, plant: Plant) -> dict[str, Any]:
    device = plant.device_of_tag[tag.id]
    return {
        "id": tag.id,
        "name": text(tag.name) if tag.name else tag.id,
        "kind": tag.kind,
        "unit": base_unit(tag.kind),
        "device": device.id,
        "site": device.site,
        "states": tag.states,
        "labels": tag.labels,
        "illustrative": tag.illustrative,
    }


def _with_latest(tag: AddressedTag, context: Context) -> dict[str, Any]:
    latest = context.last.of(context.numbers[tag.id])
    answer = tag_description(tag, context.plant)
    answer["latest"] = latest and {
        "time": iso(latest.time_ns, context.plant.zone),
        "value": number(latest.value),
        **quality_fields(latest.quality),
    }
    return answer


def _tag(tag_id: str, context: Context) -> AddressedTag:
    tag = context.plant.tags.get(tag_id)
    if tag is None:
        raise NotFound(f"there is no tag '{tag_id}'")
    return tag


@router.get("/tags", response_model=models.Tags)
async def tags(
    context: TheContext,
    site: str | None = None,
    kind: str | None = None,
    limit: Limit = MOST_ROWS,
    cursor: Cursor = None,
) -> Response:
    """Every tag with its latest reading."""
    chosen = [
        tag
        for tag in context.plant.tags.values()
        if (site is None or context.plant.device_of_tag[tag.id].site == site)
        and (kind is None or tag.kind == kind)
    ]
    rows, following = page(chosen, limit, cursor)
    return json_answer(
        {"tags": [_with_latest(tag, context) for tag in rows], "next_cursor": following}
    )


@router.get("/tags/{tag_id}", response_model=models.TagNow)
async def tag(tag_id: str, context: TheContext) -> Response:
    """One tag with its latest reading."""
    return json_answer(_with_latest(_tag(tag_id, context), context))


@router.get("/tags/{tag_id}/history", response_model=models.History)
async def history(
    tag_id: str,
    context: TheContext,
    from_: Annotated[dt.datetime, Query(alias="from")],
    to: dt.datetime,
    points: Annotated[int, Query(ge=1, le=20_000)] = 1000,
    form: Annotated[Literal["json", "csv", "parquet"], Query(alias="format")] = "json",
) -> Response:
    """Readings, or where there are more than ``points``, their min, max and mean per step."""
    described = _tag(tag_id, context)
    from_ns, to_ns = span(from_, to)
    found = await _readings(context, tag_id, from_ns, to_ns, points)
    zone = context.plant.zone
    if isinstance(found, Batch):
        columns = ("time", "value", "quality", "reason")
        rows: list[tuple[Any, ...]] = [
            (iso(time, zone), number(value), *quality_fields(code).values())
            for time, value, code in zip(
                found.time_ns.tolist(), found.value.tolist(), found.quality.tolist(), strict=True
            )
        ]
    else:
        columns = ("time", "min", "max", "mean", "last", "count")
        rows = [
            (iso(time, zone), number(low), number(high), number(mean), number(last), count)
            for time, low, high, mean, last, count in zip(
                *(
                    column.tolist()
                    for column in (
                        found.time_ns, found.minimum, found.maximum, found.mean, found.last,
                        found.count,
                    )
                ),
                strict=True,
            )
        ]  # fmt: skip
    if form == "csv":
        body = await asyncio.to_thread(tables.csv_bytes, columns, rows)
        return _file(body, tables.CSV, f"{tag_id}.csv")
    if form == "parquet":
        body = await asyncio.to_thread(tables.parquet_bytes, columns, rows)
        return _file(body, tables.PARQUET, f"{tag_id}.parquet")
    return json_answer(
        {
            "tag": tag_id,
            "unit": base_unit(described.kind),
            "from": iso(from_ns, zone),
            "to": iso(to_ns, zone),
            "reduced": isinstance(found, Trend),
            "step_s": found.step_ns / 1e9 if isinstance(found, Trend) else None,
            "readings": [dict(zip(columns, row, strict=True)) for row in rows],
        }
    )


async def _readings(
    context: Context, tag_id: str, from_ns: int, to_ns: int, points: int
) -> Batch | Trend:
    """The raw readings where they are no more than ``points``, else the reduced ones.

    A trend counts good readings only, so few may be many bad ones: over a span that could hold too
    many to be looked at, the answer is reduced all the same.
    """
    tag_number = context.numbers[tag_id]
    interval_ns = context.plant.device_of_tag[tag_id].scan_interval_s * 1e9
    due = (to_ns - from_ns) / interval_ns
    if due > points:
        trend = await context.reader.trend(tag_number, from_ns, to_ns, points)
        if int(trend.count.sum()) > points or due > MOST_LOOKED_AT:
            return trend
    raw = await context.reader.read([tag_number], from_ns, to_ns)
    if len(raw) <= points:
        return raw
    return await context.reader.trend(tag_number, from_ns, to_ns, points)


def _file(body: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, headers=headers, media_type=media_type)


@router.get("/gaps", response_model=models.Gaps)
async def gaps(
    context: TheContext,
    from_: Annotated[dt.datetime, Query(alias="from")],
    to: dt.datetime,
    tag: str | None = None,
    limit: Limit = MOST_ROWS,
    cursor: Cursor = None,
) -> Response:
    """What was lost or late in a span: from, to, which tags, how many readings, why."""
    if tag is not None:
        _tag(tag, context)
    from_ns, to_ns = instant(from_, "from"), instant(to, "to")
    if to_ns < from_ns:
        raise Invalid([("to", "the span ends before it begins")])
    found = await asyncio.to_thread(context.records.gaps.gaps, from_ns, to_ns, tag)
    rows, following = page(found, limit, cursor)
    zone = context.plant.zone
    return json_answer(
        {
            "gaps": [
                {
                    "device": gap.device,
                    "from": iso(gap.from_ns, zone),
                    "to": iso(gap.to_ns, zone),
                    "tags": gap.tags,
                    "readings": gap.readings,
                    "cause": gap.cause,
                    "backfilled": gap.backfilled,
                }
                for gap in rows
            ],
            "next_cursor": following,
        }
    )
