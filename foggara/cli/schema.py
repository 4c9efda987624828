"""foggara schema"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.schema import json_schema_text
from config.schema import write as write_files
from foggara.cli.console import out


def schema(
    write: Annotated[
        bool,
        typer.Option("--write", help="Renew config/plant.schema.json and docs/configuration.md."),
    ] = False,
) -> None:
    """The description's JSON Schema, with which editors complete and check it."""
    if not write:
        out.file.write(json_schema_text())
        return
    root = Path(__file__).resolve().parents[2]
    write_files(reference_file=root / "docs" / "configuration.md")
    out.print("config/plant.schema.json and docs/configuration.md are renewed.")
