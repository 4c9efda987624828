"""How answers are written: JSON bytes, times with offset, numbers or null, pages of lists."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import math
from collections.abc import Sequence
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import orjson
from fastapi import Request, Response

from api.errors import Invalid
from water.quality import reason_of, status_of

Item = TypeVar("Item")
MOST_ROWS = 1000


def json_bytes(data: Any) -> bytes:
    return orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)


def json_answer(data: Any) -> Response:
    return Response(json_bytes(data), media_type="application/json")


def cacheable(request: Request, body: bytes, media_type: str = "application/json") -> Response:
    """An answer with an ETag; 304 where the caller has it already."""
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    known = request.headers.get("if-none-match", "")
    if tag in (part.strip().removeprefix("W/") for part in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)


def number(value: float | None, digits: int = 6) -> float | None:
    """A finite number, or null: unknown is never 0, and JSON has no NaN."""
    return None if value is None or not math.isfinite(value) else round(value, digits)


def quality_fields(code: int) -> dict[str, str | None]:
    return {"quality": status_of(code), "reason": reason_of(code)}


def iso(time_ns: int | None, zone: ZoneInfo) -> str | None:
    """ISO 8601 with offset, in the plant's zone, to the millisecond."""
    if time_ns is None:
        return None
    moment = dt.datetime.fromtimestamp(time_ns // 1_000_000_000, zone)
    moment = moment.replace(microsecond=time_ns % 1_000_000_000 // 1000)
    return moment.isoformat(timespec="milliseconds")


def instant(given: dt.datetime, field: str) -> int:
    """ns UTC of a time with offset. Raises: Invalid where the offset is missing or out of range."""
    if given.tzinfo is None:
        raise Invalid([(field, "a time needs its offset, as in 2026-07-01T00:00:00+01:00")])
    try:
        whole = dt.datetime.fromisoformat("1970-01-01T00:00:00+00:00")
        ns = (given - whole) // dt.timedelta(microseconds=1) * 1000
    except OverflowError as error:
        raise Invalid([(field, "a time from 1970 to 2262 is wanted")]) from error
    if not 0 <= ns < 2**63 - 1:
        raise Invalid([(field, "a time from 1970 to 2262 is wanted")])
    return ns


def span(from_: dt.datetime, to: dt.datetime) -> tuple[int, int]:
    """``[from, to)`` in ns. Raises: Invalid where it is empty or reversed."""
    from_ns, to_ns = instant(from_, "from"), instant(to, "to")
    if to_ns <= from_ns:
        raise Invalid([("to", "the span ends before it begins")])
    return from_ns, to_ns


def page(
    items: Sequence[Item], limit: int, cursor: str | None
) -> tuple[Sequence[Item], str | None]:
    """One page of a list that keeps its order, and the cursor of the next."""
    start = 0
    if cursor is not None:
        try:
            start = int(base64.urlsafe_b64decode(cursor.encode()).decode())
        except (binascii.Error, ValueError, UnicodeDecodeError) as error:
            raise Invalid([("cursor", "not a cursor of this list")]) from error
        if start < 0:
            raise Invalid([("cursor", "not a cursor of this list")])
    end = start + limit
    following = base64.urlsafe_b64encode(str(end).encode()).decode() if end < len(items) else None
    return items[start:end], following
