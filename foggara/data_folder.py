"""The data folder belongs to one writing process at a time."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Generator
from pathlib import Path

from foggara.errors import DataInUse


@contextlib.contextmanager
def owned(folder: Path) -> Generator[Path]:
    """The folder, made where it is not there, locked until the end. Raises: DataInUse."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataInUse(folder) from error
        yield folder
