"""A sink and a ledger that keep what they take, and real Modbus servers on loopback: pymodbus's own,
and one by hand that can misbehave.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from config.devices import ModbusDevice
from water.batch import Batch, concatenate


class KeepingSink:
    """``failing``: raised by every append while set; ``refused`` counts those."""

    def __init__(self):
        self.batches: list[Batch] = []
        self.failing: Exception | None = None
        self.refused = 0

    async def append(self, batch):
        if self.failing is not None:
            self.refused += 1
            raise self.failing
        self.batches.append(batch)

    @property
    def readings(self) -> Batch:
        """All in the order taken."""
        return concatenate(self.batches)


class KeepingLedger:
    def __init__(self):
        self.gaps = []
        self.failing: Exception | None = None

    async def record_gap(self, gap):
        if self.failing is not None:
            raise self.failing
        self.gaps.append(gap)


@pytest.fixture
def sink():
    return KeepingSink()


@pytest.fixture
def ledger():
    return KeepingLedger()


def _registers(values):
    return [
        SimData(address, values=list(words), datatype=DataType.REGISTERS)
        for address, words in values.items()
    ]


def _bits(values):
    return [
        SimData(address, values=list(states), datatype=DataType.BITS)
        for address, states in values.items()
    ]


@contextlib.asynccontextmanager
async def _pymodbus_server(*, coils=None, discrete=None, holding=None, inputs=None, unit=1, port=0):
    """``{address: values}`` of each table; the port it listens on."""
    none_bits, none_words = {9999: [False]}, {9999: [0]}
    device = SimDevice(
        unit,
        simdata=(
            _bits(coils or none_bits),
            _bits(discrete or none_bits),
            _registers(holding or none_words),
            _registers(inputs or none_words),
        ),
    )
    server = ModbusTcpServer(device, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    try:
        yield server.transport.sockets[0].getsockname()[1]
    finally:
        await server.shutdown()


class HandServer:
    """Answers FC 1-4 with register = its own address, as long as ``mood`` is "well".

    Other moods: hang (accepts, never answers), garbage, wrong_transaction, wrong_function, short
    (fewer bytes than asked for), torn (half a frame), close (at the request), slow (``delay_s``), flood (sends without
    end), unasked (an answer, and then without end).
    ``refused`` and ``silent`` are addresses that it refuses with ``exception``, or never answers.
    """

    def __init__(self):
        self.mood = "well"
        self.refused: set[int] = set()
        self.exception = 2
        self.silent: set[int] = set()
        self.delay_s = 0.0
        self.value = None
        self.connections = 0
        self.requests: list[tuple[int, int, int]] = []  # function, address, count
        self.arrivals_s: list[float] = []
        self.port = 0

    async def _serve(self, reader, writer):
        self.connections += 1
        loop = asyncio.get_running_loop()
        try:
            while True:
                head = await reader.readexactly(7)
                body = await reader.readexactly(int.from_bytes(head[4:6], "big") - 1)
                function, address, count = struct.unpack(">BHH", body)
                self.requests.append((function, address, count))
                self.arrivals_s.append(loop.time())
                answer = self._answer(head, function, address, count)
                if self.mood == "close":
                    break
                if self.mood == "slow":
                    await asyncio.sleep(self.delay_s)
                if answer is not None:
                    writer.write(answer)
                    await writer.drain()
                if self.mood == "unasked":
                    await asyncio.sleep(0.1)
                while self.mood in ("flood", "unasked"):
                    writer.write(b"\x00\x01\x00\x00" * 16_384)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _answer(self, head, function, address, count):
        touched = set(range(address, address + count))
        if self.mood in ("hang", "flood") or touched & self.silent:
            return None
        if self.mood == "garbage":
            return b"\x00\x07\x00\x00\x00\x05\x01\x03\x55\x01\x02" * 3
        transaction, unit = head[:2], head[6:7]
        if self.mood == "wrong_transaction":
            transaction = bytes([head[0] ^ 0x40, head[1]])
        if touched & self.refused:
            return (
                transaction + b"\x00\x00\x00\x03" + unit + bytes([function | 0x80, self.exception])
            )
        if self.mood == "short":
            count -= 1
        words = [
            self.value if self.value is not None else a for a in range(address, address + count)
        ]
        payload = struct.pack(f">{len(words)}H", *words)
        if self.mood == "wrong_function":
            function = {3: 4, 4: 3}[function]
        pdu = bytes([function, len(payload)]) + payload
        frame = transaction + b"\x00\x00" + struct.pack(">H", len(pdu) + 1) + unit + pdu
        return frame[: len(frame) // 2] if self.mood == "torn" else frame


class Relay:
    """Passes requests on to a server, and keeps the function code of each."""

    def __init__(self, port):
        self._behind = port
        self.functions = []
        self.port = 0

    async def _serve(self, reader, writer):
        behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", self._behind)
        try:
            while True:
                head = await reader.readexactly(7)
                body = await reader.readexactly(int.from_bytes(head[4:6], "big") - 1)
                self.functions.append(body[0])
                behind_writer.write(head + body)
                head = await behind_reader.readexactly(7)
                body = await behind_reader.readexactly(int.from_bytes(head[4:6], "big") - 1)
                writer.write(head + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            for one in (writer, behind_writer):
                one.close()
                with contextlib.suppress(ConnectionError):
                    await one.wait_closed()


@contextlib.asynccontextmanager
async def _served(one, port=0):
    """A hand-made server on a free port; its connections end with it."""
    tasks = set()

    async def serve(reader, writer):
        tasks.add(asyncio.current_task())
        await one._serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _hand_server(port=0):
    return _served(HandServer(), port)


def _recording_relay(port):
    return _served(Relay(port))


def _unused_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _device(port, tags, *, name="d", **settings):
    given = {"scan_interval": "200 ms", "timeout": "300 ms", "reconnect_max": "1s", **settings}
    described = [{"kind": "flow", "unit": "m3/h", "data": "uint16", **tag} for tag in tags]
    return ModbusDevice.model_validate(
        {
            "id": name,
            "site": "s",
            "protocol": "modbus",
            "host": "127.0.0.1",
            "port": port,
            "tags": described,
            **given,
        }
    )


@contextlib.asynccontextmanager
async def _running(coroutine):
    """The coroutine as a task that is cancelled, and awaited, at the end."""
    task = asyncio.create_task(coroutine)
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _eventually(condition, timeout_s=15.0):
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what is watched has no event
            await asyncio.sleep(0.01)


@pytest.fixture
def pymodbus_server():
    return _pymodbus_server


@pytest.fixture
def hand_server():
    return _hand_server


@pytest.fixture
def modbus_device():
    return _device


@pytest.fixture
def running():
    return _running


@pytest.fixture
def eventually():
    return _eventually


@pytest.fixture
def recording_relay():
    return _recording_relay


@pytest.fixture
def unused_port():
    return _unused_port
