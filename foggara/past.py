"""A simulated past taken into a house: stored as history, then accounted like any other days."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from foggara.assembly import House
from simulator.past import DONE, day_files, read_day
from water.batch import Batch

log = structlog.get_logger(__name__)
_LOOK_S = 0.2
_TELL_DAYS = 50


async def take_in(house: House, folder: Path, days: int) -> None:
    """Follow a past that is being written, day by day, until it is done; its files are deleted.

    Days already taken may be taken again: they change nothing.
    """
    taken = 0
    while True:
        done = (folder / DONE).exists()  # looked at first: what is written before it is then there
        for file in await asyncio.to_thread(lambda: list(day_files(folder))):
            batch = await asyncio.to_thread(read_day, file, house.numbers)
            await _keep(house, batch)
            await asyncio.to_thread(file.unlink)
            taken += 1
            if taken % _TELL_DAYS == 0:
                log.info("taking in the simulated past", days=taken, of=days)
        if done:
            break
        await asyncio.sleep(_LOOK_S)
    await asyncio.to_thread((folder / DONE).unlink)
    await asyncio.to_thread(folder.rmdir)
    house.figures.begin_again()
    for job in ("close_day", "finalise_day"):
        await house.jobs.run_now(job)
    log.info("the simulated past is taken in and accounted", days=taken)


async def _keep(house: House, batch: Batch) -> None:
    if len(batch):
        await house.store.import_day(batch)
