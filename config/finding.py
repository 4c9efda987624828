"""What a check of a whole description finds: where, and what is wrong and allowed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from config.marks import Path


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong at a path of the description.

    other : a second place that it is about, told with its line
    warning : a risk that is no error
    """

    path: Path
    message: str
    other: Path | None = None
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """Ids of one sort that may be referred to; ``missing`` ones were described, but wrongly."""

    what: str
    ids: Collection[str]
    missing: Collection[str]

    def dangling(self, path: Path, id_: str | None) -> Iterable[Finding]:
        """A finding where a reference leads nowhere."""
        if id_ is None or id_ in self.ids or id_ in self.missing:
            return
        near = get_close_matches(id_, self.ids, n=3)
        hint = f"; near: {', '.join(near)}" if near else ""
        yield Finding(path, f"there is no {self.what} '{id_}'{hint}")
