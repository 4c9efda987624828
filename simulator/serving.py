"""The described plant served: every device a real server, its figures from a source, in time."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Self, TypeVar
from urllib.parse import urlparse

import numpy as np
import structlog
from numpy.typing import NDArray

from config.devices import Device, ModbusDevice, OpcUaDevice
from config.plant import Plant
from simulator.control import ControlServer
from simulator.distortion import Distortion
from simulator.errors import CannotListen
from simulator.faults import Faults
from simulator.modbus_server import ModbusEndpoint
from simulator.opcua_server import OpcUaEndpoint
from simulator.relay import Relay
from simulator.served import ServedDevice
from simulator.source import Source
from simulator.wiring import wiring
from water.batch import NS_PER_S

log = structlog.get_logger()

_Answer = TypeVar("_Answer")
_LOOPBACK = "127.0.0.1"
_SLOW_S = 2e-3
"""a source that takes longer would hold up the answers"""


class Simulation:
    """A plant's devices on real sockets.

    clock : real time, ns UTC
    speed : simulated seconds in a real one. At 1, without ``begin_ns``, simulated time is real
        time; OPC UA source times are simulated times always.
    begin_ns : simulated time of the start; the real one where none is given
    tick_s : real seconds between two instants. Instants are aligned to the clock and lie
        ``lead_s`` before the multiples of it, so that a scan on the full second reads fresh figures.
    free_ports : serve on any free ports of loopback instead of those described
    control_port : of the control API on loopback; 0 any free one, None no control API
    seed : of the faults that are random

    ``run`` serves in time; ``step`` shows one instant by hand. Not both.
    """

    def __init__(
        self,
        plant: Plant,
        source: Source,
        *,
        clock: Callable[[], int],
        speed: float = 1.0,
        begin_ns: int | None = None,
        tick_s: float = 0.5,
        lead_s: float = 0.05,
        free_ports: bool = False,
        control_port: int | None = None,
        seed: int = 0,
    ) -> None:
        self.plant = plant
        self.source = source
        self.missed_ticks = 0
        self._clock = clock
        self._speed = speed
        self._real_begin_ns = clock()
        self._begin_ns = self._real_begin_ns if begin_ns is None else begin_ns
        self._tick_ns = round(tick_s * NS_PER_S)
        self._lead_ns = round(lead_s * NS_PER_S)
        self._turn = asyncio.Lock()
        self._source_is_slow = True
        self.devices = _serve(plant, source, free_ports=free_ports, seed=seed)
        self.faults = Faults(self.devices)
        self.control = None if control_port is None else ControlServer(self, control_port)
        self._ending_faults: asyncio.Task[None] | None = None

    @property
    def speed(self) -> float:
        return self._speed

    def set_speed(self, speed: float) -> None:
        """From now on so many simulated seconds in a real one; simulated time does not jump."""
        real_ns = self._clock()
        self._begin_ns, self._real_begin_ns = self.simulated(real_ns), real_ns
        self._speed = speed

    def simulated(self, real_ns: int) -> int:
        """The simulated time at a real one."""
        elapsed_ns = real_ns - self._real_begin_ns
        if self._speed != 1:
            elapsed_ns = round(elapsed_ns * self._speed)
        return self._begin_ns + elapsed_ns

    async def start(self) -> None:
        """All servers listen and show the first instant when this returns.

        Raises: CannotListen where an address is taken; then nothing is left running.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        by_relay: dict[Relay, list[ServedDevice]] = defaultdict(list)
        for served in self.devices.values():
            by_relay[served.relay].append(served)
        private = await asyncio.gather(*(group[0].endpoint.start() for group in by_relay.values()))
        await self.step(self.simulated(self._clock()))
        for (relay, group), port in zip(by_relay.items(), private, strict=True):
            try:
                await relay.start(port)
            except OSError as err:
                ids = [served.device.id for served in group]
                raise CannotListen(ids, relay.host, relay.port, err.strerror or str(err)) from err
        self._ending_faults = asyncio.create_task(self.faults.run(), name="simulator faults")
        if self.control is not None:
            await self.control.start()
        log.info("simulation serves", devices=len(self.devices), speed=self._speed)

    async def stop(self) -> None:
        """Close every port; again changes nothing."""
        if self.control is not None:
            await self.control.stop()
        if self._ending_faults is not None:
            self._ending_faults.cancel()
            await asyncio.gather(self._ending_faults, return_exceptions=True)
            self._ending_faults = None
        relays = {id(served.relay): served.relay for served in self.devices.values()}
        await asyncio.gather(*(relay.stop() for relay in relays.values()))
        endpoints = {id(served.endpoint): served.endpoint for served in self.devices.values()}
        await asyncio.gather(*(endpoint.stop() for endpoint in endpoints.values()))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def run(self) -> None:
        """Show instant after instant until cancelled. An instant that is missed is not made up for."""
        number = (self._clock() + self._lead_ns) // self._tick_ns + 1
        while True:
            due_ns = number * self._tick_ns - self._lead_ns
            await asyncio.sleep(max(due_ns - self._clock(), 0) / NS_PER_S)
            await self.step(self.simulated(due_ns))
            following = (self._clock() + self._lead_ns) // self._tick_ns + 1
            following = max(following, number + 1)  # a loop may wake a little early
            self.missed_ticks += following - number - 1
            number = following

    async def step(self, time_ns: int) -> None:
        """Every device shows this simulated instant when it returns."""
        async with self._turn:
            figures = np.append(await self._figures(time_ns), np.nan)
            for served in self.devices.values():
                await served.publish(figures, time_ns)
                await asyncio.sleep(0)  # answers that wait go between two devices

    async def _figures(self, time_ns: int) -> NDArray[np.float64]:
        """The source's figures; a source that was slow the last time is asked in a thread."""
        began = time.perf_counter()
        if self._source_is_slow:
            figures = await _in_thread(lambda: self.source.at(time_ns))
        else:
            figures = self.source.at(time_ns)
        self._source_is_slow = time.perf_counter() - began > _SLOW_S
        return figures

    async def ask(self, question: Callable[[], _Answer]) -> _Answer:
        """Ask the source something between two instants, in a thread; nothing else asks it then."""
        async with self._turn:
            return await _in_thread(question)

    async def truth(self) -> dict[str, Any]:
        """The source's truth at the instant that is shown."""
        return await self.ask(self.source.truth)

    def described(self) -> Plant:
        """The plant with the addresses at which it is really served, for those who collect."""
        return self.plant.with_devices([_at_its_port(s) for s in self.devices.values()])


async def _in_thread(work: Callable[[], _Answer]) -> _Answer:
    """Done when the thread is done, also where this is cancelled: whoever asks next finds the source
    standing still.
    """
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        raise


def _at_its_port(served: ServedDevice) -> Device:
    host, port = served.relay.host, served.relay.port
    if isinstance(served.device, ModbusDevice):
        return served.device.model_copy(update={"host": host, "port": port})
    path = urlparse(served.device.endpoint).path
    return served.device.model_copy(update={"endpoint": f"opc.tcp://{host}:{port}{path}"})


def _address(device: Device) -> tuple[str, int]:
    if isinstance(device, ModbusDevice):
        return device.host, device.port
    described = urlparse(device.endpoint)
    return described.hostname or _LOOPBACK, described.port or 4840


def _serve(plant: Plant, source: Source, *, free_ports: bool, seed: int) -> dict[str, ServedDevice]:
    """Servers and ports for all devices, not started; in the order described."""
    where = {tag: i for i, tag in enumerate(source.tags)}
    groups: dict[tuple[str, int, int], list[Device]] = defaultdict(list)
    for number, device in enumerate(plant.devices):
        own_server = 0 if isinstance(device, ModbusDevice) else number + 1
        groups[*_address(device), own_server].append(device)
    served: dict[str, ServedDevice] = {}
    for number, ((host, port, _), devices) in enumerate(groups.items()):
        relay = Relay(_LOOPBACK, 0, seed=seed + number) if free_ports else None
        relay = relay or Relay(host, port, seed=seed + number)
        endpoint = _endpoint(plant, devices)
        for device in devices:
            tag_ids = tuple(tag.id for tag in device.tags)
            index = np.array([where.get(tag, -1) for tag in tag_ids], np.intp)
            served[device.id] = ServedDevice(device, endpoint, relay, Distortion(), index, tag_ids)
    return {device.id: served[device.id] for device in plant.devices}


def _endpoint(plant: Plant, devices: Sequence[Device]) -> ModbusEndpoint | OpcUaEndpoint:
    modbus = [device for device in devices if isinstance(device, ModbusDevice)]
    if modbus:
        return ModbusEndpoint(modbus, {device.id: wiring(plant, device) for device in modbus})
    (device,) = [device for device in devices if isinstance(device, OpcUaDevice)]
    return OpcUaEndpoint(device, wiring(plant, device))
