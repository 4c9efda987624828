"""foggara demo"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from foggara import logs
from foggara.cli.console import err, load_or_exit, out, told
from foggara.cli.options import Data, Host, LogLevel, Port
from foggara.cli.run import announce
from foggara.options import resolve


def demo(
    host: Host = None,
    port: Port = None,
    data: Data = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Another description to simulate. Default: Oran."),
    ] = None,
    days: Annotated[
        int, typer.Option(min=0, max=4000, help="Days of simulated history to begin with.")
    ] = 400,
    seed: Annotated[int, typer.Option(help="The same seed gives the same plant.")] = 1,
    log_level: LogLevel = "info",
) -> None:
    """Run a simulated plant and everything that watches it.

    The plant's devices are real Modbus and OPC UA servers in a process of their own; they are
    collected, kept, accounted and shown as any plant would be. Ctrl-C stops both.
    """
    from foggara.demo import Demo

    logs.set_up(log_level)
    file = config or Path(str(files("config") / "oran.yaml"))
    plant = load_or_exit(file).plant
    with told():
        options = resolve(plant, base=Path(), host=host, port=port, data=data)
        show = Demo(file, plant, options, days=days, seed=seed, log_level=log_level)
        uvloop.run(show.run(announce, lambda url: out.print(f"Simulator {url}/docs")))
    err.print("Stopped; everything is on disk.")
