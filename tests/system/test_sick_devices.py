"""Six devices of Oran fall sick, each in its own way; the others do not notice, and all come back.

At 0 s everything is read. At 1 s six devices get their faults, for 8 s. Until they end the well
ones miss no scan. Within 10 s of the end all six are online again.
"""

import asyncio
import time
from pathlib import Path

import pytest
import uvloop

from collectors.collecting import Collectors
from config.devices import ModbusDevice
from config.loading import load
from simulator.faults import FaultKind, FaultOrder
from simulator.physics import PlantPhysics
from simulator.serving import Simulation
from water.device import DeviceState

ORAN = Path(__file__).parents[2] / "config" / "oran.yaml"
FAULT_S = 8.0
BACK_S = 10.0
MODBUS_FAULTS = (FaultKind.HANG, FaultKind.REFUSE, FaultKind.GARBAGE, FaultKind.DROP)
OPCUA_FAULTS = (FaultKind.HANG, FaultKind.KILL)


class Kept:
    """A sink that takes everything, and a ledger."""

    def __init__(self):
        self.gaps = []

    async def append(self, batch):
        pass

    async def record_gap(self, gap):
        self.gaps.append(gap)


async def until(condition, seconds):
    """Whether it came true, and after how long."""
    began = time.monotonic()
    while not condition() and time.monotonic() - began < seconds:  # noqa: ASYNC110 - states have no event
        await asyncio.sleep(0.05)
    return condition()


def sick_ones(plant):
    modbus = [d.id for d in plant.devices if isinstance(d, ModbusDevice)]
    opcua = [d.id for d in plant.devices if not isinstance(d, ModbusDevice)]
    return dict(zip(modbus, MODBUS_FAULTS, strict=False)) | dict(
        zip(opcua, OPCUA_FAULTS, strict=False)
    )


async def timetable(plant):
    sick = sick_ones(plant)
    kept = Kept()
    numbers = {tag: n for n, tag in enumerate(plant.tags)}
    async with Simulation(
        plant, PlantPhysics(plant, 1), clock=time.time_ns, free_ports=True
    ) as simulation:
        collectors = Collectors(simulation.described().devices, numbers, kept, kept)

        def online(ids):
            states = {s.id: s.state for s in collectors.statuses()}
            return all(states[id_] is DeviceState.ONLINE for id_ in ids)

        tasks = [asyncio.create_task(simulation.run()), asyncio.create_task(collectors.run())]
        try:
            everyone = [device.id for device in plant.devices]
            assert await until(lambda: online(everyone), 30), "not all are read at the start"
            well = [id_ for id_ in everyone if id_ not in sick]
            missed_before = missed(collectors, well)
            for device, fault in sick.items():
                await simulation.faults.order(
                    FaultOrder(device=device, fault=fault, seconds=FAULT_S)
                )
            await asyncio.sleep(FAULT_S - 0.5)
            assert online(well)
            # one whose connections are cut comes and goes
            silent = [device for device, fault in sick.items() if fault is not FaultKind.DROP]
            assert [device for device in silent if online([device])] == []
            assert await until(lambda: not simulation.faults.active(), 5)
            assert missed(collectors, well) == missed_before
            assert await until(lambda: online(sick), BACK_S), collectors.statuses()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return sick, kept.gaps


def missed(collectors, ids):
    return sum(s.scans_missed for s in collectors.statuses() if s.id in ids)


@pytest.mark.slow
def test_the_sick_delay_nobody_and_come_back():
    sick, gaps = uvloop.run(timetable(load(ORAN).plant))
    assert {gap.device for gap in gaps} == set(sick)
    assert all(gap.cause for gap in gaps)
