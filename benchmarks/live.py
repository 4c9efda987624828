"""The live stream and the daily report over HTTP's own path, in process.

``tick``: 200 changed tags encoded once and handed to listeners; the baseline encodes them for each
listener by way of the response models, as an application toolkit would. ``year``: a year's daily
report of one site, from the request to the last byte, without a socket.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from api import models
from api.app import create_app
from api.context import Context
from benchmarks.records import FIRST, SITES, _write
from config.devices import ModbusDevice, ModbusTag
from config.plant import Plant, PlantHeader
from config.sites import Meter, Site
from foggara.memory import settle
from jobs.accounting import Accounting
from jobs.figures import Figures
from storage.embedded import EmbeddedStore, open_store
from storage.sql import SqlRecords, open_records
from water.batch import Batch
from water.units import Kind

TAGS, LISTENERS, TICKS, REQUESTS = 200, 200, 30, 200


def run(scale: float = 1.0) -> dict[str, object]:
    return asyncio.run(_run(max(400, round(730 * scale))))


async def _run(days: int) -> dict[str, object]:
    now = [round(dt.datetime.now(dt.UTC).timestamp() * 1e9)]
    with tempfile.TemporaryDirectory() as name, open_records(Path(name)) as records:
        folder = Path(name)
        plant = _plant()
        async with open_store(folder, plant.store.retention, clock=lambda: now[0]) as store:
            context = await _context(plant, store, records, now)
            live = await _live(context, store, now)
            _write(records, days)
            year = await _year(context, days)
    return {"tags": TAGS, "listeners": LISTENERS, **live, **year}


def _plant() -> Plant:
    sites = [Site(id=f"site-{n}", name=f"Site {n}", type="wells") for n in range(SITES)]
    tags = [ModbusTag(id=f"t.{n}", kind=Kind.FLOW, unit="m3/h", address=2 * n) for n in range(TAGS)]
    device = ModbusDevice(id="plc", site="site-0", protocol="modbus", host="127.0.0.1", tags=tags)
    meters = [
        Meter(id=f"m.{n}", site=f"site-{n}", measures="produced", flow=f"t.{n}",
              maximum_flow="1000 m3/h")
        for n in range(SITES)
    ]  # fmt: skip
    header = PlantHeader(id="bench", name="Bench")
    return Plant(plant=header, sites=sites, devices=[device], meters=meters)


async def _context(
    plant: Plant, store: EmbeddedStore, records: SqlRecords, now: list[int]
) -> Context:
    numbers = dict(store.number(list(plant.tags)))

    def clock() -> int:
        return now[0]

    accounting = Accounting(plant, numbers, store, records.outputs, records.capacities, clock)
    return Context(
        plant=plant, numbers=numbers, reader=store, last=store.last, records=records,
        accounts=accounting,
        figures=Figures(plant, numbers, store, store.last, accounting, clock),
        devices=list, jobs=list, condition=store.condition, not_ready=list, auth="off",
        clock=clock, version="0",
    )  # fmt: skip


async def _live(context: Context, store: EmbeddedStore, now: list[int]) -> dict[str, Any]:
    live = create_app(context).state.live
    numbers = list(context.numbers.values())
    streams = [live.stream(None) for _ in range(LISTENERS)]
    for stream in streams:
        await anext(stream)
    shared_s = encode_s = 0.0
    for tick in range(TICKS):
        now[0] += 10**9
        values = np.random.default_rng(tick).normal(5000, 50, TAGS)
        await store.append(Batch.of(numbers, [now[0]] * TAGS, values))
        begun = time.process_time()
        live.tick()
        encode_s += time.process_time() - begun
        for stream in streams:
            await anext(stream)
        shared_s += time.process_time() - begun
    begun = time.process_time()
    _modelled(context)
    baseline_s = time.process_time() - begun
    for stream in streams:
        await stream.aclose()
    return {
        "tick_encode_us": round(encode_s / TICKS * 1e6),
        "tick_us_a_listener": round(shared_s / TICKS / LISTENERS * 1e6, 2),
        "baseline_model_encode_us_a_listener": round(baseline_s * 1e6),
        "ratio": round(baseline_s / (shared_s / TICKS / LISTENERS), 1),
    }


def _modelled(context: Context) -> str:
    at = dt.datetime.now(dt.UTC)
    tags = [
        models.TagNow(
            id=name, name=name, kind="flow", unit="m3/h", device="plc", site="site-0", states=None,
            labels={}, illustrative=False,
            latest=models.Reading(time=at, value=1.5, quality="good", reason=None),
        )
        for name in context.numbers
    ]  # fmt: skip
    return models.Tags(tags=tags, next_cursor=None).model_dump_json()


async def _year(context: Context, days: int) -> dict[str, Any]:
    last = FIRST + dt.timedelta(days=days - 1)
    params = {"site": "site-3", "from": str(last - dt.timedelta(days=364)), "to": str(last)}
    transport = httpx.ASGITransport(create_app(context))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        taken: list[float] = []
        settle()  # as a house does when it stands
        rows = 0
        for _ in range(REQUESTS):
            begun = time.perf_counter()
            answer = await client.get("/api/v1/production/daily", params=params)
            taken.append((time.perf_counter() - begun) * 1000)
            rows = len(answer.json()["days"])
    return {
        "year_daily_rows": rows,
        "year_daily_ms": {
            "p50": round(float(np.percentile(taken, 50)), 1),
            "p99": round(float(np.percentile(taken, 99)), 1),
        },
    }
