"""The public port of a simulated device: passes bytes to its server, or misbehaves as ordered.

Servers of either protocol stand behind it unchanged, so a fault of the line is made in one place.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import cast

_CONNECT_TIMEOUT_S = 5.0
_REBIND_PAUSE_S = 0.2
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Garbage(StrEnum):
    RANDOM = "random"
    """every answer is random bytes of its length"""
    TRANSACTION = "transaction"
    """the first two bytes, Modbus's transaction id, are wrong"""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a port behaves; the default is well.

    listening : false: connections are dropped and the port is closed, as of a device without power
    refusing : connections are accepted and reset at once, as of a device with none to spare
    hanging : accepts, reads and never answers, on connections old and new
    delay_s : every answer is this late
    cut_after : a connection is cut after this many bytes of answers
    """

    listening: bool = True
    refusing: bool = False
    hanging: bool = False
    delay_s: float = 0.0
    garbage: Garbage | None = None
    cut_after: int | None = None


WELL = Behaviour()


def together(behaviours: Iterable[Behaviour]) -> Behaviour:
    """Several faults of one port at once: the worst of each."""
    every = list(behaviours)
    if not every:
        return WELL
    cuts = [b.cut_after for b in every if b.cut_after is not None]
    return Behaviour(
        listening=all(b.listening for b in every),
        refusing=any(b.refusing for b in every),
        hanging=any(b.hanging for b in every),
        delay_s=max(b.delay_s for b in every),
        garbage=next((b.garbage for b in every if b.garbage), None),
        cut_after=min(cuts) if cuts else None,
    )


class Relay:
    """One public address in front of one private port on loopback."""

    def __init__(self, host: str, port: int, *, seed: int) -> None:
        self.host = host
        self.port = port
        self.behaviour = WELL
        self.random = Random(seed)
        self.connections: set[_Outer] = set()
        self.upstream_port = 0
        self._server: asyncio.Server | None = None

    async def start(self, upstream_port: int) -> None:
        """Listen; ``port`` 0 becomes the one that was free.

        Raises: OSError where the address is taken.
        """
        self.upstream_port = upstream_port
        await self._listen()

    async def stop(self) -> None:
        await self._close()

    async def behave(self, behaviour: Behaviour) -> None:
        """From now on like this. A port that opens again is the same one."""
        before, self.behaviour = self.behaviour, behaviour
        if not behaviour.listening:
            await self._close()
            return
        if behaviour.refusing and not before.refusing:
            self._drop(self.connections)
        if before.hanging and not behaviour.hanging:
            self._drop([c for c in self.connections if c.starved])
        while self._server is None:
            try:
                await self._listen()
            except OSError:  # another program has it meanwhile: a device that comes back late
                await asyncio.sleep(_REBIND_PAUSE_S)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Outer(self), self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        dropped = list(self.connections)
        self._drop(dropped)
        await asyncio.gather(
            *(c.connecting for c in dropped if c.connecting), return_exceptions=True
        )
        if server is not None:
            await server.wait_closed()

    def _drop(self, connections: Iterable[_Outer]) -> None:
        for connection in list(connections):
            connection.reset()


class _Outer(asyncio.Protocol):
    """The side of a connection that faces the collector."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.transport: asyncio.Transport | None = None
        self.inner: _Inner | None = None
        self.connecting: asyncio.Task[None] | None = None
        self.starved = False
        self._asked = bytearray()
        self._late: deque[bytes] = deque()
        self._late_until = 0.0
        self._answered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.relay.connections.add(self)
        behaviour = self.relay.behaviour
        if behaviour.refusing or not behaviour.listening:
            self.reset()
        elif behaviour.hanging:
            self.starved = True
        else:
            self.connecting = asyncio.create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                await loop.create_connection(
                    lambda: _Inner(self), "127.0.0.1", self.relay.upstream_port
                )
        except (OSError, TimeoutError):
            self.reset()

    def connected(self, inner: _Inner) -> None:
        """The server behind has taken the connection."""
        if self.transport is None or self.transport.is_closing():
            inner.close()
            return
        self.inner = inner
        if self._asked:
            inner.write(bytes(self._asked))
            self._asked.clear()

    def data_received(self, data: bytes) -> None:
        if self.relay.behaviour.hanging or self.starved:
            self.starved = True
        elif self.inner is None:
            self._asked += data
        else:
            self.inner.write(data)

    def answer(self, data: bytes) -> None:
        """What the server says, on its way out through the faults."""
        behaviour = self.relay.behaviour
        if behaviour.hanging or self.starved:
            self.starved = True
            return
        if behaviour.garbage is Garbage.RANDOM:
            data = self.relay.random.randbytes(len(data))
        elif behaviour.garbage is Garbage.TRANSACTION:
            data = bytes(b ^ 0x5A for b in data[:2]) + data[2:]
        if behaviour.cut_after is not None and self._answered + len(data) >= behaviour.cut_after:
            self._write(data[: max(behaviour.cut_after - self._answered, 0)])
            self.close()
            return
        self._answered += len(data)
        if behaviour.delay_s > 0 or self._late:
            self._delay(data, behaviour.delay_s)
        else:
            self._write(data)

    def _delay(self, data: bytes, delay_s: float) -> None:
        loop = asyncio.get_running_loop()
        self._late.append(data)
        self._late_until = max(loop.time() + delay_s, self._late_until)
        loop.call_at(self._late_until, self._write_oldest)

    def _write_oldest(self) -> None:
        self._write(self._late.popleft())

    def _write(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def close(self) -> None:
        """Close in good order: what is written still arrives."""
        if self.transport is not None:
            self.transport.close()

    def reset(self) -> None:
        """Close at once, with a reset on the wire."""
        if self.connecting is not None:
            self.connecting.cancel()
        if self.transport is not None and not self.transport.is_closing():
            public = self.transport.get_extra_info("socket")
            with contextlib.suppress(OSError):  # it may be gone already
                public.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self.transport.abort()

    def pause_writing(self) -> None:
        if self.inner is not None:
            self.inner.pause()

    def resume_writing(self) -> None:
        if self.inner is not None:
            self.inner.resume()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.relay.connections.discard(self)
        if self.connecting is not None:
            self.connecting.cancel()
        if self.inner is not None:
            self.inner.close()


class _Inner(asyncio.Protocol):
    """The side of a connection that faces the simulated server."""

    def __init__(self, outer: _Outer) -> None:
        self.outer = outer
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.outer.connected(self)

    def data_received(self, data: bytes) -> None:
        self.outer.answer(data)

    def write(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def pause(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if not self.outer.starved:
            self.outer.close()
