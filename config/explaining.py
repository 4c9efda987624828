"""Pydantic's errors in the words of the description: where it stands, what is wrong, what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic_core import ErrorDetails

from config.allowed import keys_at, nearest
from config.errors import Problem
from config.marks import Marked, Place, key_place, locate
from config.pruning import written_path


def explained(root: Marked, error: ErrorDetails) -> Problem:
    """One error as a problem at its line and column."""
    path, kind = error["loc"], error["type"]
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        path = (*path, str(error.get("ctx", {}).get("discriminator", "")).strip("'"))
    place, words = locate(root, path)
    if kind == "extra_forbidden":
        place = key_place(root, written_path(root, path))
    return _problem(place, words, error)


def _problem(place: Place, words: str, error: ErrorDetails) -> Problem:
    explain = _WORDS.get(error["type"])
    return place.problem(words, explain(error) if explain else _plainly(error))


def _plainly(error: ErrorDetails) -> str:
    message = error["msg"].removeprefix("Value error, ")
    wanted = message.replace("Input should be", "it should be", 1)
    return wanted if error["type"] == "value_error" else f"{_given(error)}: {wanted}"


def _given(error: ErrorDetails) -> str:
    given = error["input"]
    if given is None:
        return "nothing is given"
    if isinstance(given, dict):
        return "a mapping is given"
    if isinstance(given, list):
        return f"a list of {len(given)} is given"
    return f"'{str(given)[:60]}'"


def _missing(error: ErrorDetails) -> str:
    return f"is missing; '{error['loc'][-1]}' is needed here"


def _unknown(error: ErrorDetails) -> str:
    allowed = keys_at(error["loc"][:-1])
    if error["loc"][-1] in _SECRETS:
        return "a secret is never written here; name its place with password_env or password_file"
    near = nearest(str(error["loc"][-1]), allowed)
    return f"unknown key{near or ''}{';' if not near else ''} allowed: {', '.join(allowed)}"


def _choice(error: ErrorDetails) -> str:
    expected = str(error.get("ctx", {}).get("expected", ""))
    allowed = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
    near = nearest(str(error["input"]), allowed)
    return (
        f"{_given(error)} is not allowed{near}{'' if near else ';'} allowed: {', '.join(allowed)}"
    )


def _protocol(error: ErrorDetails) -> str:
    context: Any = error.get("ctx", {})
    allowed = str(context.get("expected_tags", "")).replace("'", "")
    return f"'{context.get('tag')}' is not allowed; allowed: {allowed}"


def _no_protocol(error: ErrorDetails) -> str:
    name = str(error.get("ctx", {}).get("discriminator", "")).strip("'")
    return f"is missing; '{name}' is needed here"


def _pattern(error: ErrorDetails) -> str:
    if error["loc"][-1] == "endpoint":
        return f"{_given(error)} is no endpoint; write opc.tcp://host:port"
    return (
        f"{_given(error)} is no id; allowed: small letters, digits, - and _, parts joined by dots"
    )


def _date(error: ErrorDetails) -> str:
    return f"{_given(error)} is no date; write 2022-03-01"


_SECRETS = ("password", "passwd", "secret", "token")

_WORDS: dict[str, Callable[[ErrorDetails], str]] = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "literal_error": _choice,
    "enum": _choice,
    "union_tag_invalid": _protocol,
    "union_tag_not_found": _no_protocol,
    "string_pattern_mismatch": _pattern,
    "string_type": lambda e: f"{_given(e)}: a text is wanted; put it in quotes if it is one",
    "list_type": lambda e: f"{_given(e)}: a list is wanted",
    "model_type": lambda e: f"{_given(e)}: a mapping is wanted",
    "model_attributes_type": lambda e: f"{_given(e)}: a mapping is wanted",
    "dict_type": lambda e: f"{_given(e)}: a mapping is wanted",
    "timezone_aware": lambda e: f"{_given(e)}: an offset is wanted; write 2022-03-01T06:00+01:00",
    "date_type": _date,
    "date_parsing": _date,
    "date_from_datetime_parsing": _date,
    "date_from_datetime_inexact": _date,
    "time_type": lambda e: f"{_given(e)}: a local time is wanted; write 06:00",
    "time_parsing": lambda e: f"{_given(e)} is no time; write 06:00",
    "float_type": lambda e: f"{_given(e)}: a number is wanted",
    "float_parsing": lambda e: f"{_given(e)} is no number",
    "int_type": lambda e: f"{_given(e)}: a whole number is wanted",
    "int_parsing": lambda e: f"{_given(e)} is no whole number",
    "int_from_float": lambda e: f"{_given(e)} is no whole number",
    "bool_type": lambda e: f"{_given(e)}: true or false is wanted",
    "bool_parsing": lambda e: f"{_given(e)} is neither true nor false",
    "invalid_key": lambda e: f"'{e['loc'][-1]}': a key is a word here",
}
