"""What keeping data can fail with.

StorageError
├── Unavailable      not now: keep it and try again after ``retry_s``
├── Rejected         never: ``rows`` of the batch were refused, the others were taken
├── DiskFull         the disk refuses; nothing of the batch was taken
├── Corrupt          a file is damaged; ``path`` names it
├── BadRecord        a record that cannot be; ``field`` says which part of it
└── BadQuestion      SQL that cannot be answered, in the words of DuckDB
"""

from __future__ import annotations

from collections.abc import Sequence


class StorageError(Exception):
    """The root of this room's errors."""


class Unavailable(StorageError):
    def __init__(self, what: str, retry_s: float = 1.0) -> None:
        super().__init__(f"{what} is not available now")
        self.retry_s = retry_s


class Rejected(StorageError):
    def __init__(self, why: str, rows: Sequence[int]) -> None:
        super().__init__(f"{len(rows)} readings refused: {why}")
        self.rows = rows


class DiskFull(Unavailable):
    def __init__(self, path: str) -> None:
        super().__init__(f"disk full: {path}", retry_s=5.0)
        self.path = path


class Corrupt(StorageError):
    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path


class BadRecord(StorageError, ValueError):
    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


class BadQuestion(StorageError):
    pass
