"""The JSON Schema of the description, by which editors complete it, and the reference made from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from config.plant import Plant
from config.reference import markdown

SCHEMA_FILE = Path(__file__).parent / "plant.schema.json"
"""where the schema is kept, beside the descriptions that name it"""

_LEFT_OUT = ("title", "discriminator")


def json_schema() -> dict[str, Any]:
    """The schema of any file of a description, with keys as they are written.

    Nothing is required at the top, for every section may stand in an included file.
    """
    schema = _tidied(Plant.model_json_schema(by_alias=True, mode="validation"))
    schema.pop("required", None)
    for section in ("sites", "devices"):
        schema["properties"][section].pop("minItems", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A plant's description for Foggara",
        **schema,
        "patternProperties": {"^x-": {"description": "yours: a place for YAML anchors"}},
    }


def json_schema_text() -> str:
    """The schema as its file has it."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def reference_markdown() -> str:
    """docs/configuration.md: every setting with its type, unit, default and an example."""
    return markdown(json_schema())


def _tidied(node: Any) -> Any:
    """Without what only the library needs; a setting that is called `title` stays."""
    if isinstance(node, list):
        return [_tidied(item) for item in node]
    if not isinstance(node, dict):
        return node
    tidy = {key: _tidied(value) for key, value in node.items() if key not in _LEFT_OUT}
    if "oneOf" in tidy:
        tidy["anyOf"] = tidy.pop("oneOf")
    return tidy


def write(schema_file: Path = SCHEMA_FILE, reference_file: Path | None = None) -> None:
    """Writes the schema and, where a file is named, the reference."""
    schema_file.write_text(json_schema_text(), encoding="utf-8")
    if reference_file is not None:
        reference_file.write_text(reference_markdown(), encoding="utf-8")


if __name__ == "__main__":
    write(reference_file=Path(__file__).parents[1] / "docs" / "configuration.md")
