"""One description of several files: ``include`` joins the lists of the files it names."""

from __future__ import annotations

import os
from pathlib import Path

from config.errors import Problem
from config.marks import Marked, Place
from config.reading import read


def joined(path: Path, problems: list[Problem]) -> Marked | None:
    """The description in ``path`` with everything it includes, or None where it cannot be read."""
    return _Joining(problems).file(path, Place(str(path)), "(file)", ())


class _Joining:
    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems

    def file(self, path: Path, asked: Place, words: str, above: tuple[Path, ...]) -> Marked | None:
        """``asked`` and ``words`` tell who wants this file; ``above`` holds the files being read."""
        real = Path(os.path.realpath(path))
        if real in above:
            chain = " → ".join(p.name for p in (*above[above.index(real) :], real))
            return self._refuse(asked, words, f"files include each other in a circle: {chain}")
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return self._refuse(asked, words, f"there is no file {path}")
        except (OSError, ValueError) as err:
            reason = err.strerror if isinstance(err, OSError) else str(err)
            return self._refuse(asked, words, f"{path} cannot be read: {reason}")
        root = read(text, str(path), self._problems)
        if root is None:
            return None
        if root.keys is None:
            return self._refuse(root.place, "(file)", "a mapping of sections is wanted here")
        for wanted in self._includes(root):
            part = self.file(
                path.parent / str(wanted.scalar), wanted.place, "include", (*above, real)
            )
            if part is not None:
                self._join(root, part)
        return root

    def _includes(self, root: Marked) -> list[Marked]:
        """The files to include; they leave the description once they are joined."""
        entry = root.entries.pop("include", None)
        if entry is None:
            return []
        names = [item for item in entry.items or () if isinstance(item.scalar, str)]
        if entry.items is None or len(names) < len(entry.items):
            self._refuse(entry.place, "include", "a list of files is wanted, relative to this file")
        return names

    def _join(self, root: Marked, part: Marked) -> None:
        keys, theirs = root.keys or {}, part.keys or {}
        for key, entry in part.entries.items():
            ours = root.entries.get(key)
            if ours is None:
                keys[key], root.entries[key] = theirs[key], entry
            elif ours.items is not None and entry.items is not None:
                joined_items = [*ours.items, *entry.items]
                root.entries[key] = Marked(ours.place, items=joined_items)
            else:
                first = keys[key]
                self._refuse(
                    theirs[key],
                    str(key),
                    f"only lists are joined; this stands already at {first.file}:{first.line}",
                )

    def _refuse(self, place: Place, words: str, message: str) -> None:
        self._problems.append(place.problem(words, message))
