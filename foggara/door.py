"""The HTTP server as a part of the house: bound early, stopped in bounded time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Generator

import uvicorn
from fastapi import FastAPI

from foggara.errors import PortTaken

GRACE_S = 2


def bind(host: str, port: int) -> socket.socket:
    """A listening socket, so that a taken port is known before anything starts. Raises: PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise PortTaken(host, port, error.strerror or str(error)) from error
    return listening


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.opened = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.opened.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """The house handles signals itself, in one place."""
        yield


class Door:
    """Serves the application on a bound socket."""

    def __init__(self, app: FastAPI, listening: socket.socket) -> None:
        settings = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=GRACE_S,
            server_header=False,
        )
        self._server = _Server(settings)
        self._socket = listening

    @property
    def url(self) -> str:
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def serve(self) -> None:
        """Until ``stop``; open streams get ``GRACE_S`` to end."""
        await self._server.serve(sockets=[self._socket])

    async def opened(self, timeout_s: float = 30.0) -> None:
        """Returns once requests are answered. Raises: TimeoutError."""
        async with asyncio.timeout(timeout_s):
            await self._server.opened.wait()

    def stop(self) -> None:
        self._server.should_exit = True
