"""YAML text to marked values. Plain words mean what YAML 1.2 says: ``off`` and ``12:00`` are texts."""

from __future__ import annotations

import re
from typing import Any

import yaml

from config.errors import Problem
from config.marks import Marked, Place

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 40
_PREFIX = "tag:yaml.org,2002:"
_INT = re.compile(r"[-+]?[0-9]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULL = frozenset(("", "~", "null", "Null", "NULL"))


class _Loader(_Base):
    """Composes nodes only; which tag a plain scalar has is decided here, not by YAML 1.1."""

    def resolve(self, kind: type[yaml.Node], value: str, implicit: tuple[bool, bool]) -> str:
        if kind is yaml.ScalarNode:
            return _PREFIX + (_plain_type(value) if implicit[0] else "str")
        return _PREFIX + ("seq" if kind is yaml.SequenceNode else "map")


def _plain_type(value: str) -> str:
    if value in _NULL:
        return "null"
    if value in _BOOL:
        return "bool"
    if value == "<<":
        return "merge"
    if _INT.fullmatch(value):
        return "int"
    return "float" if _FLOAT.fullmatch(value) else "str"


def read(text: bytes, file: str, problems: list[Problem]) -> Marked | None:
    """The marked value of a file's one document, or None where it cannot be read at all.

    Whatever is wrong is added to ``problems``: syntax, duplicate keys, foreign tags.
    """
    start = Place(file)
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        before = text[: err.start]
        line = before.count(b"\n") + 1
        column = err.start - (before.rfind(b"\n") + 1) + 1
        problems.append(Place(file, line, column).problem("(file)", "this is not UTF-8 text"))
        return None
    loader = _Loader(decoded)
    try:
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as err:
        problems.append(_syntax(err, file))
        return None
    except yaml.YAMLError as err:
        problems.append(start.problem("(file)", f"this is not YAML: {str(err).splitlines()[0]}"))
        return None
    except RecursionError:
        problems.append(start.problem("(file)", "this is nested too deeply"))
        return None
    finally:
        loader.dispose()
    if node is None:
        problems.append(start.problem("(file)", "the file is empty; it should describe a plant"))
        return None
    return _Reading(file, problems).value(node, 0)


def _syntax(err: yaml.MarkedYAMLError, file: str) -> Problem:
    mark = err.problem_mark or err.context_mark
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
    context = f" {err.context}" if err.context else ""
    return place.problem("(file)", f"this is not YAML:{context} {err.problem or ''}".rstrip())


class _Reading:
    """Turns one file's nodes into marked values; a node that is referred to twice is read once."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self._file = file
        self._problems = problems
        self._done: dict[int, Marked] = {}
        self._open: set[int] = set()

    def value(self, node: yaml.Node, depth: int) -> Marked:
        known = self._done.get(id(node))
        if known is not None:
            return known
        place = self._place(node)
        if id(node) in self._open:
            return self._refused(place, "this refers to itself")
        if depth > _DEEPEST:
            return self._refused(place, f"nested deeper than {_DEEPEST} levels")
        self._open.add(id(node))
        if isinstance(node, yaml.MappingNode) and node.tag == _PREFIX + "map":
            made = self._mapping(node, depth)
        elif isinstance(node, yaml.SequenceNode) and node.tag == _PREFIX + "seq":
            made = Marked(place, items=[self.value(item, depth + 1) for item in node.value])
        elif isinstance(node, yaml.ScalarNode):
            made = Marked(place, self._scalar(node))
        else:
            made = self._refused(place, f"the tag '{_short(node.tag)}' is not allowed here")
        self._open.discard(id(node))
        self._done[id(node)] = made
        return made

    def _mapping(self, node: yaml.MappingNode, depth: int) -> Marked:
        made = Marked(self._place(node), keys={})
        keys = made.keys = {}
        merged: list[Marked] = []
        for key_node, value_node in node.value:
            place = self._place(key_node)
            if key_node.tag == _PREFIX + "merge":
                merged += self._merged(value_node, depth)
                continue
            key = self._scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str | int) or isinstance(key, bool):
                self._refused(place, "a key should be a word or a whole number")
            elif key in keys:
                first = keys[key]
                self._problems.append(
                    place.problem(
                        str(key), f"duplicate key; it stands already at line {first.line}"
                    )
                )
            else:
                keys[key] = place
                made.entries[key] = self.value(value_node, depth + 1)
        for other in merged:
            for key, entry in other.entries.items():
                if key not in keys:
                    keys[key] = entry.place
                    made.entries[key] = entry
        return made

    def _merged(self, node: yaml.Node, depth: int) -> list[Marked]:
        value = self.value(node, depth + 1)
        parts = value.items if value.items is not None else [value]
        if any(part.keys is None for part in parts):
            self._refused(value.place, "'<<' takes a mapping, or a list of mappings")
            return []
        return parts

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text, kind = str(node.value), _short(node.tag)
        try:
            match kind:
                case "str":
                    return text
                case "null":
                    return None
                case "bool":
                    return _BOOL[text]
                case "int":
                    return int(text, 16 if text.startswith("0x") else 10)
                case "float":
                    return float(text)
                case _:
                    self._refused(self._place(node), f"the tag '{kind}' is not allowed here")
        except (KeyError, ValueError):
            self._refused(self._place(node), f"'{text[:40]}' is no {kind}")
        return None

    def _refused(self, place: Place, message: str) -> Marked:
        self._problems.append(place.problem("(file)", message))
        return Marked(place)

    def _place(self, node: yaml.Node) -> Place:
        mark = node.start_mark
        return Place(self._file, mark.line + 1, mark.column + 1) if mark else Place(self._file)


def _short(tag: str) -> str:
    return tag.removeprefix(_PREFIX)
