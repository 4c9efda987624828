"""What collecting costs: decoding, reading, ticking, and three hundred devices at once.

Every figure stands beside the plain way measured in the same run on the same machine: pymodbus
alone for reading and decoding, an APScheduler interval job for the tick. CPU is this process's own;
the servers run in another.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import statistics
import struct
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from random import Random

import uvloop
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from pymodbus.client import AsyncModbusTcpClient

from collectors.collecting import Collectors
from collectors.delivery import Delivery
from collectors.modbus.collector import ModbusCollector
from collectors.modbus.decoding import BlockDecoder, Format
from collectors.modbus.planning import Block, Place
from collectors.schedule import Schedule
from config.devices import ByteOrder, DataType, ModbusDevice, RegisterType
from water.batch import NS_PER_S

TAGS = 50
DEVICES = 300
SECONDS = 10
JOBS = 200


def run() -> dict[str, object]:
    """Every measurement, as JSON can hold it; times in microseconds unless the name says otherwise."""
    with _servers() as port:
        return {
            "decode_block": decode_block(),
            "scan_device": _on_uvloop(scan_device(port)),
            "many_devices": _on_uvloop(many_devices(port)),
            "tick": _on_uvloop(tick()),
        }


def decode_block() -> dict[str, float]:
    """62 float32 of one block of 124 registers."""
    payload = struct.pack(">62f", *(1.5 * i for i in range(62)))
    registers = list(struct.unpack(">124H", payload))
    places = tuple(Place(2 * i, 2, i) for i in range(62))
    formats = [Format(DataType.FLOAT32, ByteOrder.ABCD, 3.6, 0.0)] * 62
    decoder = BlockDecoder(Block(RegisterType.HOLDING, 0, 124, places), formats)
    convert, float32 = (
        AsyncModbusTcpClient.convert_from_registers,
        AsyncModbusTcpClient.DATATYPE.FLOAT32,
    )

    def plain() -> list[float]:
        return [convert(registers[2 * i : 2 * i + 2], float32) * 3.6 for i in range(62)]

    ours_us = _per_call_us(lambda: decoder.decode(payload), 2000)
    plain_us = _per_call_us(plain, 200)
    return {
        "block_us": ours_us,
        "pymodbus_per_tag_us": plain_us,
        "times_faster": plain_us / ours_us,
    }


async def scan_device(port: int) -> dict[str, float]:
    """50 float32 in one device: a whole scan to the queue, against pymodbus tag by tag."""
    device = _device("d", port)
    delivery = Delivery(_Nowhere(), _Nowhere())
    numbers = {tag.id: i for i, tag in enumerate(device.tags)}
    collector = ModbusCollector(device, numbers, delivery, time.time_ns, Random(1))
    await collector.open()
    delivering = asyncio.create_task(delivery.run())

    async def scan() -> None:
        await collector.scan(time.time_ns())

    client = AsyncModbusTcpClient("127.0.0.1", port=port)
    await client.connect()

    async def tag_by_tag() -> None:
        for tag in device.tags:
            answer = await client.read_holding_registers(tag.address, count=2)
            client.convert_from_registers(answer.registers, client.DATATYPE.FLOAT32)

    async def one_block() -> None:
        answer = await client.read_holding_registers(0, count=2 * TAGS)
        for i in range(TAGS):
            client.convert_from_registers(
                answer.registers[2 * i : 2 * i + 2], client.DATATYPE.FLOAT32
            )

    ours, plain, block = await _costs((scan, 100), (tag_by_tag, 5), (one_block, 50))
    collector.close()
    client.close()
    delivering.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await delivering
    return {
        "scan_cpu_us": ours[0],
        "scan_us": ours[1],
        "pymodbus_one_block_us": block[1],
        "pymodbus_tag_by_tag_cpu_us": plain[0],
        "pymodbus_tag_by_tag_us": plain[1],
        "pymodbus_one_block_cpu_us": block[0],
        "cpu_times_less_than_tag_by_tag": plain[0] / ours[0],
        "cpu_times_less_than_one_block": block[0] / ours[0],
    }


async def many_devices(port: int) -> dict[str, float]:
    """300 devices of 50 float32, each scanned every second."""
    devices = [_device(f"d{i}", port) for i in range(DEVICES)]
    numbers = {t.id: i for i, t in enumerate(t for d in devices for t in d.tags)}
    sink = _Nowhere()
    collectors = Collectors(devices, numbers, sink, _Nowhere(), seed=1)
    task = asyncio.create_task(collectors.run())
    await asyncio.sleep(2.5)
    cpu_s, scans = time.process_time(), sum(s.scans for s in collectors.statuses())
    await asyncio.sleep(SECONDS)
    cpu_s = time.process_time() - cpu_s
    statuses = collectors.statuses()
    scans = sum(s.scans for s in statuses) - scans
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return {
        "devices": DEVICES,
        "readings_per_s": scans * TAGS / SECONDS,
        "cpu_s_per_minute": cpu_s / SECONDS * 60,
        "cpu_us_per_scan": cpu_s / scans * 1e6,
        "scans_missed": sum(s.scans_missed for s in statuses),
        "scans_late": sum(s.scans_late for s in statuses),
        "latency_ms_p99_median": statistics.median(s.latency_ms_p99 or 0 for s in statuses),
    }


async def tick() -> dict[str, float]:
    """The tick alone, 200 jobs that do nothing at 5 a second: a task's timer, and APScheduler's."""
    interval_s, seconds = 0.2, 4
    schedule = Schedule(int(interval_s * NS_PER_S))
    fired: list[float] = []

    async def on_timer() -> None:
        while True:
            due_ns = schedule.after(time.time_ns())
            while (ahead_ns := due_ns - time.time_ns()) > 0:  # noqa: ASYNC110 - no event: a clock
                await asyncio.sleep(ahead_ns / NS_PER_S)
            fired.append((time.time_ns() - due_ns) / NS_PER_S)

    async def with_tasks() -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(on_timer()) for _ in range(JOBS)]
            await asyncio.sleep(seconds)
            for task in tasks:
                task.cancel()

    async def job() -> None:
        now_s = time.time()
        fired.append(now_s % interval_s)

    async def with_apscheduler() -> None:
        scheduler = AsyncIOScheduler(timezone=UTC)
        start = datetime.fromtimestamp((time.time() // interval_s + 2) * interval_s, UTC)
        for _ in range(JOBS):
            scheduler.add_job(
                job,
                "interval",
                seconds=interval_s,
                start_date=start,
                misfire_grace_time=None,
                max_instances=1,
            )
        scheduler.start()
        await asyncio.sleep(seconds)
        scheduler.shutdown(wait=False)
        await asyncio.sleep(0.1)

    out: dict[str, float] = {}
    for name, way in (("asyncio", with_tasks), ("apscheduler", with_apscheduler)):
        fired.clear()
        cpu_s = time.process_time()
        await way()
        cpu_s = time.process_time() - cpu_s
        out[f"{name}_cpu_us"] = cpu_s / len(fired) * 1e6
        out[f"{name}_delay_ms_p50"] = statistics.median(fired) * 1000
        out[f"{name}_delay_ms_p99"] = statistics.quantiles(fired, n=100)[98] * 1000
    out["apscheduler_costs_times"] = out["apscheduler_cpu_us"] / out["asyncio_cpu_us"]
    return out


class _Nowhere:
    """A sink and ledger that take everything at once: the cost of storing is measured elsewhere."""

    async def append(self, batch: object) -> None:
        pass

    async def record_gap(self, gap: object) -> None:
        pass


def _device(name: str, port: int) -> ModbusDevice:
    return ModbusDevice.model_validate(
        {
            "id": name,
            "site": "s",
            "protocol": "modbus",
            "host": "127.0.0.1",
            "port": port,
            "scan_interval": "1s",
            "tags": [
                {
                    "id": f"{name}.t{i}",
                    "kind": "flow",
                    "unit": "L/s",
                    "address": 2 * i,
                    "range": [-1e9, 1e9],
                    "rate_limit": 1e9,
                }
                for i in range(TAGS)
            ],
        }
    )


async def _costs(*ways: tuple[Callable[[], Awaitable[None]], int]) -> list[tuple[float, float]]:
    """(CPU, elapsed) µs a call of each way; medians of rounds that take turns, so that what else
    the machine does falls on all of them alike.
    """
    rounds: list[list[tuple[float, float]]] = [[] for _ in ways]
    for _ in range(9):
        for found, (act, times) in zip(rounds, ways, strict=True):
            cpu_s, wall_s = time.process_time(), time.perf_counter()
            for _ in range(times):
                await act()
            found.append((time.process_time() - cpu_s, time.perf_counter() - wall_s))
    return [
        (
            statistics.median(cpu_s for cpu_s, _ in found) / times * 1e6,
            statistics.median(wall_s for _, wall_s in found) / times * 1e6,
        )
        for found, (_, times) in zip(rounds, ways, strict=True)
    ]


def _per_call_us(act, times: int) -> float:
    """The best of five rounds: what the code costs when nothing else runs."""
    best_s = float("inf")
    for _ in range(5):
        started_s = time.perf_counter()
        for _ in range(times):
            act()
        best_s = min(best_s, time.perf_counter() - started_s)
    return best_s / times * 1e6


def _on_uvloop(coroutine):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine)


class _Answering(asyncio.Protocol):
    """Answers every register read with rising floats, as cheaply as Python can."""

    payload = struct.pack(">1000f", *(float(i) for i in range(1000)))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        transaction, _, _, unit, function, address, count = struct.unpack(">HHHBBHH", data[:12])
        size = 2 * count
        head = struct.pack(">HHHBBB", transaction, 0, size + 3, unit, function, size)
        self._transport.write(head + self.payload[2 * address : 2 * address + size])


def _serve(port_out) -> None:
    async def go() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(_Answering, "127.0.0.1", 0, backlog=1024)
        port_out.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    _on_uvloop(go())


@contextlib.contextmanager
def _servers():
    """The port of a server in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    port_in, port_out = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_serve, args=(port_out,), daemon=True)
    process.start()
    try:
        yield port_in.recv()
    finally:
        process.terminate()
        process.join()


if __name__ == "__main__":
    import json

    print(json.dumps(run(), indent=2))
