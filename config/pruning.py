"""A wrong description without its wrong parts, so that what remains can be checked as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from config.allowed import is_optional, written
from config.marks import Marked, Path
from config.plant import Plant, PlantHeader

_TELLING = frozenset(
    (
        "data",
        "register",
        "scaling",
        "totalizer",
        "flow",
        "installations",
        "fitted",
        "removed",
        "modulus",
        "curve",
        "area",
        "diameter",
        "compartments",
        "capacity_offline",
        "rule",
        "start",
        "end",
        "raw",
        "minute",
        "hour",
        "disk_warning",
        "disk_critical",
        "host",
        "auth",
        "city",
        "production_day",
        "share_of_demand",
    )
)
"""settings without which the rest of their item would mean something else"""


@dataclass(frozen=True, slots=True)
class Remains:
    """What is left: a plant that may lack parts it could not do without, and its marked text.

    missing_ids : what fell out; whoever refers to it is not to blame
    """

    plant: Plant
    text: Marked
    missing_ids: frozenset[str]


def remains(root: Marked, errors: Sequence[ErrorDetails]) -> Remains:
    """What is left of a description without what pydantic found wrong in it.

    An unknown key goes alone, and so does a wrong value that can be left out without changing what
    the rest means; any other takes the list item around it (a tag, a meter, a site) with it.
    """
    gone = {_gone(root, e) for e in errors} - {()}
    missing: set[str] = set()
    for path in gone:
        missing |= _at(root, path).ids()
    text = _without(root, (), gone)
    sections = {
        name: _section(text, written(name, field), field.annotation, missing)
        for name, field in Plant.model_fields.items()
    }
    values: dict[str, Any] = {
        "plant": PlantHeader(id="plant", name="plant"),
        "sites": [],
        "devices": [],
    }
    values |= {name: value for name, value in sections.items() if value is not None}
    return Remains(Plant.model_construct(None, **values), text, frozenset(missing))


def written_path(root: Marked, loc: Sequence[str | int]) -> Path:
    """The part of one of pydantic's paths that the text has, without names of union members."""
    here, kept = root, list[str | int]()
    for part in loc:
        below = here.child(part)
        if below is not None:
            kept.append(part)
            here = below
    return tuple(kept)


def _section(text: Marked, key: str, annotation: Any, missing: set[str]) -> Any:
    """A section's value, without the items that are still wrong; None where nothing is left."""
    entry = text.entries.get(key)
    if entry is None:
        return None
    if entry.items is None:
        return _valid(entry, annotation)
    item_type = (get_args(annotation) or (Any,))[0]
    pairs = [(item, _valid(item, item_type)) for item in entry.items]
    for item, value in pairs:
        if value is None:
            missing |= item.ids()
    kept = [(item, value) for item, value in pairs if value is not None]
    text.entries[key] = Marked(entry.place, items=[item for item, _ in kept])
    return [value for _, value in kept]


def _valid(entry: Marked, annotation: Any) -> Any:
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    try:
        return adapter.validate_python(entry.plain(), by_alias=True, by_name=False)
    except ValidationError:
        return None  # said already: these are among the errors that led here


def _gone(root: Marked, error: ErrorDetails) -> Path:
    """What has to go because of an error."""
    path = written_path(root, error["loc"])
    if error["type"] == "extra_forbidden":
        return path
    item = _item(root, path)
    if error["type"] != "missing":
        for alone in (path, path[: len(item) + 1]):
            if len(alone) > len(item) and _goes_alone(alone):
                return alone
    return item or path[:1]


def _goes_alone(path: Path) -> bool:
    return path[-1] not in _TELLING and isinstance(path[-1], str) and is_optional(path)


def _item(root: Marked, path: Path) -> Path:
    """The path of the innermost described thing around a place: a list item, or a section."""
    for length in range(len(path), 0, -1):
        if isinstance(path[length - 1], int) and _at(root, path[:length]).keys is not None:
            return path[:length]
    return path[:-1]


def _at(root: Marked, path: Path) -> Marked:
    here = root
    for part in path:
        here = here.child(part) or here
    return here


def _without(here: Marked, path: Path, gone: set[Path]) -> Marked:
    """The marked value without some paths; what loses nothing stays the same object."""
    if path and not any(one[: len(path)] == path for one in gone):
        return here
    if here.keys is not None:
        kept = {
            key: _without(entry, (*path, key), gone)
            for key, entry in here.entries.items()
            if (*path, key) not in gone
        }
        return Marked(here.place, keys=dict(here.keys), entries=kept)
    items = [
        _without(item, (*path, n), gone)
        for n, item in enumerate(here.items or ())
        if (*path, n) not in gone
    ]
    return Marked(here.place, here.scalar, items=items if here.items is not None else None)
