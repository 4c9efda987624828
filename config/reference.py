"""The reference of all settings, as Markdown, from the JSON Schema."""

from __future__ import annotations

import json
from typing import Any

_INTRO = """# Configuration

One YAML file describes a plant; `include` splits it where that reads better. `foggara check FILE`
says everything that is wrong at once, each with file, line and column. Editors with a YAML language
server complete and check while you type where a file begins with

```yaml
# yaml-language-server: $schema=plant.schema.json
```

Quantities carry their unit (`5s`, `12 L/s`, `350 000 m3/d`, `0.5 %`); thousands may be set apart by
blanks. Plain words are as in YAML 1.2: `off`, `no` and `12:00` are texts. Keys at the top that begin
with `x-` are yours, for YAML anchors. A secret is never written in the file: name the environment
variable or the file that holds it.

An included file has the same sections; lists are joined, everything else stands once.

`minimal.yaml` is the smallest description, `oran.yaml` has an example of everything.

This page is made from the schema; do not edit it.
"""

_SECTIONS = (
    ("Plant", "The whole file"),
    ("PlantHeader", "`plant`"),
    ("ProductionDay", "`plant.production_day`"),
    ("Server", "`server`"),
    ("Store", "`store`"),
    ("Retention", "`store.retention`"),
    ("Site", "`sites`"),
    ("Position", "`sites.position`"),
    ("Zone", "`zones`"),
    ("ModbusDevice", "`devices`, protocol `modbus`"),
    ("ModbusTag", "`devices.tags`, protocol `modbus`"),
    ("OpcUaDevice", "`devices`, protocol `opcua`"),
    ("OpcUaTag", "`devices.tags`, protocol `opcua`"),
    ("Scaling", "`devices.tags.scaling`"),
    ("Meter", "`meters`"),
    ("Installation", "`meters.installations`"),
    ("Reservoir", "`reservoirs`"),
    ("Compartment", "`reservoirs.compartments`"),
    ("Limits", "`reservoirs.limits`"),
    ("Main", "`mains`"),
    ("Works", "`works`"),
    ("Capacity", "`capacities`"),
    ("Peak", "`peaks`"),
    ("Texts", "A text in three languages"),
)
_BY_FORMAT = {"date": "2022-03-01", "time": '"06:00"', "date-time": '"2022-03-01T06:00+01:00"'}
_BY_TYPE = {"boolean": "true", "integer": "1", "number": "1.5", "string": "text"}
_DURATIONS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def markdown(schema: dict[str, Any]) -> str:
    """The page. ``schema`` is that of ``config.schema.json_schema``."""
    models = {"Plant": schema, **schema["$defs"]}
    parts = [_INTRO]
    for name, heading in _SECTIONS:
        parts.append(_model(models[name], heading, schema["$defs"]))
    return "\n".join(parts)


def sections() -> tuple[str, ...]:
    """The names of the models that have a part of their own on the page."""
    return tuple(name for name, _ in _SECTIONS)


def _model(model: dict[str, Any], heading: str, defs: dict[str, Any]) -> str:
    required = set(model.get("required", ()))
    rows = [
        f"| `{name}` | {_type(field, defs)} | {_unit(field)} | {_default(field, name in required)} "
        f"| {_example(field, defs)} | {_meaning(field)} |"
        for name, field in model["properties"].items()
    ]
    said = " ".join(model.get("description", "").split())
    return "\n".join(
        (
            f"## {heading}",
            "",
            said,
            "",
            "| setting | type | unit | default | example | meaning |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
        )
    )


def _meaning(field: dict[str, Any]) -> str:
    return field.get("description", "").replace("|", "\\|")


def _type(field: dict[str, Any], defs: dict[str, Any]) -> str:
    if "x-quantity" in field:
        return str(field["x-quantity"])
    if "$ref" in field:
        return _referred(field["$ref"], defs)
    if "anyOf" in field:
        parts = [_type(one, defs) for one in field["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(parts))
    if "enum" in field:
        return _choices(field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if field.get("type") == "array":
        if "prefixItems" in field:
            return f"list of {len(field['prefixItems'])} numbers"
        return f"list of {_type(field['items'], defs)}"
    if field.get("type") == "object":
        return "mapping"
    if "pattern" in field and "maxLength" in field:
        return "id"
    return str(field.get("format") or field.get("type")).replace("string", "text")


def _referred(ref: str, defs: dict[str, Any]) -> str:
    name = ref.rsplit("/", 1)[-1]
    if "enum" in defs[name]:
        return _choices(defs[name]["enum"])
    return dict(_SECTIONS)[name].replace("A text", "a text")


def _choices(values: list[Any]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _quantity(field: dict[str, Any]) -> dict[str, Any] | None:
    """The part of a field that is a quantity, or None."""
    options = [field, *field.get("anyOf", ())]
    return next((one for one in options if "x-quantity" in one), None)


def _unit(field: dict[str, Any]) -> str:
    quantity = _quantity(field)
    return str(quantity["x-unit"]) if quantity and quantity["x-unit"] != "1" else ""


def _default(field: dict[str, Any], required: bool) -> str:
    if required:
        return "needed"
    value = field.get("default")
    if value is None or isinstance(value, dict | list):
        return ""
    quantity = _quantity(field)
    return f"`{_shown(value, quantity['x-unit'] if quantity else '')}`"


def _shown(value: Any, unit: str) -> str:
    if unit == "s":
        name, factor = next((u for u in _DURATIONS if value and value % u[1] == 0), ("s", 1))
        return f"{value / factor:g}{name}"
    if isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int | float):
        return f"{value:g}" + (f" {unit}" if unit not in ("", "1") else "")
    return str(value).removesuffix(":00") if str(value).count(":") > 1 else str(value)


def _example(field: dict[str, Any], defs: dict[str, Any]) -> str:
    found = _examples(field, defs)
    return f"`{found}`" if found else ""


def _examples(field: dict[str, Any], defs: dict[str, Any]) -> str:
    if field.get("examples"):
        return str(field["examples"][0])
    default = field.get("default")
    if isinstance(default, str | int | float) and not isinstance(default, bool):
        quantity = _quantity(field)
        return _shown(default, quantity["x-unit"] if quantity else "")
    for key in ("enum", "const"):
        if key in field:
            return str(field[key][0] if key == "enum" else field[key])
    if "$ref" in field:
        target = defs[field["$ref"].rsplit("/", 1)[-1]]
        return str(target["enum"][0]) if "enum" in target else ""
    for one in field.get("anyOf", ()):
        if one.get("type") != "null":
            return _examples(one, defs)
    if "pattern" in field and "maxLength" in field:
        return "mactaa"
    if field.get("type") == "array":
        inner = _examples(field.get("items", {}), defs)
        return f"[{inner}]" if inner else ""
    return _BY_FORMAT.get(field.get("format", ""), _BY_TYPE.get(str(field.get("type")), ""))
