"""All devices together: the sick never delay the well, and all end cleanly."""

import asyncio
import contextlib
import time

import pytest

from collectors.collecting import Collectors
from water.device import DeviceState


class Away(Exception):
    retry_s = 0.05


def numbers_of(devices):
    ids = [tag.id for device in devices for tag in device.tags]
    return {tag: number for number, tag in enumerate(ids)}


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_one_hung_one_refusing_and_one_flooding_delay_nobody(
    hand_server, modbus_device, sink, ledger, running, unused_port, loop
):
    """At 0 s all start; for 6 s one device hangs, one refuses, one floods; the six others miss no
    scan.
    """

    async def go():
        async with contextlib.AsyncExitStack() as stack:
            well = [await stack.enter_async_context(hand_server()) for _ in range(6)]
            hung = await stack.enter_async_context(hand_server())
            hung.mood = "hang"
            flooding = await stack.enter_async_context(hand_server())
            flooding.mood = "flood"
            ports = [*(s.port for s in well), hung.port, unused_port(), flooding.port]
            devices = [
                modbus_device(
                    port,
                    [{"id": f"d{i}.t{a}", "address": a} for a in (0, 1, 50)],
                    name=f"d{i}",
                    timeout="1s",
                    scan_interval="500 ms",
                )
                for i, port in enumerate(ports)
            ]
            collectors = Collectors(devices, numbers_of(devices), sink, ledger, seed=1)
            async with running(collectors.run()):
                await asyncio.sleep(6)
                return collectors.statuses()

    if loop == "uvloop":
        uvloop = pytest.importorskip("uvloop")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            statuses = runner.run(go())
    else:
        statuses = asyncio.run(go())
    for status in statuses[:6]:
        assert status.state is DeviceState.ONLINE
        assert status.scans_missed == 0
        assert 11 <= status.scans <= 13
        assert status.errors == 0
    for status in statuses[6:]:
        assert status.state is DeviceState.OFFLINE
        assert status.scans == 0
    assert "no answer" in statuses[6].last_error
    assert "no connection" in statuses[7].last_error
    assert {gap.device for gap in ledger.gaps} == {"d6", "d7", "d8"}


@pytest.mark.slow
def test_sick_devices_are_back_within_ten_seconds_of_being_well(
    hand_server, modbus_device, sink, ledger, running, unused_port, eventually
):
    """With the default pauses: at 0 s one hangs and one refuses; at 17 s, when their pauses have
    grown to the longest, both are well; before 27 s both are read.
    """
    port = unused_port()

    async def go():
        async with contextlib.AsyncExitStack() as stack:
            hung = await stack.enter_async_context(hand_server())
            hung.mood = "hang"
            devices = [
                modbus_device(
                    p,
                    [{"id": f"d{i}.t", "address": 0}],
                    name=f"d{i}",
                    timeout="2s",
                    scan_interval="1s",
                    reconnect_max="8s",
                )
                for i, p in enumerate((hung.port, port))
            ]
            collectors = Collectors(devices, numbers_of(devices), sink, ledger, seed=3)
            async with running(collectors.run()):
                await asyncio.sleep(17)
                assert not any(status.scans for status in collectors.statuses())
                hung.mood = "well"
                await stack.enter_async_context(hand_server(port))
                well_s = time.monotonic()
                await eventually(lambda: all(s.scans for s in collectors.statuses()), 30)
                return time.monotonic() - well_s

    assert asyncio.run(go()) < 10


def test_a_sink_that_is_away_delays_no_scan_and_loses_nothing(
    hand_server, modbus_device, sink, ledger, running, eventually
):
    async def go():
        async with hand_server() as server:
            device = modbus_device(server.port, [{"id": "t", "address": 0}], scan_interval="100 ms")
            collectors = Collectors([device], {"t": 4}, sink, ledger, seed=1)
            sink.failing = Away()
            async with running(collectors.run()):
                await asyncio.sleep(1.5)
                assert not sink.batches
                sink.failing = None
                await eventually(lambda: collectors.delivery.readings_waiting == 0)
                await asyncio.sleep(0.3)
            return collectors.status("d")

    status = asyncio.run(go())
    assert status.scans_missed == 0
    times = sink.readings.time_ns.tolist()
    assert times == sorted(times)
    assert len(times) == status.scans >= 15
    assert ledger.gaps == []


def test_a_crashing_collector_is_started_again_and_harms_no_other(
    hand_server, modbus_device, sink, ledger, running, eventually, monkeypatch
):
    async def go():
        async with hand_server() as server:
            devices = [
                modbus_device(server.port, [{"id": f"d{i}.t", "address": i}], name=f"d{i}")
                for i in range(2)
            ]
            collectors = Collectors(devices, numbers_of(devices), sink, ledger, seed=1)
            sick = collectors._collectors["d0"]
            monkeypatch.setattr(sick._checks, "apply", None)  # a fault of our own
            async with running(collectors.run()):
                await eventually(lambda: "crashed" in (collectors.status("d0").last_error or ""))
                assert collectors.status("d0").state is DeviceState.OFFLINE
                monkeypatch.undo()
                await eventually(lambda: collectors.status("d0").state is DeviceState.ONLINE)
                return collectors.statuses()

    sick, well = asyncio.run(go())
    assert well.errors == well.scans_missed == 0
    assert sick.scans > 0
    assert [gap.device for gap in ledger.gaps] == ["d0", "d0"]


def test_a_cancel_delivers_what_was_read_closes_and_leaves_no_task(
    hand_server, modbus_device, sink, ledger, eventually
):
    async def go():
        async with hand_server() as server:
            devices = [
                modbus_device(server.port, [{"id": f"d{i}.t", "address": i}], name=f"d{i}")
                for i in range(5)
            ]
            collectors = Collectors(devices, numbers_of(devices), sink, ledger, seed=1)
            before = asyncio.all_tasks()
            task = asyncio.create_task(collectors.run())
            await eventually(lambda: all(s.scans >= 2 for s in collectors.statuses()))
            started = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert time.monotonic() - started < 3
            assert collectors.delivery.readings_waiting == 0
            own = {t for t in asyncio.all_tasks() - before if "serve" not in repr(t.get_coro())}
            assert not own
            return sum(s.scans for s in collectors.statuses())

    scans = asyncio.run(go())
    assert len(sink.readings) >= scans


def test_a_cancel_while_the_store_is_away_is_bounded(hand_server, modbus_device, sink, ledger):
    async def go():
        async with hand_server() as server:
            device = modbus_device(server.port, [{"id": "t", "address": 0}])
            collectors = Collectors([device], {"t": 4}, sink, ledger, seed=1)
            sink.failing = Away()
            task = asyncio.create_task(collectors.run())
            await asyncio.sleep(0.7)
            started = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return time.monotonic() - started

    assert asyncio.run(go()) < 4


def test_only_read_functions_ever_leave(
    pymodbus_server, modbus_device, sink, ledger, running, eventually, recording_relay
):
    """A relay between collector and server sees every byte asked: function codes 1 to 4, no other."""

    async def go():
        tables = {
            "coils": {0: [True] * 4},
            "discrete": {0: [True] * 4},
            "holding": {0: [1] * 4},
            "inputs": {0: [1] * 4},
        }
        async with pymodbus_server(**tables) as port, recording_relay(port) as relay:
            described = [
                {"id": f"{table}.{a}", "address": a, "register": table}
                for table in ("coil", "discrete_input", "holding", "input")
                for a in (0, 2, 77)  # 77 is refused
            ]
            device = modbus_device(relay.port, described)
            collectors = Collectors([device], numbers_of([device]), sink, ledger, seed=1)
            async with running(collectors.run()):
                await eventually(lambda: collectors.status("d").scans >= 4)
            return relay.functions

    functions = asyncio.run(go())
    assert set(functions) == {1, 2, 3, 4}
    assert len(functions) > 16
