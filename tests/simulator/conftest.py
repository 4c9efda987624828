"""A small plant, a source whose figures a test sets, and simulations on free ports."""

from __future__ import annotations

import asyncio
import contextlib
import time

import numpy as np
import pytest
from asyncua import Client
from pymodbus.client import AsyncModbusTcpClient

from config.plant import Plant
from simulator.serving import Simulation


class Figures:
    """A source that shows what a test puts in; a figure may be a function of the time in ns."""

    def __init__(self, **figures):
        self.figures = {tag.replace("__", "."): figure for tag, figure in figures.items()}
        self.time_ns = 0

    @property
    def tags(self):
        return tuple(self.figures)

    def at(self, time_ns):
        self.time_ns = time_ns
        return np.array([f(time_ns) if callable(f) else f for f in self.figures.values()], float)

    def truth(self):
        return {"time_ns": self.time_ns}


def modbus(id_="plc", tags=(), **more):
    return {
        "id": id_,
        "site": "works",
        "protocol": "modbus",
        "host": "127.0.0.1",
        "port": 1502,
        "tags": list(tags),
        **more,
    }


def opcua(id_="scada", tags=(), **more):
    return {
        "id": id_,
        "site": "works",
        "protocol": "opcua",
        "endpoint": "opc.tcp://127.0.0.1:4840/plant",
        "tags": list(tags),
        **more,
    }


def tag(id_, address=0, *, kind="flow", unit="m3/h", data="float32", register="holding", **more):
    return {
        "id": id_,
        "kind": kind,
        "unit": unit,
        "register": register,
        "address": address,
        "data": data,
        **more,
    }


def node(id_, name, *, kind="flow", unit="m3/h", **more):
    return {"id": id_, "kind": kind, "unit": unit, "node": name, **more}


def plant_of(*devices, meters=()):
    return Plant.model_validate(
        {
            "plant": {"id": "test", "name": "Test"},
            "sites": [{"id": "works", "name": "Works", "type": "desalination_plant"}],
            "devices": list(devices),
            "meters": list(meters),
        }
    )


@contextlib.asynccontextmanager
async def modbus_client(simulation, device):
    served = simulation.devices[device]
    client = AsyncModbusTcpClient(
        "127.0.0.1", port=served.relay.port, timeout=0.5, retries=0, reconnect_delay=0
    )
    await client.connect()
    try:
        yield client
    finally:
        client.close()


@contextlib.asynccontextmanager
async def opcua_client(simulation, device):
    port = simulation.devices[device].relay.port
    client = Client(f"opc.tcp://127.0.0.1:{port}/plant", timeout=2)
    async with client:
        yield client


def simulate(plant, source, **more):
    return Simulation(plant, source, clock=time.time_ns, free_ports=True, **more)


async def until(condition):
    """Wait for something that has no event of its own; at most five seconds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.01)


class _Kit:
    """What tests of this room build with."""

    until = staticmethod(until)

    Figures = Figures
    modbus = staticmethod(modbus)
    opcua = staticmethod(opcua)
    tag = staticmethod(tag)
    node = staticmethod(node)
    plant_of = staticmethod(plant_of)
    modbus_client = staticmethod(modbus_client)
    opcua_client = staticmethod(opcua_client)
    simulate = staticmethod(simulate)


@pytest.fixture
def kit():
    return _Kit
