"""A device's collector against real servers, scan by scan and running."""

import asyncio
import contextlib
import struct
import time
from random import Random

import numpy as np
import pytest

from collectors.delivery import Delivery
from collectors.errors import ConnectionGone
from collectors.modbus.collector import ModbusCollector
from water.device import DeviceState
from water.quality import BAD, Reason, quality

NS_PER_MS = 1_000_000
REFUSED = quality(BAD, Reason.REFUSED)
TIMEOUT = quality(BAD, Reason.TIMEOUT)
COMM_FAILURE = quality(BAD, Reason.COMM_FAILURE)
MALFORMED = quality(BAD, Reason.MALFORMED)


class Rig:
    """A collector with a delivery that runs; ``latest`` is what its last scans say of each tag."""

    def __init__(self, device, sink, ledger):
        self.device = device
        self.sink = sink
        self.delivery = Delivery(sink, ledger)
        numbers = {tag.id: i for i, tag in enumerate(device.tags)}
        self.collector = ModbusCollector(device, numbers, self.delivery, time.time_ns, Random(1))

    async def scan(self):
        """value and quality by tag, of what this scan delivered"""
        before = len(self.sink.batches)
        with contextlib.suppress(ConnectionGone):
            await self.collector.scan(time.time_ns())
        assert await self.delivery.drain(5)
        got = {}
        for batch in self.sink.batches[before:]:
            for number, value, code in zip(batch.tag_id, batch.value, batch.quality, strict=True):
                got[self.device.tags[number].id] = (value, code)
        return got


@contextlib.asynccontextmanager
async def rig_of(device, sink, ledger):
    rig = Rig(device, sink, ledger)
    task = asyncio.create_task(rig.delivery.run())
    try:
        yield rig
    finally:
        rig.collector.close()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def tags(*addresses, **settings):
    return [{"id": f"t{a}", "address": a, **settings} for a in addresses]


def test_every_type_order_and_table_from_a_real_server(
    pymodbus_server, modbus_device, sink, ledger
):
    f32, f64 = struct.unpack(">2H", struct.pack(">f", 1.5)), struct.pack(">d", -2.25)
    words64 = struct.unpack(">4H", f64)
    swapped = [((w & 0xFF) << 8) | w >> 8 for w in f32]

    async def go():
        tables = {
            "holding": {0: [*f32, *reversed(f32), *swapped, *reversed(swapped)], 20: [*words64]},
            "inputs": {5: [0xFFFF, 0xFFFE]},
            "coils": {3: [True, False]},
            "discrete": {4: [False, True]},
        }
        described = [
            {"id": "abcd", "address": 0, "data": "float32"},
            {"id": "cdab", "address": 2, "data": "float32", "byte_order": "CDAB"},
            {"id": "badc", "address": 4, "data": "float32", "byte_order": "BADC"},
            {"id": "dcba", "address": 6, "data": "float32", "byte_order": "DCBA", "unit": "L/s"},
            {"id": "f64", "address": 20, "data": "float64"},
            {"id": "i32", "address": 5, "data": "int32", "register": "input"},
            {
                "id": "scaled",
                "address": 6,
                "register": "input",
                "scaling": {"raw": [0, 65534], "value": [10, 20]},
            },
            {"id": "coil", "address": 3, "register": "coil", "kind": "state", "unit": "1"},
            {"id": "in", "address": 5, "register": "discrete_input", "kind": "state", "unit": "1"},
        ]
        async with pymodbus_server(**tables) as port:
            device = modbus_device(port, described)
            async with rig_of(device, sink, ledger) as rig:
                return await rig.scan()

    got = asyncio.run(go())
    values = {tag: value for tag, (value, _) in got.items()}
    assert values == pytest.approx(
        {
            "abcd": 1.5,
            "cdab": 1.5,
            "badc": 1.5,
            "dcba": 5.4,
            "f64": -2.25,
            "i32": -2,
            "scaled": 20,
            "coil": 1,
            "in": 1,
        }
    )
    assert {code for _, code in got.values()} == {0}


def test_readings_are_stamped_with_the_whole_millisecond_of_their_own_answer(
    hand_server, modbus_device, sink, ledger
):
    async def go():
        async with hand_server() as server:
            server.mood, server.delay_s = "slow", 0.05
            device = modbus_device(server.port, tags(0, 100))  # two blocks, 50 ms each
            async with rig_of(device, sink, ledger) as rig:
                before = time.time_ns()
                await rig.scan()
                return before, time.time_ns()

    before, after = asyncio.run(go())
    first, second = sink.readings.time_ns.tolist()
    assert first % NS_PER_MS == second % NS_PER_MS == 0
    assert before - NS_PER_MS < first < second <= after
    assert second - first >= 45 * NS_PER_MS


def test_a_refused_tag_is_found_and_the_others_go_on(hand_server, modbus_device, sink, ledger):
    async def go():
        async with hand_server() as server:
            server.refused = {13}
            device = modbus_device(server.port, tags(*range(10, 30)), scan_interval="5s")
            async with rig_of(device, sink, ledger) as rig:
                first = await rig.scan()
                asked = len(server.requests)
                second = await rig.scan()
                return first, second, len(server.requests) - asked, rig.collector.status()

    first, second, asked, status = asyncio.run(go())
    assert first["t13"][1] == REFUSED
    assert np.isnan(first["t13"][0])
    good = {f"t{a}": (a, 0) for a in range(10, 30) if a != 13}
    assert {tag: got for tag, got in first.items() if tag != "t13"} == good
    assert second == good, "the split is remembered, and the refused one is not asked every time"
    assert asked <= 6
    assert status.state is DeviceState.DEGRADED
    assert status.tags_bad == 1


def test_one_failed_instrument_stops_none_of_its_block_and_is_back_soon(
    hand_server, modbus_device, sink, ledger, monkeypatch
):
    monkeypatch.setattr("collectors.modbus.blocks.RETRY_FAILED_NS", 50 * NS_PER_MS)

    async def go():
        async with hand_server() as server:
            server.refused, server.exception = {5}, 4
            device = modbus_device(server.port, tags(*range(8)), scan_interval="5s")
            async with rig_of(device, sink, ledger) as rig:
                failed = await rig.scan()
                server.refused = set()
                await asyncio.sleep(0.1)
                back = await rig.scan()
                asked = len(server.requests)
                final = await rig.scan()
                return failed, back, final, len(server.requests) - asked

    failed, back, final, asked = asyncio.run(go())
    assert failed.pop("t5")[1] >= BAD
    assert failed == {f"t{a}": (a, 0) for a in range(8) if a != 5}
    assert back["t5"] == (5, 0)
    assert final == {f"t{a}": (a, 0) for a in range(8)}
    assert asked == 1


def test_a_cured_tag_is_found_and_all_is_read_at_once_again(
    hand_server, modbus_device, sink, ledger, monkeypatch
):
    monkeypatch.setattr("collectors.modbus.blocks.RETRY_REFUSED_NS", 50 * NS_PER_MS)

    async def go():
        async with hand_server() as server:
            server.refused = {3}
            device = modbus_device(server.port, tags(*range(8)), scan_interval="5s")
            async with rig_of(device, sink, ledger) as rig:
                await rig.scan()
                server.refused = set()
                await asyncio.sleep(0.1)
                await rig.scan()
                asked = len(server.requests)
                final = await rig.scan()
                return final, len(server.requests) - asked, rig.collector.status()

    final, asked, status = asyncio.run(go())
    assert final == {f"t{a}": (a, 0) for a in range(8)}
    assert asked == 1
    assert status.tags_bad == 0


def test_a_block_of_the_wrong_size_is_malformed_and_stops_no_other(
    hand_server, modbus_device, sink, ledger
):
    async def go():
        async with hand_server() as server:
            device = modbus_device(server.port, tags(0, 100))
            async with rig_of(device, sink, ledger) as rig:
                server.mood = "short"
                return await rig.scan(), server.connections

    got, connections = asyncio.run(go())
    assert {code for _, code in got.values()} == {MALFORMED}
    assert set(got) == {"t0", "t100"}
    assert connections == 1


def test_a_silent_block_costs_only_itself(hand_server, modbus_device, sink, ledger):
    """Some devices do not answer at all for an address that they do not have."""

    async def go():
        async with hand_server() as server:
            server.silent = {100}
            device = modbus_device(server.port, tags(0, 100, 200), timeout="100 ms")
            async with rig_of(device, sink, ledger) as rig:
                return [await rig.scan() for _ in range(4)]

    scans = asyncio.run(go())
    for got in scans:
        assert got["t0"] == (0, 0)
        assert got["t200"] == (200, 0)
    assert scans[0]["t100"][1] == TIMEOUT
    assert "t100" not in scans[3], "it is left alone for a time"


def test_bad_values_are_kept_with_their_quality(hand_server, modbus_device, sink, ledger):
    async def go():
        async with hand_server() as server:
            server.value = 5000
            described = tags(0, range=[0, 100])
            async with rig_of(modbus_device(server.port, described), sink, ledger) as rig:
                return await rig.scan()

    assert asyncio.run(go()) == {"t0": (5000.0, quality(BAD, Reason.OUT_OF_RANGE))}


def test_a_connection_that_the_device_closed_while_idle_is_no_loss(
    pymodbus_server, modbus_device, sink, ledger
):
    async def go():
        async with pymodbus_server(holding={0: [7]}) as port:
            rig_context = rig_of(modbus_device(port, tags(0)), sink, ledger)
            rig = await rig_context.__aenter__()
            assert await rig.scan() == {"t0": (7, 0)}
        await asyncio.sleep(0.05)
        async with pymodbus_server(holding={0: [8]}, port=port):
            assert await rig.scan() == {"t0": (8, 0)}
            status = rig.collector.status()
            await rig_context.__aexit__(None, None, None)
            return status

    status = asyncio.run(go())
    assert status.reconnects == 1
    assert ledger.gaps == []


def test_lost_once_back_once(hand_server, modbus_device, sink, ledger, running, eventually):
    async def go():
        async with hand_server() as server:
            device = modbus_device(server.port, tags(0, 1), reconnect_max="500 ms")
            async with rig_of(device, sink, ledger) as rig, running(rig.collector.run()):
                await eventually(lambda: rig.collector.status().scans >= 2)
                assert rig.collector.status().state is DeviceState.ONLINE
                server.mood = "hang"
                await eventually(lambda: rig.collector.status().state is DeviceState.OFFLINE)
                for _ in range(30):  # through several attempts
                    await asyncio.sleep(0.05)
                    assert rig.collector.status().state is DeviceState.OFFLINE
                assert rig.collector.status().tags_bad == 2
                server.mood = "well"
                await eventually(lambda: rig.collector.status().state is DeviceState.ONLINE)
                scans = rig.collector.status().scans
                await eventually(lambda: rig.collector.status().scans > scans + 1)
                assert await rig.delivery.drain(5)
                return rig.collector.status()

    status = asyncio.run(go())
    lost = sink.readings.where(sink.readings.quality == COMM_FAILURE)
    assert sorted(lost.tag_id.tolist()) == [0, 1]
    assert np.isnan(lost.value).all()
    begun, ended = ledger.gaps
    assert begun.from_ns == ended.from_ns == lost.time_ns[0]
    assert begun.to_ns is None
    # begun at some 300 ms of timeout after a tick, so a reading or two at the ends are arguable
    lasted_scans = (ended.to_ns - ended.from_ns) // (200 * NS_PER_MS)
    assert ended.readings == 2 * lasted_scans > 0
    assert status.reconnects == 1
    assert status.scans_missed > 0
    assert "no answer" in status.last_error


def test_a_cancel_ends_an_open_gap_and_closes_the_connection(
    hand_server, modbus_device, sink, ledger, running, eventually
):
    async def go():
        async with hand_server() as server:
            server.mood = "hang"
            device = modbus_device(server.port, tags(0))
            async with rig_of(device, sink, ledger) as rig:
                async with running(rig.collector.run()):
                    await eventually(lambda: rig.collector.status().last_error is not None)
                assert rig.collector.status().state is DeviceState.OFFLINE
                assert await rig.delivery.drain(5)

    asyncio.run(go())
    begun, ended = ledger.gaps
    assert ended.to_ns >= ended.from_ns == begun.from_ns
