"""foggara run"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer
import uvloop

from config.plant import Plant
from foggara import logs
from foggara.cli.console import err, load_or_exit, out, told
from foggara.cli.options import Config, Data, Host, LogLevel, Port
from foggara.options import Options, resolve

if TYPE_CHECKING:
    from foggara.assembly import House


def run(
    config: Config,
    host: Host = None,
    port: Port = None,
    data: Data = None,
    log_level: LogLevel = "info",
) -> None:
    """Collect, keep, account and serve one plant, all in this process.

    Stops cleanly on Ctrl-C or SIGTERM, with everything flushed.
    """
    logs.set_up(log_level)
    plant = load_or_exit(config).plant
    with told():
        options = resolve(plant, base=config.parent, host=host, port=port, data=data)
        uvloop.run(serve(plant, options))


async def serve(plant: Plant, options: Options) -> None:
    """One house until it is asked to stop."""
    from foggara.assembly import assembled, stop_on_signals, until_stopped

    async with assembled(plant, options) as house:
        stop_on_signals(house.tasks)
        announce(house)
        await until_stopped(house)
    err.print("Stopped; everything is on disk.")


def announce(house: House) -> None:
    """Where the page, the API's description and the data are."""
    folder = Path(house.options.data).resolve()
    lines = (
        f"Page      {house.url}/",
        f"API docs  {house.url}/docs",
        f"Data      {folder}",
    )
    for line in lines:
        out.print(line, markup=False, soft_wrap=True)
    if house.options.auth == "keys":
        out.print(f"Keys      foggara key add NAME --data {folder}", markup=False, soft_wrap=True)
    if typer.get_text_stream("stdout").isatty():
        err.print("Ctrl-C stops.")
