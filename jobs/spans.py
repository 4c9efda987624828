"""Production dates as the ledger writes them: one date, or a span of dates as ISO 8601 has it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable


def runs(dates: Collection[dt.date]) -> Iterable[tuple[dt.date, dt.date]]:
    """The dates as spans without holes, rising: (first, last) of each, both included."""
    ordered = sorted(set(dates))
    first: dt.date | None = None
    for n, date in enumerate(ordered):
        first = first or date
        if n + 1 == len(ordered) or ordered[n + 1] - date != dt.timedelta(days=1):
            yield first, date
            first = None


def key_of(first: dt.date, last: dt.date) -> str:
    """``2026-03-01``, or ``2026-03-01/2026-03-05`` with both included."""
    return first.isoformat() if first == last else f"{first.isoformat()}/{last.isoformat()}"


def dates_of(keys: Iterable[str]) -> set[dt.date]:
    """Every date that these keys name."""
    found: set[dt.date] = set()
    for key in keys:
        begin, _, end = key.partition("/")
        first = dt.date.fromisoformat(begin)
        last = dt.date.fromisoformat(end) if end else first
        found.update(first + dt.timedelta(days=n) for n in range((last - first).days + 1))
    return found
