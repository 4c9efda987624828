"""foggara export"""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import Annotated, Literal

import typer

from config.plant import Plant
from foggara.cli.console import err, load_or_exit, out, progress_bar
from foggara.cli.options import Config, Data


def export(
    config: Config,
    output: Annotated[Path, typer.Argument(help="File to write: .csv or .parquet.")],
    begin: Annotated[str, typer.Option("--from", help="Begin: 2026-07-01 or 2026-07-01T06:00.")],
    end: Annotated[str, typer.Option("--to", help="End, not included, as --from.")],
    tag: Annotated[
        list[str] | None, typer.Option(help="A tag; may be given several times. Default: all.")
    ] = None,
    data: Data = None,
) -> None:
    """Write the readings of any span as CSV or Parquet. Works while foggara runs.

    Times without offset are the plant's local time.
    """
    plant = load_or_exit(config, say_warnings=False).plant
    forms: dict[str, Literal["csv", "parquet"]] = {".csv": "csv", ".parquet": "parquet"}
    form = forms.get(output.suffix)
    if form is None:
        raise typer.BadParameter("a name that ends in .csv or .parquet", param_hint="OUTPUT")
    from_ns, to_ns = _instant(plant, begin, "--from"), _instant(plant, end, "--to")
    if to_ns <= from_ns:
        raise typer.BadParameter("the span ends before it begins", param_hint="--to")
    tags = tag or list(plant.tags)
    for name in tags:
        if name not in plant.tags:
            raise typer.BadParameter(f"there is no tag '{name}'", param_hint="--tag")
    folder = data or config.parent / plant.store.data
    rows = asyncio.run(_export(folder, output, tags, from_ns, to_ns, form))
    out.print(f"{output}: {rows} readings", markup=False)


async def _export(
    folder: Path,
    output: Path,
    tags: list[str],
    from_ns: int,
    to_ns: int,
    form: Literal["csv", "parquet"],
) -> int:
    from storage.embedded import open_reader

    with progress_bar() as bar:
        task = bar.add_task("Exporting", total=1.0)
        async with open_reader(folder) as reader:
            return await reader.export(
                output, tags, from_ns, to_ns, form,
                lambda part: bar.update(task, completed=part),
            )  # fmt: skip


def _instant(plant: Plant, given: str, option: str) -> int:
    try:
        moment = dt.datetime.fromisoformat(given)
    except ValueError as error:
        err.print(f"foggara: {option}: '{given}' is no date or time", style="red", markup=False)
        raise typer.Exit(2) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=plant.zone)
    return round(moment.timestamp() * 1e6) * 1000
