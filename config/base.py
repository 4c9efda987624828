"""What every model of the plant description shares."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Described(BaseModel):
    """A part of the description: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


Id = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*$",
        max_length=120,
        description="small letters, digits, - and _, parts joined by dots: mactaa.product.flow",
    ),
]


class Texts(Described):
    """One text in the three languages of the pages."""

    en: str
    fr: str
    ar: str


Name = str | Texts
"""A proper name that is the same everywhere, or a text in three languages."""


def text(name: Name, language: str = "en") -> str:
    """The name in a language (``en``, ``fr``, ``ar``)."""
    return name if isinstance(name, str) else getattr(name, language, name.en)
