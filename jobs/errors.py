"""What the clock's work can fail with.

JobsError
├── DayNotOver        a production day cannot be closed before it has ended
└── UnknownJob        no job of that name; ``known`` lists them
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence


class JobsError(Exception):
    """The root of this room's errors."""


class DayNotOver(JobsError):
    def __init__(self, date: dt.date) -> None:
        super().__init__(f"the production day {date.isoformat()} has not ended")
        self.date = date


class UnknownJob(JobsError):
    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"no job '{name}'; there are {', '.join(known)}")
        self.name = name
        self.known = tuple(known)
