"""Secrets stand outside the description: in an environment variable or in a file."""

from __future__ import annotations

import os
from pathlib import Path

from config.errors import SecretMissing


def secret(env: str | None, file: str | None) -> str | None:
    """The secret that a variable or, where none is named, a file holds; None where neither is named.

    Raises: SecretMissing where it is not there or empty.
    """
    if env is not None:
        value = os.environ.get(env, "")
        if not value:
            raise SecretMissing(f"environment variable {env}", "is not set")
        return value
    if file is None:
        return None
    try:
        value = Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as err:
        raise SecretMissing(f"file {file}", "cannot be read") from err
    if not value:
        raise SecretMissing(f"file {file}", "is empty")
    return value
