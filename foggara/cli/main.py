"""The command line: one file a command, put together here."""

from __future__ import annotations

from typing import Annotated

import typer

from foggara import __version__
from foggara.cli import check, demo, export, key, query, run, schema, simulate

app = typer.Typer(
    name="foggara",
    help=(
        "Water production and distribution monitoring: reads a plant's devices over Modbus and "
        "OPC UA, keeps every reading, and reports each day's output against its target.\n\n"
        "Start with `foggara demo`; for your own plant write a description, `foggara check` it, "
        "then `foggara run --config` it."
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.command()(demo.demo)
app.command()(run.run)
app.command()(check.check)
app.command()(export.export)
app.command()(query.query)
app.command()(simulate.simulate)
app.command()(schema.schema)
app.add_typer(key.app, name="key")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"foggara {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Water production and distribution monitoring."""
    del version
