"""What a check of a whole description finds: where, and what is wrong and allowed."""

from __future__ import annotations

from dataclasses import dataclass

from config.marks import Path


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong at a path of the description; ``warning`` marks a risk that is no error."""

    path: Path
    message: str
    warning: bool = False
