"""A small plant with three and a half days of readings, in a real store, behind the real door."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.context import Context
from config.loading import load
from config.plant import Plant
from jobs.accounting import Accounting
from jobs.figures import Figures
from storage.embedded import EmbeddedStore, open_store
from storage.records import CapacityRecord
from storage.sql import SqlRecords, open_records
from water.batch import Batch
from water.device import DeviceState, DeviceStatus, Gap
from water.quality import BAD, Reason

FIRST = dt.date(2026, 7, 1)
TODAY = dt.date(2026, 7, 4)
ORAN_M3_PER_H, MASCARA_M3_PER_H = 10_000.0, 4_000.0

DESCRIPTION = """
plant: {id: small, name: Small plant, city: oran, time_zone: Africa/Algiers}
server: {auth: "off"}
sites:
  - {id: mactaa, name: El Mactaa, type: desalination_plant, in_service_from: 2014-11-10}
  - {id: araba, name: {en: El Araba, fr: El Araba, ar: العرابة}, type: reservoir}
devices:
  - id: plc
    site: mactaa
    protocol: modbus
    host: 127.0.0.1
    port: 15020
    scan_interval: 60s
    tags:
      - {id: mactaa.oran.flow, kind: flow, unit: m3/h, address: 0}
      - {id: mactaa.oran.total, kind: totalizer, unit: m3, address: 2, data: uint32}
      - {id: mactaa.mascara.flow, kind: flow, unit: m3/h, address: 4}
      - {id: mactaa.mascara.total, kind: totalizer, unit: m3, address: 6, data: uint32}
      - {id: araba.level, kind: level, unit: m, address: 8}
      - {id: mactaa.state, kind: state, unit: "1", address: 10, data: uint16, states: {0: off, 3: run}}
meters:
  - {id: mactaa.oran, site: mactaa, measures: produced, destination: oran,
     totalizer: mactaa.oran.total, flow: mactaa.oran.flow, maximum_flow: 15000 m3/h}
  - {id: mactaa.mascara, site: mactaa, measures: produced, destination: mascara,
     totalizer: mactaa.mascara.total, flow: mactaa.mascara.flow, maximum_flow: 8000 m3/h}
reservoirs:
  - id: araba
    compartments: [{id: araba.1, level: araba.level, area: 6250, height: 8 m}]
    minimum_level: 1 m
capacities:
  - {site: mactaa, kind: target, volume: 350 000 m3/d, valid_from: 2022-03-01}
  - {site: mactaa, kind: design, volume: 500 000 m3/d, valid_from: 2014-11-10}
"""


@dataclass
class Scene:
    """What a test of the door needs: the app and the parts behind it."""

    app: FastAPI
    client: httpx.AsyncClient
    context: Context
    store: EmbeddedStore
    records: SqlRecords
    figures: Figures
    now: list[int]


def ns(date: dt.date, hour: float = 0.0) -> int:
    """Local time of Africa/Algiers, UTC+1 all year."""
    midnight = dt.datetime.combine(date, dt.time(), dt.timezone(dt.timedelta(hours=1)))
    return round((midnight.timestamp() + hour * 3600) * 1e9)


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    file = tmp_path / "plant.yaml"
    file.write_text(DESCRIPTION, encoding="utf-8")
    return load(file).plant


def readings(numbers: dict[str, int]) -> Batch:
    """From an hour before FIRST to noon of TODAY, each minute; one flow reading is bad."""
    times = np.arange(ns(FIRST, -1), ns(TODAY, 12) + 1, 60 * 10**9)
    hours = (times - times[0]) / 3.6e12
    columns = {
        "mactaa.oran.flow": np.full(times.shape, ORAN_M3_PER_H),
        "mactaa.oran.total": np.floor(1e6 + hours * ORAN_M3_PER_H),
        "mactaa.mascara.flow": np.full(times.shape, MASCARA_M3_PER_H),
        "mactaa.mascara.total": np.floor(2e6 + hours * MASCARA_M3_PER_H),
        "araba.level": 5.0 - 0.01 * hours,
        "mactaa.state": np.full(times.shape, 3.0),
    }
    tags = np.concatenate([np.full(times.shape, numbers[t], np.int32) for t in columns])
    values = np.concatenate(list(columns.values()))
    quality = np.zeros(tags.shape, np.uint8)
    values[100], quality[100] = np.nan, BAD | Reason.COMM_FAILURE
    return Batch(tags, np.tile(times, len(columns)), values, quality)


def device_status(state: DeviceState = DeviceState.ONLINE) -> DeviceStatus:
    return DeviceStatus(
        "plc", "modbus", state, ns(TODAY, 12), 5000, 1, 2, 1, 3, "timeout", 1.5, 9.25, 6, 0
    )


@asynccontextmanager
async def scene(
    plant: Plant, folder: Path, change: Callable[[Context], Context] = lambda c: c
) -> AsyncIterator[Scene]:
    now = [ns(TODAY, 12)]
    clock = lambda: now[0]  # noqa: E731
    async with open_store(folder / "data", plant.store.retention, clock=clock) as store:
        with open_records(folder / "data") as records:
            numbers = dict(store.number(list(plant.tags)))
            await store.append(readings(numbers))
            await asyncio.to_thread(_known, plant, records)
            accounting = Accounting(
                plant, numbers, store, records.outputs, records.capacities, clock
            )
            for day in range(3):
                await accounting.close_day(FIRST + dt.timedelta(days=day))
            figures = Figures(plant, numbers, store, store.last, accounting, clock)
            store.on_batch(figures.observe)
            await figures.refresh()
            context = change(
                Context(
                    plant=plant, numbers=numbers, reader=store, last=store.last, records=records,
                    accounts=accounting, figures=figures, devices=lambda: [device_status()],
                    jobs=list, condition=store.condition, not_ready=list, auth="off",
                    clock=clock, version="0",
                )
            )  # fmt: skip
            app = create_app(context)
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost"
            ) as client:
                yield Scene(app, client, context, store, records, figures, now)


def _known(plant: Plant, records: SqlRecords) -> None:
    rows = [
        CapacityRecord(
            c.site, c.kind, c.m3_per_day, c.valid_from, c.valid_to, c.source, ns(FIRST), "config"
        )
        for c in plant.capacities
    ]
    records.capacities.replace("mactaa", rows)
    tags = ("mactaa.oran.flow",)
    begin, end = ns(FIRST, 2), ns(FIRST, 3)
    records.gaps.record_gap(Gap("plc", begin, None, tags, 0, "timeout"))
    records.gaps.record_gap(Gap("plc", begin, end, tags, 60, "timeout"))


Play = Callable[[Callable[[Scene], Awaitable[None]]], None]


@pytest.fixture
def play(plant: Plant, tmp_path: Path) -> Iterator[Play]:
    """Runs a test's coroutine in a scene."""

    def run(act: Callable[[Scene], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with scene(plant, tmp_path) as s:
                await act(s)

        asyncio.run(whole())

    return run


@pytest.fixture
def play_with_keys(plant: Plant, tmp_path: Path) -> Play:
    """The same, where a key is wanted."""

    def run(act: Callable[[Scene], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with scene(plant, tmp_path, lambda c: replace(c, auth="keys")) as s:
                await act(s)

        asyncio.run(whole())

    return run
