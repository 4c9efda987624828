"""What the models allow at a place: the keys of a mapping there, and what a value is for."""

from __future__ import annotations

import types
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Tag
from pydantic.fields import FieldInfo

from config.plant import Plant


def keys_at(path: Sequence[str | int]) -> list[str]:
    """The keys that a mapping at this path may have; the path is one of pydantic's."""
    keys: list[str] = []
    for model in _flat(_walk(path)):
        if isinstance(model, type) and issubclass(model, BaseModel):
            keys += [written(name, field) for name, field in model.model_fields.items()]
    return list(dict.fromkeys(keys))


def is_optional(path: Sequence[str | int]) -> bool:
    """May what stands at this path be left out?"""
    fields = [
        field
        for model in _flat(_walk(path[:-1]))
        if isinstance(model, type) and issubclass(model, BaseModel)
        for name, field in model.model_fields.items()
        if written(name, field) == path[-1]
    ]
    return bool(fields) and not any(field.is_required() for field in fields)


def nearest(word: str, allowed: Sequence[str]) -> str:
    """``; did you mean 'x'?`` where something allowed is near, else nothing."""
    near = get_close_matches(word, allowed, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def written(name: str, field: FieldInfo) -> str:
    """The key as it is written in YAML."""
    return field.alias or name


def _walk(path: Sequence[str | int]) -> list[Any]:
    """The types that may stand at a path: one, or the members of a union."""
    here: list[Any] = [Plant]
    for part in path:
        here = _step(here, part)
    return here


def _step(annotations: list[Any], part: str | int) -> list[Any]:
    """The types below one part of a path; a part that names a union's member keeps that member."""
    below: list[Any] = []
    for member in _flat(annotations):
        origin = get_origin(member)
        if isinstance(member, type) and issubclass(member, BaseModel):
            below += [
                field.annotation
                for name, field in member.model_fields.items()
                if written(name, field) == part
            ]
        elif origin in (list, tuple) and isinstance(part, int):
            below.append(get_args(member)[0])
        elif origin is dict:
            below.append(get_args(member)[1])
    named = [m for m in _flat(annotations, keep_tags=True) if _is_named(m, part)]
    return below or named or annotations


def _flat(annotations: list[Any], *, keep_tags: bool = False) -> list[Any]:
    return [m for annotation in annotations for m in _members(annotation, keep_tags=keep_tags)]


def _members(annotation: Any, *, keep_tags: bool = False) -> list[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        if keep_tags and any(isinstance(extra, Tag) for extra in get_args(annotation)):
            return [annotation]
        return _members(get_args(annotation)[0], keep_tags=keep_tags)
    if origin in (Union, types.UnionType):
        return [m for arg in get_args(annotation) for m in _members(arg, keep_tags=keep_tags)]
    return [annotation]


def _is_named(member: Any, part: str | int) -> bool:
    if get_origin(member) is Annotated:
        return any(isinstance(e, Tag) and e.tag == part for e in get_args(member))
    if isinstance(member, type) and issubclass(member, BaseModel):
        return any(
            get_origin(field.annotation) is Literal and part in get_args(field.annotation)
            for field in member.model_fields.values()
        )
    return False
