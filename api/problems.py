"""Our errors, and FastAPI's own, as RFC 9457 problem documents."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.errors import ApiError, Invalid
from storage.errors import StorageError, Unavailable

log = structlog.get_logger(__name__)
MEDIA_TYPE = "application/problem+json"


def problem(
    status: int,
    title: str,
    detail: str,
    errors: Sequence[tuple[str, str]] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    """A problem document; ``errors`` are pairs of field and message."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
    }
    if errors:
        body["errors"] = [{"field": field, "message": message} for field, message in errors]
    return Response(orjson.dumps(body), status, headers, MEDIA_TYPE)


async def _of_api(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    errors = error.errors if isinstance(error, Invalid) else ()
    headers = {"WWW-Authenticate": "Bearer"} if error.status == HTTPStatus.UNAUTHORIZED else None
    return problem(error.status, error.title, error.detail, errors, headers)


async def _of_validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [(".".join(map(str, e["loc"][1:])) or "body", str(e["msg"])) for e in error.errors()]
    return problem(422, Invalid.title, "; ".join(f"{f}: {m}" for f, m in errors), errors)


async def _of_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    headers = dict(error.headers) if error.headers else None
    return problem(error.status_code, title, str(error.detail), headers=headers)


async def _of_storage(_: Request, error: Exception) -> Response:
    assert isinstance(error, StorageError)
    if isinstance(error, Unavailable):
        return problem(
            503, "Not ready", str(error), headers={"Retry-After": f"{error.retry_s:.0f}"}
        )
    log.error("the store failed a request", error=str(error))
    return problem(500, "Store failed", str(error))


async def _of_anything(_: Request, error: Exception) -> Response:
    log.error("a request failed", error=repr(error), exc_info=error)
    return problem(500, ApiError.title, "something went wrong here; the log has it")


def install(app: FastAPI) -> None:
    """Every error that leaves the app is a problem document."""
    app.add_exception_handler(ApiError, _of_api)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(StorageError, _of_storage)
    app.add_exception_handler(Exception, _of_anything)
