"""What a caller can be told.

ApiError             becomes an RFC 9457 problem document (``api.problems``)
├── NotFound         404: no such site, tag, …
├── Invalid          422: ``errors`` name the fields
├── NotAllowed       401 or 403: no key, or its role is too small
└── NotReady         503: what is asked for cannot be had now
"""

from __future__ import annotations

from collections.abc import Sequence


class ApiError(Exception):
    """The root of this room's errors: a status, a short title, and what happened here."""

    status = 500
    title = "Internal error"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotFound(ApiError):
    status = 404
    title = "Not found"


class Invalid(ApiError):
    """``errors`` are pairs of field and message."""

    status = 422
    title = "Invalid request"

    def __init__(self, errors: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{field}: {message}" for field, message in errors))
        self.errors = tuple(errors)


class NotAllowed(ApiError):
    status = 403
    title = "Not allowed"

    def __init__(self, detail: str, *, known: bool) -> None:
        super().__init__(detail)
        if not known:
            self.status = 401
            self.title = "Key wanted"


class NotReady(ApiError):
    status = 503
    title = "Not ready"
