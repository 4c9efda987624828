"""The simulator's control API, on loopback: what is true, what is served where, faults and speed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from config.devices import ModbusDevice
from simulator.errors import BadFault, CannotListen, UnknownFault, UnknownTarget
from simulator.faults import Fault, FaultOrder
from simulator.served import ServedDevice

if TYPE_CHECKING:
    from simulator.serving import Simulation

_LOOPBACK = "127.0.0.1"
_STOP_TIMEOUT_S = 3.0


class FaultAnswer(BaseModel):
    id: int
    device: str
    fault: str
    tag: str | None
    seconds_left: float | None
    parameters: dict[str, Any]


class DeviceAnswer(BaseModel):
    id: str
    protocol: str
    host: str
    port: int
    unit: int | None
    tags: int


class Speed(BaseModel):
    speed: float = Field(gt=0, le=100_000, description="simulated seconds in a real one")


def control_app(simulation: Simulation) -> FastAPI:
    """The API of a simulation. It has no keys: it is meant for loopback only."""
    app = FastAPI(title="Foggara simulator")
    app.add_exception_handler(UnknownTarget, _answer(404))
    app.add_exception_handler(UnknownFault, _answer(404))
    app.add_exception_handler(BadFault, _answer(422))

    @app.get("/truth")
    async def truth() -> dict[str, Any]:
        return await simulation.truth()

    @app.get("/devices")
    async def devices() -> list[DeviceAnswer]:
        return [_device(served) for served in simulation.devices.values()]

    @app.get("/faults")
    async def faults() -> list[FaultAnswer]:
        return [_fault(fault) for fault in simulation.faults.active()]

    @app.post("/faults", status_code=201)
    async def order(wanted: FaultOrder) -> FaultAnswer:
        return _fault(await simulation.faults.order(wanted))

    @app.delete("/faults/{number}", status_code=204)
    async def end(number: int) -> None:
        await simulation.faults.end(number)

    @app.get("/speed")
    async def speed() -> Speed:
        return Speed(speed=simulation.speed)

    @app.post("/speed")
    async def set_speed(wanted: Speed) -> Speed:
        simulation.set_speed(wanted.speed)
        return wanted

    return app


def _answer(status: int) -> Any:
    async def answer(request: Request, err: Exception) -> JSONResponse:
        del request
        return JSONResponse({"status": status, "detail": str(err)}, status_code=status)

    return answer


def _device(served: ServedDevice) -> DeviceAnswer:
    device = served.device
    return DeviceAnswer(
        id=device.id,
        protocol=device.protocol,
        host=served.relay.host,
        port=served.relay.port,
        unit=device.unit if isinstance(device, ModbusDevice) else None,
        tags=len(served.tag_ids),
    )


def _fault(fault: Fault) -> FaultAnswer:
    left = None
    if fault.ends is not None:
        left = max(fault.ends - asyncio.get_running_loop().time(), 0.0)
    order = fault.order
    return FaultAnswer(
        id=fault.number,
        device=order.device,
        fault=order.fault,
        tag=order.tag,
        seconds_left=left,
        parameters=order.parameters.model_dump(exclude_unset=True),
    )


class _Uvicorn(uvicorn.Server):
    """A server inside a process that has its own way to stop; signals are not its affair."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class ControlServer:
    """The control API on a port of loopback; ``port`` is the real one once started."""

    def __init__(self, simulation: Simulation, port: int) -> None:
        self.port = port
        self._simulation = simulation
        self._server: _Uvicorn | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://{_LOOPBACK}:{self.port}"

    async def start(self) -> None:
        """Raises: CannotListen where the port is taken."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((_LOOPBACK, self.port))
        except OSError as err:
            listener.close()
            why = err.strerror or str(err)
            raise CannotListen(["control API"], _LOOPBACK, self.port, why) from err
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            control_app(self._simulation),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self._server = _Uvicorn(config)
        self._task = asyncio.create_task(self._server.serve([listener]), name="control API")
        ready = asyncio.create_task(self._server.ready.wait())
        await asyncio.wait((ready, self._task), return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()

    async def stop(self) -> None:
        if self._server is None or self._task is None:
            return
        self._server.should_exit = True
        await asyncio.wait((self._task,), timeout=_STOP_TIMEOUT_S)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._server = self._task = None
