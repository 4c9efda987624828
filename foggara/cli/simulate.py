"""foggara simulate"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import stat
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer
import uvloop

from config.plant import Plant
from foggara import logs
from foggara.cli.console import err, load_or_exit, out
from foggara.cli.options import Config, LogLevel
from foggara.ports import moved
from simulator.errors import SimulatorError

if TYPE_CHECKING:
    from simulator.physics import PlantPhysics
    from simulator.serving import Simulation
    from simulator.source import Source

log = structlog.get_logger(__name__)
_SAVE_S = 5.0


def simulate(
    config: Config,
    speed: Annotated[
        float, typer.Option(min=0.001, max=100_000, help="Simulated seconds in a real one.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same plant.")] = 1,
    control_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the control API (faults, truth).")
    ] = 0,
    state: Annotated[
        Path | None, typer.Option(help="File that keeps the plant's state from run to run.")
    ] = None,
    past_days: Annotated[
        int, typer.Option(min=0, max=4000, help="Days that the plant has lived before it begins.")
    ] = 0,
    end_ns: Annotated[int, typer.Option(hidden=True)] = 0,
    write_past_to: Annotated[Path | None, typer.Option(hidden=True)] = None,
    port_offset: Annotated[int, typer.Option(min=0, help="Raise every device's port by this.")] = 0,
    replay: Annotated[
        Path | None,
        typer.Option(
            help="Serve a recording instead of the model: its description (docs/replay.md)."
        ),
    ] = None,
    log_level: LogLevel = "info",
) -> None:
    """Serve a described plant's devices on real Modbus and OPC UA sockets, with a physical model.

    The control API orders faults and tells the truth: GET /truth, POST /faults. Ends on Ctrl-C,
    SIGTERM, or when its standard input closes.
    """
    from simulator.past import write_past
    from simulator.physics import PlantPhysics

    logs.set_up(log_level)
    plant = moved(load_or_exit(config, say_warnings=False).plant, port_offset)
    if replay is not None:
        _replay(plant, replay, speed, seed, control_port)
        return
    physics = PlantPhysics(plant, seed)
    end_ns = end_ns or time.time_ns()
    if write_past_to is not None:
        write_past(physics, past_days, end_ns, write_past_to)
        return
    _begin(physics, state, past_days, end_ns)
    try:
        kept = None if state is None else (physics, state)
        uvloop.run(_serve(plant, physics, speed, seed, control_port, kept=kept))
    except SimulatorError as error:
        err.print(f"foggara: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    gc.freeze()  # the system takes the memory back faster than the collector looks through it


def _replay(plant: Plant, replay: Path, speed: float, seed: int, control_port: int) -> None:
    """Serve a recording from its first row on."""
    from simulator.replaying import load_replay

    try:
        source = load_replay(replay, plant)
        uvloop.run(_serve(plant, source, speed, seed, control_port, begin_ns=source.begins_ns))
    except SimulatorError as error:
        err.print(f"foggara: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None


def _begin(physics: PlantPhysics, state: Path | None, past_days: int, end_ns: int) -> None:
    """Go on from the saved state, or live through the past."""
    if state is not None and state.exists():
        physics.restore(json.loads(state.read_text(encoding="utf-8")))
    elif past_days:
        physics.pass_through(past_days, end_ns)


async def _serve(
    plant: Plant,
    source: Source,
    speed: float,
    seed: int,
    control_port: int,
    *,
    begin_ns: int | None = None,
    kept: tuple[PlantPhysics, Path] | None = None,
) -> None:
    """``kept`` : the model and the file that keeps its state."""
    from simulator.serving import Simulation

    async with contextlib.AsyncExitStack() as stack:
        simulation = Simulation(
            plant,
            source,
            clock=time.time_ns,
            speed=speed,
            begin_ns=begin_ns,
            control_port=control_port,
            seed=seed,
        )
        await stack.enter_async_context(simulation)
        if kept is not None:
            stack.push_async_callback(_save, simulation, *kept)
        async with asyncio.TaskGroup() as group:
            work = [group.create_task(simulation.run())]
            if kept is not None:
                work.append(group.create_task(_keep_saving(simulation, *kept)))
            _tell_ready(simulation)
            await _stop_wanted()
            for task in work:
                task.cancel()


def _tell_ready(simulation: Simulation) -> None:
    control = simulation.control
    url = control.url if control is not None else None
    if sys.stdout.isatty():
        out.print(f"{len(simulation.devices)} devices are served. Control API: {url}/docs")
    else:
        out.file.write(json.dumps({"ready": True, "control": url}) + "\n")
        out.file.flush()


async def _stop_wanted() -> None:
    """Returns on SIGTERM, Ctrl-C, or at the end of a standard input that a parent holds."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    mode = os.fstat(sys.stdin.fileno()).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):  # uvloop gives its children a pair of sockets
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        await loop.connect_read_pipe(lambda: protocol, sys.stdin)
        ended = asyncio.create_task(reader.read())
        ended.add_done_callback(lambda _: stop.set())
    await stop.wait()


async def _keep_saving(simulation: Simulation, source: PlantPhysics, state: Path) -> None:
    while True:
        await asyncio.sleep(_SAVE_S)
        await _save(simulation, source, state)


async def _save(simulation: Simulation, source: PlantPhysics, state: Path) -> None:
    """Between two instants, for the model may be asked in a thread."""
    text = await simulation.ask(lambda: json.dumps(source.state()))

    def write() -> None:
        part = state.with_suffix(".part")
        part.write_text(text, encoding="utf-8")
        part.replace(state)

    await asyncio.to_thread(write)
