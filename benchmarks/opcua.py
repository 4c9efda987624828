"""What OPC UA values cost: subscribed, read and decoded, beside asyncua alone in the same run.

CPU is this process's own; the server runs in another, and changes every variable at one rate for
both. The plain way is a subscription with a callback for each value, and one read of many nodes.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import uvloop
from asyncua import Client, Server, ua
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary

from collectors.delivery import Delivery
from collectors.opcua.answers import decode_publication
from collectors.opcua.client import connected
from collectors.opcua.collector import OpcUaCollector
from config.devices import OpcUaDevice
from water.batch import Batch
from water.device import Gap

NODES = 400
RATE_HZ = 2.0
MEASURED_S = 8.0
URI = "urn:foggara:benchmark"


def run(scale: float = 1.0) -> dict[str, object]:
    nodes = max(10, round(NODES * scale))
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve, args=(theirs, nodes), daemon=True)
    server.start()
    try:
        endpoint = ours.recv()
        subscribed = {
            "foggara": uvloop.run(_subscribed(endpoint, nodes)),
            "asyncua_callbacks": uvloop.run(_callbacks(endpoint, nodes)),
        }
        reads = uvloop.run(_reads(endpoint, nodes))
    finally:
        server.terminate()
        server.join(10)
    return {
        "nodes": nodes,
        "changes_per_s": nodes * RATE_HZ,
        "subscribed_cpu_us_per_value": subscribed,
        "read_cpu_us_per_value": reads,
        "decode_cpu_us_per_value": _decoding(nodes),
        "core_share_of_400_nodes_at_1_hz": round(subscribed["foggara"] * 400e-6, 5),
    }


class _Counting:
    """A sink that only counts."""

    readings = 0

    async def append(self, batch: Batch) -> None:
        self.readings += len(batch)

    async def record_gap(self, gap: Gap) -> None:
        raise RuntimeError(f"a gap in a benchmark: {gap.cause}")


def _device(endpoint: str, nodes: int) -> OpcUaDevice:
    tag = {"kind": "level", "unit": "m", "range": [-1e9, 1e9]}
    return OpcUaDevice.model_validate(
        {
            "id": "plc",
            "site": "plant",
            "protocol": "opcua",
            "endpoint": endpoint,
            "sampling_interval": "100ms",
            "tags": [{"id": f"t{n}", "node": f"nsu={URI};s=T{n}", **tag} for n in range(nodes)],
        }
    )


async def _subscribed(endpoint: str, nodes: int) -> float:
    device = _device(endpoint, nodes)
    sink = _Counting()
    delivery = Delivery(sink, sink)
    numbers = {tag.id: n for n, tag in enumerate(device.tags)}
    collector = OpcUaCollector(device, numbers, delivery, time.time_ns, Random(1))
    async with asyncio.TaskGroup() as tasks:
        working = [tasks.create_task(delivery.run()), tasks.create_task(collector.run())]
        cost = await _cost(lambda: sink.readings)
        for task in working:
            task.cancel()
    return cost


async def _callbacks(endpoint: str, nodes: int) -> float:
    taken: list[tuple[Any, Any]] = []

    class Handler:
        def datachange_notification(self, node: Any, val: Any, data: Any) -> None:
            taken.append((val, data.monitored_item.Value.SourceTimestamp))

    client = Client(endpoint)
    await client.connect()
    try:
        index = await client.get_namespace_index(URI)
        subscription = await client.create_subscription(1000, Handler())
        variables = [client.get_node(f"ns={index};s=T{n}") for n in range(nodes)]
        await subscription.subscribe_data_change(variables, queuesize=10)
        return await _cost(lambda: len(taken))
    finally:
        await client.disconnect()


async def _cost(count: Callable[[], int]) -> float:
    """µs CPU of this process for each value that is counted, over ``MEASURED_S``."""
    while not count():  # noqa: ASYNC110 - what is counted knows no events
        await asyncio.sleep(0.05)
    await asyncio.sleep(1.5)
    began, values = time.process_time(), count()
    await asyncio.sleep(MEASURED_S)
    return round((time.process_time() - began) / (count() - values) * 1e6, 2)


async def _reads(endpoint: str, nodes: int) -> dict[str, float]:
    async with connected(_device(endpoint, nodes), None) as session:
        index = (await session.namespaces()).index(URI)
        ids = [ua.NodeId(f"T{n}", index) for n in range(nodes)]
        ours = await _cost_of_call(lambda: session.read(ids), nodes)
    async with Client(endpoint) as client:
        variables = [client.get_node(node) for node in ids]
        theirs = await _cost_of_call(lambda: client.read_values(variables), nodes)
    return {"foggara": ours, "asyncua_read_values": theirs}


async def _cost_of_call(call: Callable[[], Awaitable[Any]], values: int, times: int = 10) -> float:
    await call()
    began = time.process_time()
    for _ in range(times):
        await call()
    return round((time.process_time() - began) / (times * values) * 1e6, 2)


def _decoding(nodes: int) -> dict[str, float]:
    change = ua.DataChangeNotification()
    change.MonitoredItems = [
        ua.MonitoredItemNotification(ua.UInt32(n), ua.DataValue(ua.Variant(float(n))))
        for n in range(nodes)
    ]
    response = ua.PublishResponse()
    response.Parameters.NotificationMessage.NotificationData = [change]
    data = struct_to_binary(response)

    def theirs() -> None:
        struct_from_binary(ua.PublishResponse, ua.utils.Buffer(data))

    def cost(call: Callable[[], Any]) -> float:
        call()
        began = time.process_time()
        for _ in range(20):
            call()
        return round((time.process_time() - began) / (20 * nodes) * 1e6, 3)

    return {"foggara": cost(lambda: decode_publication(data)), "asyncua": cost(theirs)}


def _serve(pipe: Any, nodes: int) -> None:
    asyncio.run(_serving(pipe, nodes))


async def _serving(pipe: Any, nodes: int) -> None:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/plant")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(URI)
    ids = [ua.NodeId(f"T{n}", index) for n in range(nodes)]
    for n, node in enumerate(ids):
        await server.nodes.objects.add_variable(node, f"T{n}", float(n))
    async with server:
        pipe.send(f"opc.tcp://127.0.0.1:{port}/plant")
        value = 0.0
        while True:
            began = time.monotonic()
            value += 1.0
            for node in ids:
                await server.write_attribute_value(node, ua.DataValue(ua.Variant(value)))
            await asyncio.sleep(max(0.0, 1 / RATE_HZ - (time.monotonic() - began)))
