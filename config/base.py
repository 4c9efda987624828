"""What every model of the plant description shares."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
)


class Described(BaseModel):
    """A part of the description: frozen, and unknown keys are errors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False
    )


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

    en: str = Field(description="English", examples=["Water tower"])
    fr: str = Field(description="French", examples=["Château d'eau"])
    ar: str = Field(description="Arabic", examples=["خزان"])


def _form_of(given: Any) -> str:
    return "texts" if isinstance(given, dict | Texts) else "text"


Name = Annotated[
    Annotated[str, Tag("text")] | Annotated[Texts, Tag("texts")], Discriminator(_form_of)
]
"""A proper name that is the same everywhere, or a text in three languages."""


def _written(given: Any) -> Any:
    """Refuses numbers, which pydantic would take for seconds since 1970."""
    if isinstance(given, int | float):
        raise ValueError(
            f"'{given}' is no date or time; write 2022-03-01, 06:00, 2022-03-01T06:00+01:00"
        )
    return given


Date = Annotated[dt.date, BeforeValidator(_written, json_schema_input_type=dt.date)]
"""``2022-03-01``"""
Time = Annotated[dt.time, BeforeValidator(_written, json_schema_input_type=dt.time)]
"""``06:00``"""
Instant = Annotated[AwareDatetime, BeforeValidator(_written, json_schema_input_type=dt.datetime)]
"""``2022-03-01T06:00+01:00``"""


def text(name: Name, language: str = "en") -> str:
    """The name in a language (``en``, ``fr``, ``ar``)."""
    return name if isinstance(name, str) else getattr(name, language, name.en)
