"""A description as it was written: values with the file, line and column of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from config.errors import Problem

Path = tuple[str | int, ...]
"""A way into the description: ``("devices", 3, "tags", 0, "unit")``, by the names written there."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands; line and column count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def problem(self, where: str, message: str) -> Problem:
        return Problem(self.file, self.line, self.column, where, message)


@dataclass(slots=True, eq=False)
class Marked:
    """A value with its place: a scalar, or a mapping (``keys``, ``entries``), or a list (``items``)."""

    place: Place
    scalar: Any = None
    keys: dict[Any, Place] | None = None
    entries: dict[Any, Marked] = field(default_factory=dict[Any, "Marked"])
    items: list[Marked] | None = None

    def plain(self, done: dict[int, Any] | None = None) -> Any:
        """The value as Python has it, without places; what was written once is made once."""
        made = {} if done is None else done
        if id(self) not in made:
            if self.keys is not None:
                made[id(self)] = {key: entry.plain(made) for key, entry in self.entries.items()}
            elif self.items is not None:
                made[id(self)] = [item.plain(made) for item in self.items]
            else:
                made[id(self)] = self.scalar
        return made[id(self)]

    def child(self, part: str | int) -> Marked | None:
        """What lies under a key or index, or None."""
        if self.keys is not None:
            return self.entries.get(part)
        if self.items is not None and isinstance(part, int) and 0 <= part < len(self.items):
            return self.items[part]
        return None

    def id(self) -> str | None:
        """The ``id`` that a mapping says it has."""
        entry = self.entries.get("id")
        return entry.scalar if entry is not None and isinstance(entry.scalar, str) else None

    def ids(self) -> set[str]:
        """Every ``id`` in it and below."""
        found: set[str] = set()
        seen: set[int] = set()
        waiting = [self]
        while waiting:
            here = waiting.pop()
            if id(here) in seen:
                continue
            seen.add(id(here))
            own = here.id()
            if own is not None:
                found.add(own)
            waiting += [*here.entries.values(), *(here.items or ())]
        return found


def locate(root: Marked, path: Sequence[str | int]) -> tuple[Place, str]:
    """The place of a path and its words.

    Parts that the text does not have are passed over: pydantic puts the name of a union's member
    into its paths, and a missing value stands where its mapping begins.
    """
    here, place, words = root, root.place, ""
    for n, part in enumerate(path):
        below = here.child(part)
        if below is None:
            if n == len(path) - 1 and here.keys is not None and isinstance(part, str):
                words = _joined(words, part)
            continue
        if here.keys is not None:
            words = _joined(words, str(part))
            place = here.keys[part] if below.keys is not None or below.items else below.place
        else:
            words = f"{words}[{below.id() or part}]"
            place = below.place
        here = below
    return place, words or "(file)"


def key_place(root: Marked, path: Sequence[str | int]) -> Place:
    """Where the key itself stands that a path ends in."""
    here = root
    for part in path[:-1]:
        here = here.child(part) or here
    place = (here.keys or {}).get(path[-1]) if path else None
    return place or here.place


def _joined(words: str, part: str) -> str:
    return f"{words}.{part}" if words else part
