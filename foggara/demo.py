"""The demonstration: a simulated plant in a process of its own, and the house that watches it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from config.plant import Plant
from foggara.assembly import House, assembled, stop_on_signals, until_stopped
from foggara.errors import SimulatorEnded
from foggara.options import Options
from foggara.past import take_in
from foggara.ports import free_offset, moved

log = structlog.get_logger(__name__)
_READY_S = 120.0
_END_S = 3.0


class Demo:
    """A plant that is simulated in a child process and watched in this one.

    days, seed : of the past that the plant has when its data folder is new
    """

    def __init__(
        self,
        file: Path,
        plant: Plant,
        options: Options,
        *,
        days: int,
        seed: int,
        log_level: str,
    ) -> None:
        self._file = file
        self._options = options
        self._log_level = log_level
        self._offset = free_offset(plant)
        self._plant = moved(plant, self._offset)
        self._folder = options.data / "simulator"
        self._days, self._seed = days, seed

    async def run(
        self, announce: Callable[[House], None], announce_simulator: Callable[[str], None]
    ) -> None:
        """Until asked to stop, or until the simulator ends by itself (raises SimulatorEnded)."""
        async with contextlib.AsyncExitStack() as stack:
            ready = asyncio.Event()
            house = await stack.enter_async_context(
                assembled(self._plant, self._options, devices_ready=ready)
            )
            stop_on_signals(house.tasks)
            self._folder.mkdir(exist_ok=True)
            past = self._past()
            simulator = await self._start(house.last, self._simulator_arguments(past))
            announce(house)
            house.tasks.start("simulator", self._follow(simulator, ready, announce_simulator))
            stack.push_async_callback(house.tasks.end, "simulator", 1.0)
            if not past["taken_in"]:
                house.tasks.start("past", self._live_the_past(house, past))
                stack.push_async_callback(house.tasks.end, "past", 1.0)
            await until_stopped(house)

    def _past(self) -> dict[str, Any]:
        """Which past the plant has; decided once for a data folder."""
        note = self._folder / "past.json"
        if note.exists():
            return json.loads(note.read_text(encoding="utf-8"))
        past = {
            "days": self._days,
            "seed": self._seed,
            "end_ns": time.time_ns(),
            "taken_in": self._days == 0,
        }
        self._remember(past)
        return past

    def _remember(self, past: dict[str, Any]) -> None:
        part = self._folder / "past.part"
        part.write_text(json.dumps(past), encoding="utf-8")
        part.replace(self._folder / "past.json")

    def _common_arguments(self, past: dict[str, Any]) -> list[str]:
        return [
            "simulate", "--config", str(self._file), "--log-level", self._log_level,
            "--seed", str(past["seed"]),
            "--past-days", str(past["days"]), "--end-ns", str(past["end_ns"]),
        ]  # fmt: skip

    def _simulator_arguments(self, past: dict[str, Any]) -> list[str]:
        state = str(self._folder / "state.json")
        return [
            *self._common_arguments(past), "--state", state, "--port-offset", str(self._offset)
        ]  # fmt: skip

    async def _start(
        self, stack: contextlib.AsyncExitStack, arguments: list[str], *, nice: int = 0
    ) -> Process:
        """A child that is ended with this stack, and that ends by itself if this process dies."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "foggara", *arguments,
            stdin=PIPE, stdout=PIPE, start_new_session=True,
        )  # fmt: skip
        if nice:
            os.setpriority(os.PRIO_PROCESS, process.pid, nice)
        stack.push_async_callback(_end, process)
        return process

    async def _follow(
        self, simulator: Process, ready: asyncio.Event, tell: Callable[[str], None]
    ) -> None:
        assert simulator.stdout is not None
        async with asyncio.timeout(_READY_S):
            line = await simulator.stdout.readline()
        if line:
            tell(json.loads(line)["control"])
            ready.set()
        raise SimulatorEnded(await simulator.wait())

    async def _live_the_past(self, house: House, past: dict[str, Any]) -> None:
        """The same past, lived once more beside the simulator, with its instruments read."""
        folder = self._folder / "past"
        arguments = [*self._common_arguments(past), "--write-past-to", str(folder)]
        writer = await self._start(house.last, arguments, nice=10)
        taking = asyncio.create_task(take_in(house, folder, past["days"]))
        try:
            if await writer.wait() != 0:
                raise SimulatorEnded(writer.returncode)
            await taking
        finally:
            taking.cancel()
        self._remember({**past, "taken_in": True})


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_END_S):
            await process.wait()
    except TimeoutError:
        log.warning("the simulator did not end in time", pid=process.pid)
        process.kill()
        await process.wait()
