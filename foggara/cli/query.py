"""foggara query"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from foggara.cli.console import err, out
from foggara.cli.options import Data
from storage.errors import StorageError

_MOST_ROWS = 1000


def query(
    sql: Annotated[str, typer.Argument(help="SQL of DuckDB over `readings`, `minutes`, `hours`.")],
    data: Data = None,
    csv: Annotated[bool, typer.Option("--csv", help="Comma separated, all rows.")] = False,
) -> None:
    """Ask the history in SQL, the readings just taken included. Works while foggara runs.

    `foggara query "SELECT tag, max(value) FROM readings WHERE quality < 64 GROUP BY tag"`

    Columns of `readings`: tag, time, value (null where there is none), quality (below 64 good,
    below 128 uncertain, else bad); of `minutes` and `hours`: tag, time, min, max, mean, last, count.
    """
    try:
        columns, rows = asyncio.run(_ask(data or Path("data"), sql))
    except StorageError as error:
        err.print(f"foggara: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    if csv:
        import csv as csv_module

        writer = csv_module.writer(out.file)
        writer.writerow(columns)
        writer.writerows(rows)
        return
    table = Table(*columns)
    for row in rows[:_MOST_ROWS]:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    out.print(table, soft_wrap=False)
    if len(rows) > _MOST_ROWS:
        err.print(f"{_MOST_ROWS} of {len(rows)} rows; --csv writes all.")


async def _ask(folder: Path, sql: str) -> tuple[list[str], list[tuple[object, ...]]]:
    from storage.embedded import open_reader

    async with open_reader(folder) as reader:
        return await reader.ask(sql)
