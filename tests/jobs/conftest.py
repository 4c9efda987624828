"""A described plant, its readings in a store, its records on disk, and a clock to set."""

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from config.plant import Plant
from jobs.accounting import Accounting
from storage.series import StoreCondition
from storage.sql import open_records
from water.batch import Batch, concatenate, sorted_unique
from water.quality import is_good

NS = 1_000_000_000
NEIGHBOUR_NS = 8 * 86_400 * NS


class MemoryStore:
    """The port ``SeriesReader`` over readings in memory: what the real store answers, kept small."""

    def __init__(self):
        self.batch = Batch.empty()
        self.reads = 0

    def take(self, batch):
        self.batch = sorted_unique(concatenate([self.batch, batch]))

    async def read(self, tag_ids, from_ns, to_ns, *, neighbours=False):
        self.reads += 1
        return concatenate(
            [self._of_tag(tag, from_ns, to_ns, neighbours) for tag in sorted(set(tag_ids))]
        )

    def _of_tag(self, tag_id, from_ns, to_ns, neighbours):
        own = self.batch.of_tag(tag_id)
        inside = own.span(from_ns, to_ns)
        if not neighbours:
            return inside
        good = own.where(is_good(own.quality))
        before = good.span(from_ns - NEIGHBOUR_NS, from_ns)
        after = good.span(to_ns, to_ns + NEIGHBOUR_NS)
        return concatenate([before.where(slice(-1, None)), inside, after.where(slice(0, 1))])


class SetClock:
    """A clock that stands where it is put."""

    def __init__(self, now_ns):
        self.now_ns = now_ns

    def __call__(self):
        return self.now_ns

    def put(self, time):
        self.now_ns = round(time.timestamp()) * NS


def described(time_zone="Africa/Algiers", *, late_data_window="6h", start="00:00"):
    """A plant with a header of two outlets, three trains, custody meters, and a reservoir."""
    tags, meters, address = [], [], 0

    def meter(id_, site, measures, *, totalizer=True, flow=True, **more):
        nonlocal address
        parts = {
            "id": id_,
            "site": site,
            "measures": measures,
            "maximum_flow": "20000 m3/h",
            **more,
        }
        for name, wanted, kind, unit, data in (
            ("totalizer", totalizer, "totalizer", "m3", "uint32"),
            ("flow", flow, "flow", "m3/h", "float64"),
        ):
            if wanted:
                tag = f"{id_}.{name}"
                tags.append(
                    {"id": tag, "kind": kind, "unit": unit, "address": address, "data": data}
                )
                parts[name] = tag
                address += 4
        meters.append(parts)

    meter("mactaa.out.oran", "mactaa", "produced", destination="oran")
    meter("mactaa.out.mascara", "mactaa", "produced", destination="mascara")
    meter("mactaa.train.1", "mactaa", "train", flow=False)
    meter("mactaa.train.2", "mactaa", "train", totalizer=False)
    meter("araba.custody", "araba", "delivered", destination="oran")
    meter("araba.in", "araba", "inflow", totalizer=False)
    meter("araba.out", "araba", "outflow", totalizer=False)
    for basin in ("1", "2"):
        tags.append(
            {
                "id": f"araba.level.{basin}",
                "kind": "level",
                "unit": "m",
                "address": address,
                "data": "float64",
                "range": [0, 12],
            }
        )
        address += 4
    return Plant.model_validate(
        {
            "plant": {
                "id": "test",
                "name": "Test",
                "city": "oran",
                "time_zone": time_zone,
                "late_data_window": late_data_window,
                "production_day": [{"start": start}],
            },
            "sites": [
                {"id": "mactaa", "name": "Mactaa", "type": "desalination_plant"},
                {"id": "araba", "name": "Araba", "type": "reservoir"},
            ],
            "devices": [
                {
                    "id": "plc",
                    "site": "mactaa",
                    "protocol": "modbus",
                    "host": "127.0.0.1",
                    "scan_interval": "60s",
                    "tags": tags,
                }
            ],
            "meters": meters,
            "reservoirs": [
                {
                    "id": "araba",
                    "compartments": [
                        {"id": "a", "level": "araba.level.1", "area": 2500, "height": "10 m"},
                        {"id": "b", "level": "araba.level.2", "area": 2500, "height": "10 m"},
                    ],
                    "minimum_level": "1 m",
                    "inflow": ["araba.in"],
                    "outflow": ["araba.out"],
                }
            ],
            "capacities": [
                {
                    "site": "mactaa",
                    "kind": "target",
                    "volume": "350000 m3/d",
                    "valid_from": "2022-03-01",
                }
            ],
        }
    )


class World:
    """All that a test of this room needs."""

    def __init__(self, plant, records):
        self.plant = plant
        self.zone = ZoneInfo(plant.plant.time_zone)
        self.records = records
        self.store = MemoryStore()
        self.numbers = {tag: n for n, tag in enumerate(plant.tags)}
        self.clock = SetClock(self.ns(2026, 3, 10, 12))
        self.accounting = self.make_accounting()

    def make_accounting(self):
        return Accounting(
            self.plant,
            self.numbers,
            self.store,
            self.records.outputs,
            self.records.capacities,
            self.clock,
        )

    def time(self, *parts):
        return dt.datetime(*parts, tzinfo=self.zone)

    def ns(self, *parts):
        return round(self.time(*parts).timestamp()) * NS

    def readings(self, tag, from_ns, to_ns, value_at, step_s=60):
        """Good readings of a tag every ``step_s`` in ``[from_ns, to_ns)``."""
        time_ns = np.arange(from_ns, to_ns, step_s * NS, dtype=np.int64)
        return Batch.of(np.full(time_ns.size, self.numbers[tag]), time_ns, value_at(time_ns))

    def run_steadily(self, meter, flow_m3_per_h, from_ns, to_ns, step_s=60):
        """A meter's totalizer and flow as they are at a constant flow, begun at 1000 m³."""
        described_ = next(m for m in self.plant.meters if m.id == meter)
        parts = []
        if described_.totalizer:

            def counted(time_ns):
                return np.floor(1000 + flow_m3_per_h * (time_ns - from_ns) / 3.6e12)

            parts.append(self.readings(described_.totalizer, from_ns, to_ns, counted, step_s))
        if described_.flow:
            parts.append(
                self.readings(
                    described_.flow,
                    from_ns,
                    to_ns,
                    lambda t: np.full(t.size, flow_m3_per_h),
                    step_s,
                )
            )
        batch = concatenate(parts)
        self.store.take(batch)
        return batch

    def run_all(self, from_ns, to_ns, step_s=60):
        """Every meter at its own constant flow; returns the flows by meter."""
        flows = {m.id: 1000.0 * (n + 1) for n, m in enumerate(self.plant.meters)}
        for meter, flow in flows.items():
            self.run_steadily(meter, flow, from_ns, to_ns, step_s)
        return flows


@pytest.fixture
def world_of(tmp_path):
    """Makes a world of a description (the rich test plant by default)."""
    opened = []

    def make(plant=None, **options):
        records = open_records(tmp_path / f"records-{len(opened)}")
        opened.append(records)
        return World(plant or described(**options), records)

    yield make
    for records in opened:
        records.close()


@pytest.fixture
def world(world_of):
    return world_of()


class Upkeep:
    """The port ``SeriesUpkeep`` of the store in memory; what it is told to fail with, it fails with."""

    def __init__(self, store):
        self.store = store
        self.sealed, self.retained = [], []
        self.failing = None
        self.hold = None

    async def seal(self, now_ns):
        if self.hold is not None:
            await self.hold.wait()
        if self.failing is not None:
            raise self.failing
        self.sealed.append(now_ns)

    async def retain(self, now_ns):
        self.retained.append(now_ns)

    def condition(self):
        times = self.store.batch.time_ns
        oldest, newest = (int(times.min()), int(times.max())) if times.size else (None, None)
        return StoreCondition(0, 0, 0, times.size, 0, 1.0, oldest, newest, ())


@pytest.fixture
def upkeep_of():
    return lambda world: Upkeep(world.store)
