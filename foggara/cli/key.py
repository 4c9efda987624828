"""foggara key add | list | revoke"""

from __future__ import annotations

import datetime as dt
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foggara.cli.console import err, out
from foggara.cli.options import Data

if TYPE_CHECKING:
    from storage.sql import SqlRecords

app = typer.Typer(help="API keys: made here, shown once, kept hashed.", no_args_is_help=True)
_DEFAULT_DATA = Path("data")


def _records(data: Path | None) -> AbstractContextManager[SqlRecords]:
    from storage.sql import open_records

    return open_records(data or _DEFAULT_DATA)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Who or what will use it: 'control room screen'.")],
    role: Annotated[
        str, typer.Option(help="viewer reads; planner also edits targets; admin everything.")
    ] = "viewer",
    data: Data = None,
) -> None:
    """Make a key. It is printed once; only its hash is kept."""
    if role not in ("viewer", "planner", "admin"):
        raise typer.BadParameter("viewer, planner or admin", param_hint="--role")
    with _records(data) as records:
        key, secret = records.keys.add(name, role, time.time_ns())
    err.print(f"Key '{key.name}' ({key.role}), id {key.id}. Keep it: it is not shown again.")
    out.print(secret, markup=False)


@app.command("list")
def list_keys(data: Data = None) -> None:
    """Every key, without its secret."""
    with _records(data) as records:
        for key in records.keys.all():
            made = dt.datetime.fromtimestamp(key.created_at_ns / 1e9, dt.UTC)
            state = "revoked" if key.revoked_at_ns else "valid"
            out.print(
                f"{key.id}  {key.role:8}  {made:%Y-%m-%d}  {state:8}  {key.name}", markup=False
            )


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The id that `foggara key list` shows.")],
    data: Data = None,
) -> None:
    """End a key at once."""
    with _records(data) as records:
        if not records.keys.revoke(key_id, time.time_ns()):
            err.print(f"foggara: there is no valid key '{key_id}'", style="red", markup=False)
            raise typer.Exit(1)
    out.print(f"{key_id} is revoked.", markup=False)
