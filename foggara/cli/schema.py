"""foggara schema"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from config.schema import json_schema, reference_markdown
from foggara.cli.console import out


def schema(
    write: Annotated[
        bool,
        typer.Option("--write", help="Renew config/plant.schema.json and docs/configuration.md."),
    ] = False,
) -> None:
    """The description's JSON Schema, with which editors complete and check it."""
    text = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    if not write:
        out.file.write(text)
        return
    root = Path(__file__).resolve().parents[2]
    (root / "config" / "plant.schema.json").write_text(text, encoding="utf-8")
    (root / "docs" / "configuration.md").write_text(reference_markdown(), encoding="utf-8")
    out.print("config/plant.schema.json and docs/configuration.md are renewed.")
