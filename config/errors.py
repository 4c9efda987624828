"""What the description of a plant gets wrong.

ConfigError
├── ConfigErrors     every problem of a description at once, each with its file, line and column
└── SecretMissing    an environment variable or file that should hold a secret does not
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong (or, among warnings, risky). ``line`` and ``column`` count from 1.

    field : where in the description, in its own words: ``devices[plc1].tags[mactaa.flow].unit``
    message : what is wrong and what is allowed
    """

    file: str
    line: int
    column: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.field}: {self.message}"


class ConfigError(Exception):
    """The root of this room's errors."""


class ConfigErrors(ConfigError):
    """Every problem of a description at once, in the order of files and lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(p) for p in problems))
        self.problems = tuple(problems)


class SecretMissing(ConfigError):
    """A secret that is not where the description says: ``source`` names the variable or file."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source = source
        self.reason = reason
