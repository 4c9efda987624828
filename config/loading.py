"""A plant's description from its files, or everything that is wrong with it at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from config.checking import Finding, check
from config.errors import ConfigErrors, Problem
from config.explaining import explained
from config.joining import joined
from config.marks import Marked, locate
from config.plant import Plant
from config.pruning import Remains, remains


@dataclass(frozen=True, slots=True)
class Loaded:
    """A description that may be used. ``warnings`` are risks, not errors."""

    plant: Plant
    warnings: tuple[Problem, ...] = ()


def load(path: str | Path) -> Loaded:
    """The plant that a YAML file and what it includes describe.

    Raises: ConfigErrors with every problem, sorted by file and line.
    """
    problems: list[Problem] = []
    root = joined(Path(path), problems)
    if root is None:
        raise ConfigErrors(problems)
    for key in [k for k in root.entries if str(k).startswith("x-")]:
        del root.entries[key]  # a place for anchors that several parts share
    whole = _validated(root, problems)
    findings = check(whole.plant, whole.missing_ids)
    problems += [_placed(whole.text, found) for found in findings if not found.warning]
    if problems:
        raise ConfigErrors(_in_order(root, problems))
    warnings = [_placed(whole.text, found) for found in findings if found.warning]
    return Loaded(whole.plant, tuple(_in_order(root, warnings)))


def _validated(root: Marked, problems: list[Problem]) -> Remains:
    """The plant; where parts of it are wrong, what is left, so that the rest is checked too."""
    try:
        plant = Plant.model_validate(root.plain(), by_alias=True, by_name=False)
    except ValidationError as err:
        errors = err.errors(include_url=False)
        unreadable = {(p.file, p.line, p.column) for p in problems}
        found = [explained(root, error) for error in errors]
        problems += [p for p in found if (p.file, p.line, p.column) not in unreadable]
        return remains(root, errors)
    return Remains(plant, root, frozenset())


def _placed(root: Marked, found: Finding) -> Problem:
    place, words = locate(root, found.path)
    message = found.message
    if found.other is not None:
        first, _ = locate(root, found.other)
        message += f"; the other is at {first.file}:{first.line}"
    return place.problem(words, message)


def _in_order(root: Marked, problems: list[Problem]) -> list[Problem]:
    """By file, the main one first, then by line; the same thing is said once."""
    main = root.place.file
    return sorted(set(problems), key=lambda p: (p.file != main, p))
