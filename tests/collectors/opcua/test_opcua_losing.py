"""A server that stops, hangs or refuses is lost once and back soon, with every node live."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager

import numpy as np
import pytest
from asyncua.crypto.permission_rules import User, UserRole

from water.device import DeviceState
from water.quality import BAD, GOOD, Reason, quality

LOST = quality(BAD, Reason.COMM_FAILURE)
NAMES = ["A", "B", "C"]


class Relay:
    """Passes bytes on to a server until told not to: a network that dies without a word."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._passes = asyncio.Event()
        self._passes.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def hang(self) -> None:
        self._passes.clear()

    def pass_on(self) -> None:
        self._passes.set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to)
        for source, sink in ((reader, there_writer), (there_reader, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                await self._passes.wait()
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            pass
        finally:
            sink.close()

    async def end(self) -> None:
        self._passes.set()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def relayed(port: int):
    relay = Relay(port)
    listener = await asyncio.start_server(relay.accept, "127.0.0.1", 0)
    relay.port = listener.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        listener.close()
        await relay.end()


@pytest.mark.parametrize("mode", ["subscribe", "poll"])
def test_a_server_that_restarts_is_back_with_every_node_live(new_server, device, reading, mode):
    plant = new_server(dict.fromkeys(NAMES, 1.0))

    async def read():
        async with reading(device(plant.endpoint, NAMES, mode=mode)) as r:
            await r.until(lambda: all(r.kept.values(n.lower()) for n in NAMES))
            await asyncio.to_thread(plant.stop)
            await r.until(lambda: r.collector.status().state is DeviceState.OFFLINE)
            await asyncio.sleep(1.5)
            assert [gap.to_ns for gap in r.kept.gaps] == [None]
            await asyncio.to_thread(plant.start)
            took_s = await r.until(lambda: r.collector.status().tags_bad == 0)
            for n, name in enumerate(NAMES):
                await asyncio.to_thread(plant.set, name, 10.0 + n)
            await r.until(
                lambda: all(10.0 + n in r.kept.values(NAMES[n].lower()) for n in (0, 1, 2))
            )
            return r, took_s, r.collector.status()

    r, took_s, status = asyncio.run(read())
    assert took_s < 10
    assert (status.state, status.reconnects) == (DeviceState.ONLINE, 1)
    assert status.scans_missed > 0
    begun, ended = r.kept.gaps
    assert (begun.from_ns, begun.tags) == (ended.from_ns, ("a", "b", "c"))
    assert ended.to_ns > ended.from_ns
    assert ended.readings > 0
    for name in NAMES:
        kept = r.kept.of(name.lower())
        assert np.count_nonzero(kept.quality == LOST) == 1
        assert kept.quality[-1] == GOOD
        assert np.isnan(kept.value[kept.quality == LOST]).all()


@pytest.mark.parametrize("mode", ["subscribe", "poll"])
def test_a_server_that_hangs_is_found_and_is_back_when_well(server, device, reading, mode):
    server.add(f"Hang{mode}", 3.0)
    tag = f"hang{mode}"

    async def read():
        async with relayed(server.port) as relay:
            endpoint = f"opc.tcp://127.0.0.1:{relay.port}/plant"
            plc = device(endpoint, [f"Hang{mode}"], mode=mode, timeout="1s")
            async with reading(plc) as r:
                await r.until(lambda: 3.0 in r.kept.values(tag))
                relay.hang()
                found_s = await r.until(lambda: r.kept.gaps)
                await asyncio.sleep(2)
                relay.pass_on()
                back_s = await r.until(lambda: r.collector.status().tags_bad == 0)
                await asyncio.to_thread(server.set, f"Hang{mode}", 4.0)
                await r.until(lambda: 4.0 in r.kept.values(tag))
                return r, found_s, back_s

    r, found_s, back_s = asyncio.run(read())
    assert found_s < 8
    assert back_s < 10
    assert r.kept.of(tag).quality.tolist().count(LOST) == 1
    assert len(r.kept.gaps) == 2


def test_a_value_that_did_not_change_while_away_is_confirmed_not_repeated(
    new_server, device, reading
):
    plant = new_server({"A": 1.0})

    async def read():
        async with relayed(plant.port) as relay:
            endpoint = f"opc.tcp://127.0.0.1:{relay.port}/plant"
            async with reading(device(endpoint, ["A"], timeout="1s")) as r:
                await r.until(lambda: r.kept.values("a"))
                stamp_ns = await asyncio.to_thread(plant.set, "A", 2.0)
                await r.until(lambda: 2.0 in r.kept.values("a"))
                relay.hang()
                await r.until(lambda: r.kept.gaps)
                relay.pass_on()
                await r.until(lambda: r.collector.status().tags_bad == 0)
                return r, stamp_ns

    r, stamp_ns = asyncio.run(read())
    kept = r.kept.of("a")
    assert kept.time_ns.tolist().count(stamp_ns) == 1
    assert kept.value[-1] == 2.0
    assert kept.time_ns[-1] > r.kept.gaps[0].from_ns


def test_nobody_at_home_is_a_loss_from_the_start_and_others_are_read(server, device, reading):
    server.add("Home", 1.0)
    nobody = device("opc.tcp://127.0.0.1:1/nobody", ["Home"])

    async def read():
        async with reading(nobody) as sick, reading(device(server.endpoint, ["Home"])) as well:
            await sick.until(lambda: sick.kept.gaps)
            await well.until(lambda: well.collector.status().scans >= 10)
            return sick, sick.collector.status(), well.collector.status()

    sick, ill, fine = asyncio.run(read())
    assert sick.kept.of("home").quality.tolist() == [LOST]
    assert ill.state is DeviceState.OFFLINE
    assert ill.last_error
    assert (fine.state, fine.scans_missed) == (DeviceState.ONLINE, 0)


def test_a_node_that_is_removed_is_bad_alone(new_server, device, reading):
    plant = new_server({"A": 1.0, "B": 1.0})

    async def read():
        plc = device(plant.endpoint, ["A", "B"], refresh="500ms")
        async with reading(plc) as r:
            await r.until(lambda: r.kept.values("a") and r.kept.values("b"))
            await asyncio.to_thread(plant.delete, "A")
            await r.until(lambda: r.kept.of("a").quality[-1] >= BAD)
            await asyncio.to_thread(plant.set, "B", 2.0)
            await r.until(lambda: 2.0 in r.kept.values("b"))
            return r

    r = asyncio.run(read())
    assert r.kept.of("a").quality[-1] == quality(BAD, Reason.REFUSED)
    assert r.kept.gaps == []


def test_stopping_closes_the_session(new_server, device, reading):
    plant = new_server({"A": 1.0})

    async def read():
        async with reading(device(plant.endpoint, ["A"])) as r:
            await r.until(lambda: r.kept.values("a"))
            held = plant.sessions
            began = time.monotonic()
        return held, time.monotonic() - began

    held, took_s = asyncio.run(read())
    assert (held, plant.sessions) == (1, 0)
    assert took_s < 4


def test_items_that_die_alone_at_the_server_are_made_anew(new_server, device, reading):
    plant = new_server({"A": 1.0, "B": 1.0})

    async def read():
        async with reading(device(plant.endpoint, ["A", "B"], refresh="500ms")) as r:
            await r.until(lambda: r.kept.values("a") and r.kept.values("b"))
            await asyncio.to_thread(plant.drop_items)
            await asyncio.to_thread(plant.set, "A", 2.0)
            await r.until(lambda: r.collector.status().reconnects == 1)
            await asyncio.to_thread(plant.set, "B", 3.0)
            await r.until(lambda: 3.0 in r.kept.values("b"))
            return r

    assert 2.0 in asyncio.run(read()).kept.values("a")


def test_a_lost_publish_makes_everything_read_again(new_server, device, reading):
    plant = new_server({"A": 1.0})

    async def read():
        async with reading(device(plant.endpoint, ["A"])) as r:
            await r.until(lambda: r.kept.values("a"))
            await asyncio.to_thread(plant.lose_a_publish)
            await asyncio.to_thread(plant.set, "A", 2.0)
            await r.until(lambda: r.collector.status().latency_ms_p50 is not None)
            return r, r.collector.status()

    r, status = asyncio.run(read())
    assert status.errors == 1
    assert "lost" in status.last_error
    assert r.kept.values("a").count(2.0) == 1


def test_an_overflow_at_the_server_is_counted(server, device, reading):
    server.add("Over", 1.0)

    async def read():
        async with reading(device(server.endpoint, ["Over"])) as r:
            await r.until(lambda: r.kept.values("over"))
            await asyncio.to_thread(server.set, "Over", 2.0, status=0x0480)
            await r.until(lambda: 2.0 in r.kept.values("over"))
            return r, r.collector.status()

    r, status = asyncio.run(read())
    assert (status.errors, r.kept.of("over").quality[-1]) == (1, GOOD)
    assert "overflow" in status.last_error


class OneUser:
    """Lets one in, with the right password."""

    def get_user(self, iserver, username=None, password=None, certificate=None):
        right = (username, password) == ("foggara", "qanat")
        return User(role=UserRole.User) if right else None


@pytest.mark.parametrize("password", ["qanat", "wrong", None])
def test_a_password_comes_from_the_environment(new_server, device, reading, monkeypatch, password):
    plant = new_server({"A": 1.0}, users=OneUser())
    monkeypatch.delenv("TESTS_OPCUA_PASSWORD", raising=False)
    if password:
        monkeypatch.setenv("TESTS_OPCUA_PASSWORD", password)
    plc = device(plant.endpoint, ["A"], username="foggara", password_env="TESTS_OPCUA_PASSWORD")

    async def read():
        async with reading(plc) as r:
            if password == "qanat":
                await r.until(lambda: 1.0 in r.kept.values("a"))
            else:
                await r.until(lambda: r.collector.status().errors >= 2)
                assert plant.sessions == 0
            return r.collector.status()

    status = asyncio.run(read())
    if password == "qanat":
        assert status.state is DeviceState.ONLINE
    else:
        assert status.state is DeviceState.OFFLINE
        expected = "TESTS_OPCUA_PASSWORD" if password is None else "refused"
        assert expected in status.last_error
