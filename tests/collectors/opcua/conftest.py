"""A real OPC UA server in a thread of its own, and a collector that reads it for a while."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from asyncua import Server, ua

from collectors.delivery import Delivery
from collectors.opcua.collector import OpcUaCollector
from config.devices import OpcUaDevice
from simulator.address_space import LightInternalServer
from water.batch import Batch, concatenate
from water.device import Gap

URI = "urn:foggara:tests"


class OpcUaServer:
    """A server whose variables a test sets, as a plant would."""

    def __init__(self, variables: dict[str, Any], port: int = 0, users: Any = None) -> None:
        self.variables = variables
        self._users = users
        self.port = port or _free_port()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._nodes: dict[str, Any] = {}
        self._server: Server | None = None

    @property
    def endpoint(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}/plant"

    def start(self) -> None:
        self.do(self._start())

    def stop(self) -> None:
        if self._server is not None:
            self.do(self._server.stop())
            self._server = None

    def end(self) -> None:
        self.stop()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()

    def set(
        self,
        name: str,
        value: Any,
        *,
        status: int = 0,
        source_ns: int | None = None,
        kind: ua.VariantType | None = None,
    ) -> int:
        """Sets a variable; returns its source time in ns, cut to the ticks that OPC UA sends."""
        stamp_ns = (time.time_ns() if source_ns is None else source_ns) // 1000 * 1000
        self.do(self._set(name, value, status, stamp_ns, kind))
        return stamp_ns

    def delete(self, name: str) -> None:
        """The node is gone without a word, as after a new program in a PLC."""
        node = self._nodes.pop(name)
        self._call(lambda: self._server.iserver.aspace._nodes.pop(node.nodeid))

    def add(self, name: str, value: Any) -> None:
        self.do(self._add(name, value))

    @property
    def sessions(self) -> int:
        """How many sessions of clients the server holds."""
        return len(self._server.iserver._external_sessions)

    def drop_items(self) -> None:
        """Forgets what is watched, and keeps the subscriptions: a fault seen in the field."""
        for subscription in self._subscriptions():
            self._call(subscription.monitored_item_srv.delete_all_monitored_items)

    def lose_a_publish(self) -> None:
        """Leaves out a sequence number, as if an answer had been lost."""
        for subscription in self._subscriptions():
            subscription._notification_seq += 1

    def _subscriptions(self) -> list[Any]:
        return list(self._server.iserver.subscription_service.subscriptions.values())

    def _call(self, work: Callable[[], Any]) -> None:
        async def call() -> None:
            work()

        self.do(call())

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    async def _start(self) -> None:
        # asyncua's own server, without the seconds it takes to build its standard nodes
        server = Server(iserver=LightInternalServer(user_manager=self._users))
        await server.init()
        server.set_endpoint(self.endpoint)
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        self._index = await server.register_namespace(URI)
        self._server = server
        for name, value in self.variables.items():
            await self._add(name, value)
        await server.start()

    async def _add(self, name: str, value: Any) -> None:
        variant = value if isinstance(value, ua.Variant) else ua.Variant(value)
        self._nodes[name] = await self._server.nodes.objects.add_variable(
            ua.NodeId(name, self._index), name, variant
        )

    async def _set(
        self, name: str, value: Any, status: int, stamp_ns: int, kind: ua.VariantType | None
    ) -> None:
        stamp = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=stamp_ns // 1000)
        node = self._nodes[name]
        if kind is None:
            kind = await node.read_data_type_as_variant_type()
        await self._server.write_attribute_value(
            node.nodeid,
            _data_value(ua.Variant(value, kind), status, stamp),
        )


def _data_value(variant: ua.Variant, status: int, stamp: dt.datetime) -> ua.DataValue:
    return ua.DataValue(variant, ua.StatusCode(ua.UInt32(status)), stamp, dt.datetime.now(dt.UTC))


class Kept:
    """A sink and ledger that keep all they take."""

    def __init__(self, tags: list[str]) -> None:
        self.tags = tags
        self.batches: list[Batch] = []
        self.gaps: list[Gap] = []

    async def append(self, batch: Batch) -> None:
        self.batches.append(batch)

    async def record_gap(self, gap: Gap) -> None:
        self.gaps.append(gap)

    def of(self, tag: str) -> Batch:
        """A tag's readings in the order they came."""
        return concatenate(self.batches).of_tag(self.tags.index(tag))

    def values(self, tag: str) -> list[float]:
        return self.of(tag).value.tolist()


class Reading:
    """A collector at work."""

    def __init__(self, device: OpcUaDevice) -> None:
        tags = [tag.id for tag in device.tags]
        self.kept = Kept(tags)
        self.delivery = Delivery(self.kept, self.kept)
        numbers = {tag: n for n, tag in enumerate(tags)}
        self.collector = OpcUaCollector(device, numbers, self.delivery, time.time_ns, Random(1))

    async def until(self, seen: Callable[[], Any], within_s: float = 15.0) -> float:
        """Waits until something is seen; returns the s that took."""
        began = time.monotonic()
        while not seen():
            if time.monotonic() - began > within_s:
                raise AssertionError(f"not seen within {within_s} s: {self.collector.status()}")
            await asyncio.sleep(0.02)
        return time.monotonic() - began


@asynccontextmanager
async def _reading(device: OpcUaDevice):
    reading = Reading(device)
    async with asyncio.TaskGroup() as tasks:
        delivering = tasks.create_task(reading.delivery.run())
        working = tasks.create_task(reading.collector.run())
        try:
            yield reading
        finally:
            working.cancel()
            await asyncio.wait((working,), timeout=10)
            await reading.delivery.drain(2)
            delivering.cancel()


def _device(endpoint: str, names: list[str], **settings: Any) -> OpcUaDevice:
    tags = settings.pop("tags", {})
    return OpcUaDevice.model_validate(
        {
            "id": "plc",
            "site": "plant",
            "protocol": "opcua",
            "endpoint": endpoint,
            "scan_interval": "200ms",
            "timeout": "3s",
            "reconnect_max": "1s",
            "tags": [
                {
                    "id": name.lower(),
                    "kind": "level",
                    "unit": "m",
                    "node": f"nsu={URI};s={name}",
                    **tags.get(name, {}),
                }
                for name in names
            ],
            **settings,
        }
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def reading():
    """``async with reading(device) as r``: reads a device until the end of the block."""
    return _reading


@pytest.fixture
def device():
    """``device(endpoint, names, **settings)``: a device with a level tag for each name."""
    return _device


@pytest.fixture
def new_server() -> Iterator[Callable[..., OpcUaServer]]:
    """``new_server({name: value})``: a started server of the test's own."""
    servers: list[OpcUaServer] = []

    def make(variables: dict[str, Any], users: Any = None) -> OpcUaServer:
        servers.append(OpcUaServer(variables, users=users))
        servers[-1].start()
        return servers[-1]

    yield make
    for server in servers:
        server.end()


@pytest.fixture(scope="module")
def server() -> Iterator[OpcUaServer]:
    """One server for a module's tests; each sets what it needs."""
    shared = OpcUaServer({})
    shared.start()
    yield shared
    shared.end()
