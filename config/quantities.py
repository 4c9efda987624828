"""Numbers as people write them, ``5s``, ``12 L/s``, ``0.5 %``, and as the code has them: one unit each."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from water.units import FACTORS, Kind

_NUMBER = re.compile(r"^\s*([+-]?[0-9][0-9_ ,]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\s*(.*?)\s*$")

_DURATION = {"s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0, "d": 86400.0}
_VOLUME = {"m3": 1.0, "L": 1e-3, "ML": 1000.0}
_PER_DAY = {"m3/d": 1.0, "MLD": 1000.0, "m3/h": 24.0, "m3/s": 86400.0, "L/s": 86.4}
_RATIO = {"": 1.0, "%": 0.01}


def _reader(what: str, units: dict[str, float], *, bare: bool = False) -> BeforeValidator:
    allowed = ", ".join(u for u in units if u)

    def read(given: Any) -> Any:
        if isinstance(given, bool):
            raise ValueError(f"a {what} with its unit is wanted ({allowed})")
        if isinstance(given, int | float):
            if bare or given == 0:
                return float(given)
            raise ValueError(f"a {what} needs its unit: write '{given} {allowed.split(', ')[0]}'")
        if not isinstance(given, str):
            raise ValueError(f"a {what} with its unit is wanted ({allowed})")
        found = _NUMBER.match(given)
        if not found or found.group(2) not in units:
            raise ValueError(f"'{given}' is no {what}; allowed units: {allowed}")
        number = float(re.sub(r"[_ ,]", "", found.group(1)))
        return number * units[found.group(2)]

    return BeforeValidator(read, json_schema_input_type=float | str if bare else str)


def _written(what: str, units: dict[str, float], base: str, example: str) -> WithJsonSchema:
    """How such a value is written: a text with its unit (for a ratio a bare number too), or 0."""
    names = "|".join(re.escape(unit).replace("\\ ", " ") for unit in units if unit)
    optional = "?" if "" in units else ""
    text = {
        "type": "string",
        "pattern": rf"^\s*[+-]?[0-9][0-9_ ,]*(\.[0-9]+)?([eE][+-]?[0-9]+)?\s*({names}){optional}\s*$",
    }
    number = {"type": "number"} if "" in units else {"const": 0}
    return WithJsonSchema(
        {"anyOf": [text, number], "examples": [example], "x-quantity": what, "x-unit": base}
    )


_FLOWS = {u: f for u, (f, _) in FACTORS[Kind.FLOW].items()}
_LENGTHS = {u: f for u, (f, _) in FACTORS[Kind.LEVEL].items()}

Seconds = Annotated[
    float, _reader("duration", _DURATION), Field(ge=0), _written("duration", _DURATION, "s", "5s")
]
"""``5s``, ``250 ms``, ``2h`` → seconds"""
FlowM3PerH = Annotated[
    float, _reader("flow", _FLOWS), _written("flow", _FLOWS, "m3/h", "5208 m3/h")
]
"""``12 L/s``, ``5208 m3/h`` → m³/h"""
VolumeM3 = Annotated[
    float, _reader("volume", _VOLUME), Field(ge=0), _written("volume", _VOLUME, "m3", "50 000 m3")
]
"""``50 000 m3`` → m³"""
M3PerDay = Annotated[
    float,
    _reader("volume a day", _PER_DAY),
    Field(ge=0),
    _written("volume a day", _PER_DAY, "m3/d", "350 000 m3/d"),
]
"""``350 000 m3/d`` → m³/d"""
Metres = Annotated[float, _reader("length", _LENGTHS), _written("length", _LENGTHS, "m", "4.2 m")]
"""``4.2 m`` → m"""
Ratio = Annotated[
    float, _reader("ratio", _RATIO, bare=True), _written("ratio", _RATIO, "1", "0.5 %")
]
"""``0.5 %`` or ``0.005`` → ratio"""
