"""The one place where the rooms are put together: start order downwards, end order upwards."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import FastAPI

from api.app import create_app
from api.context import Context
from api.live import Live
from api.pages import mount_pages
from collectors.collecting import Collectors
from config.plant import Plant
from foggara import __version__
from foggara.data_folder import owned
from foggara.door import Door, bind
from foggara.downtime import record_downtime
from foggara.ledger import RecordsLedger
from foggara.memory import settle
from foggara.options import Options
from foggara.targets import adopt_capacities
from foggara.tasks import Tasks
from jobs.accounting import Accounting
from jobs.calendar import Jobs
from jobs.figures import Figures
from storage.embedded import EmbeddedStore, open_store
from storage.sql import SqlRecords, open_records

log = structlog.get_logger(__name__)
Clock = Callable[[], int]
COLLECTORS_END_S = 2.5
"""they hand over what was read before they end"""
END_S = 1.0
"""how long any other part may take to end"""


@dataclass(frozen=True)
class House:
    """The running parts of one process."""

    plant: Plant
    options: Options
    url: str
    store: EmbeddedStore
    records: SqlRecords
    figures: Figures
    jobs: Jobs
    tasks: Tasks
    last: contextlib.AsyncExitStack
    """what ends after the house: whoever puts something there outlives the collectors"""
    numbers: dict[str, int]


@contextlib.asynccontextmanager
async def assembled(
    plant: Plant,
    options: Options,
    *,
    clock: Clock = time.time_ns,
    devices_ready: asyncio.Event | None = None,
) -> AsyncGenerator[House]:
    """Everything of one plant in one process, running on entry, flushed and closed on exit.

    devices_ready : collecting begins when it is set; without it at once

    Raises: PortTaken, DataInUse before anything has started.
    """
    async with contextlib.AsyncExitStack() as stack:
        # what others may hold already comes first, so that nothing has to be taken back
        listening = stack.enter_context(contextlib.closing(bind(options.host, options.port)))
        stack.enter_context(owned(options.data))
        last = await stack.enter_async_context(contextlib.AsyncExitStack())

        kept = await _kept(stack, plant, options, clock)
        store, records, numbers = kept.store, kept.records, kept.numbers

        # what it means, days, live figures and their calendar
        accounting = Accounting(plant, numbers, store, records.outputs, records.capacities, clock)
        figures = Figures(plant, numbers, store, store.last, accounting, clock)
        store.on_batch(figures.observe)
        jobs = Jobs(plant, accounting, store, records.job_runs, clock)
        store.on_late(jobs.late_readings)

        # what is read, the devices
        ledger = RecordsLedger(records.gaps)
        collectors = Collectors(plant.devices, numbers, store, ledger, clock=clock)

        # what is shown, the door
        context = Context(
            plant=plant,
            numbers=numbers,
            reader=store,
            last=store.last,
            records=records,
            accounts=accounting,
            figures=figures,
            devices=collectors.statuses,
            jobs=jobs.states,
            condition=store.condition,
            not_ready=lambda: _not_ready(figures, store),
            auth=options.auth,
            clock=clock,
            version=__version__,
            host=options.host,
        )
        app = create_app(context)
        mount_pages(app, context)
        door = Door(app, listening)

        tasks = Tasks()
        collecting = _collect(collectors, devices_ready)
        await _start(stack, tasks, jobs, figures, collecting, app, door)
        settle()
        yield House(plant, options, door.url, store, records, figures, jobs, tasks, last, numbers)


@dataclass(frozen=True)
class _Kept:
    store: EmbeddedStore
    records: SqlRecords
    numbers: dict[str, int]


async def _kept(
    stack: contextlib.AsyncExitStack, plant: Plant, options: Options, clock: Clock
) -> _Kept:
    """Records and readings, brought up to the description; the time since they were last kept told."""
    records = stack.enter_context(open_records(options.data))
    adopt_capacities(plant, records, clock())
    store = await stack.enter_async_context(
        open_store(options.data, plant.store.retention, clock=clock)
    )
    numbers = dict(store.number(list(plant.tags)))
    record_downtime(plant, numbers, store.last, records.gaps, clock())
    return _Kept(store, records, numbers)


async def _start(
    stack: contextlib.AsyncExitStack,
    tasks: Tasks,
    jobs: Jobs,
    figures: Figures,
    collecting: Coroutine[Any, Any, None],
    app: FastAPI,
    door: Door,
) -> None:
    """Start the tasks in order; the stack ends them in the reverse one."""
    live: Live = app.state.live

    def own(name: str, work: Any) -> None:
        tasks.start(name, work)
        stack.push_async_callback(tasks.end, name, END_S)

    tasks.start("collectors", collecting)
    stack.push_async_callback(tasks.end, "collectors", COLLECTORS_END_S)
    own("figures", figures.run())
    await jobs.start()
    stack.push_async_callback(jobs.stop)
    own("live", live.run())
    tasks.start("door", door.serve())
    stack.push_async_callback(_close_door, tasks, door, live)
    await door.opened()


async def _collect(collectors: Collectors, devices_ready: asyncio.Event | None) -> None:
    if devices_ready is not None:
        await devices_ready.wait()
    await collectors.run()


async def _close_door(tasks: Tasks, door: Door, live: Live) -> None:
    """Streams end first, else the server would wait for its listeners to go by themselves."""
    live.close()
    door.stop()
    await tasks.ended("door", 2 * END_S)


def _not_ready(figures: Figures, store: EmbeddedStore) -> Sequence[str]:
    missing: list[str] = []
    if not figures.ready:
        missing.append("today's readings are still being read")
    missing.extend(w for w in store.condition().warnings if w.startswith("disk full"))
    return missing


async def until_stopped(house: House) -> None:
    """Returns when the house was asked to stop; raises where one of its tasks failed."""
    await house.tasks.watch()


def stop_on_signals(tasks: Tasks) -> None:
    """SIGTERM and Ctrl-C end the house in order; a second Ctrl-C ends the process."""
    import signal

    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        log.info("stopping", signal=number.name)
        tasks.stop()
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
