"""Every tag of the described plant, from the model over its own protocol and back, in one instant."""

import asyncio
import time
from pathlib import Path

import numpy as np

from collectors.collecting import Collectors
from config.devices import DataType, ModbusDevice
from config.loading import load
from config.resolving import wire_scaling
from simulator.physics import PlantPhysics
from simulator.serving import Simulation
from water.batch import concatenate

ORAN = Path(__file__).parents[2] / "config" / "oran.yaml"


class Kept:
    """A sink that keeps everything in memory, and a ledger that wants no gap."""

    def __init__(self):
        self.batches = []
        self.gaps = []

    async def append(self, batch):
        self.batches.append(batch)

    async def record_gap(self, gap):
        self.gaps.append(gap)


def one_count(tag):
    """What a reading may differ by from the figure that was served, in the base unit."""
    factor = abs(wire_scaling(tag)[0])
    data = getattr(tag, "data", DataType.FLOAT64)
    if data is DataType.FLOAT32:
        return None
    return 1e-9 if data is DataType.FLOAT64 and tag.kind != "state" else factor


async def collected(plant, source):
    """What two seconds of collecting bring, and the figures that the source showed meanwhile."""
    kept = Kept()
    numbers = {tag: n for n, tag in enumerate(plant.tags)}
    async with Simulation(plant, source, clock=time.time_ns, free_ports=True) as simulation:
        figures = source.at(0)  # the last instant again
        collecting = asyncio.create_task(
            Collectors(simulation.described().devices, numbers, kept, kept).run()
        )
        for _ in range(200):
            await asyncio.sleep(0.1)
            if kept.batches and len(np.unique(concatenate(kept.batches).tag_id)) == len(numbers):
                break
        collecting.cancel()
        await asyncio.gather(collecting, return_exceptions=True)
    return concatenate(kept.batches), figures, kept.gaps


def test_every_tag_comes_back_good_and_as_it_was_served():
    plant = load(ORAN).plant
    source = PlantPhysics(plant, 1)
    batch, figures, gaps = asyncio.run(collected(plant, source))
    assert not gaps
    assert {type(d) is ModbusDevice for d in plant.devices} == {True, False}
    served = dict(zip(source.tags, figures.tolist(), strict=True))
    seen = {}
    for number, value, quality in zip(batch.tag_id, batch.value, batch.quality, strict=True):
        seen.setdefault(int(number), (float(value), int(quality)))
    wrong = []
    for number, tag in enumerate(plant.tags.values()):
        if number not in seen:
            wrong.append(f"{tag.id}: never came")
            continue
        value, quality = seen[number]
        allowed = one_count(tag) or abs(served[tag.id]) * 1e-6 + 1e-6
        if quality != 0 or abs(value - served[tag.id]) > allowed + 1e-9 * abs(served[tag.id]):
            wrong.append(f"{tag.id}: served {served[tag.id]}, came {value}, quality {quality:#x}")
    assert wrong == []
