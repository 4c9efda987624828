"""One connection against real sockets, with everything a device can do to it."""

import asyncio
import socket
import time

import pytest

from collectors.errors import (
    ConnectionGone,
    ConnectionLost,
    Malformed,
    Misfit,
    NoAnswer,
    Refused,
    Unreachable,
)
from collectors.modbus.client import REQUESTS, Connection, Request
from collectors.modbus.planning import Block, Place
from config.devices import RegisterType

TIMEOUT_S = 0.3


def request(address=3, count=2, table=RegisterType.HOLDING):
    return Request.of(Block(table, address, count, (Place(address, count, 0),)), 1)


def connection(port, timeout_s=TIMEOUT_S):
    return Connection("d", "127.0.0.1", port, timeout_s, time.time_ns)


def test_only_the_four_read_functions_can_be_asked():
    assert sorted(pdu.function_code for pdu in REQUESTS.values()) == [1, 2, 3, 4]


@pytest.mark.parametrize("table", list(RegisterType))
def test_all_four_tables_of_a_real_server(pymodbus_server, table):
    async def go():
        tables = {
            "coils": {0: [True, False, True]},
            "discrete": {0: [False, True, True]},
            "holding": {0: [1, 2, 0xFFFE]},
            "inputs": {0: [4, 5, 6]},
        }
        async with pymodbus_server(**tables) as port:
            one = connection(port)
            before_ns = time.time_ns()
            await one.open()
            payload = await one.read(request(0, 3, table))
            assert before_ns < one.arrived_ns <= time.time_ns()
            assert 0 < one.latency_ms < 1000
            one.close()
            return payload

    expected = {
        RegisterType.COIL: b"\x05",
        RegisterType.DISCRETE_INPUT: b"\x06",
        RegisterType.HOLDING: b"\x00\x01\x00\x02\xff\xfe",
        RegisterType.INPUT: b"\x00\x04\x00\x05\x00\x06",
    }
    assert asyncio.run(go()) == expected[table]


@pytest.mark.parametrize(
    ("mood", "error"),
    [
        ("hang", NoAnswer),
        ("torn", NoAnswer),
        ("wrong_transaction", NoAnswer),
        ("garbage", ConnectionGone),
        ("wrong_function", Malformed),
        ("short", Misfit),
        ("close", ConnectionLost),
        ("flood", Malformed),
    ],
)
def test_a_lying_device_ends_in_a_typed_error_and_in_time(hand_server, mood, error):
    async def go():
        async with hand_server() as server:
            one = connection(server.port)
            await one.open()
            assert await one.read(request()) == b"\x00\x03\x00\x04"
            server.mood = mood
            started = time.monotonic()
            with pytest.raises(error):
                await one.read(request())
            assert time.monotonic() - started < TIMEOUT_S + 1
            one.close()

    asyncio.run(go())


def test_an_exception_answer_leaves_the_connection_good(hand_server):
    async def go():
        async with hand_server() as server:
            server.refused = {50}
            one = connection(server.port)
            await one.open()
            with pytest.raises(Refused) as caught:
                await one.read(request(50))
            assert caught.value.code == 2
            assert "illegal data address" in caught.value.cause
            assert await one.read(request(60)) == b"\x00\x3c\x00\x3d"
            one.close()
            assert server.connections == 1

    asyncio.run(go())


def test_a_closed_connection_ends_the_waiting_request_at_once(hand_server):
    async def go():
        async with hand_server() as server:
            server.mood = "close"
            one = connection(server.port, timeout_s=20)
            await one.open()
            started = time.monotonic()
            with pytest.raises(ConnectionLost):
                await one.read(request())
            assert time.monotonic() - started < 5
            one.close()

    asyncio.run(go())


def test_nobody_listening_is_unreachable():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    async def go():
        one = connection(port)
        with pytest.raises(Unreachable, match="no connection"):
            await one.open()
        with pytest.raises(ConnectionLost):
            await one.read(request())
        one.close()

    asyncio.run(go())


def test_a_server_that_accepts_nobody_is_unreachable_within_the_timeout():
    """A full accept queue: the kernel drops the handshake, as a firewall would."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        try:
            for _ in range(4):
                client = socket.socket()
                client.setblocking(False)
                client.connect_ex(full.getsockname())
                waiting.append(client)
            time.sleep(0.05)

            async def go():
                one = connection(full.getsockname()[1])
                started = time.monotonic()
                with pytest.raises(Unreachable, match="within"):
                    await one.open()
                assert time.monotonic() - started < TIMEOUT_S + 1
                one.close()

            asyncio.run(go())
        finally:
            for client in waiting:
                client.close()


def test_a_device_that_sends_without_being_asked_is_cut_off(hand_server):
    async def go():
        async with hand_server() as server:
            server.mood = "unasked"
            one = connection(server.port)
            await one.open()
            assert await one.read(request()) == b"\x00\x03\x00\x04"
            async with asyncio.timeout(5):
                while one.is_open:  # noqa: ASYNC110 - what is watched has no event
                    await asyncio.sleep(0.01)
            with pytest.raises(ConnectionLost):
                await one.read(request())
            one.close()
            server.mood = "well"

    asyncio.run(go())
