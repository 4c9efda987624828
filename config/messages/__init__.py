"""Texts of the pages in French, Arabic and English."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml

LANGUAGES = ("fr", "ar", "en")


@cache
def messages(language: str) -> Mapping[str, str]:
    """Every text of one language, by key. ``language`` is one of LANGUAGES."""
    found = files(__name__).joinpath(f"{language}.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(found)


def chosen(wanted: str | None, accepted: str | None) -> str:
    """The language asked for, else the first that the browser accepts, else French."""
    if wanted in LANGUAGES:
        return wanted
    for part in (accepted or "").split(","):
        short = part.split(";")[0].strip().split("-")[0].lower()
        if short in LANGUAGES:
            return short
    return "fr"
