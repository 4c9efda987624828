"""A process that keeps a store and is killed: it says on its standard output what was acknowledged.

``writer_process.py FOLDER FIRST`` appends batch after batch and seals meanwhile, its clock running 40 s
a batch. Batch k writes tag 0 at its own instant, tag 1 there too, and tag 1 again at the instant of
batch k - 7: the later arrival is to win.
``writer_process.py FOLDER FIRST STEP NTH`` kills itself when the sealing tells that step for the
nth time.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from config.plant import Retention
from storage.embedded import open_store
from water.batch import Batch

BEGIN_NS = 20_700 * 86_400_000_000_000
EVERY_NS = 40_000_000_000
AT_ONCE = 5


def batch(k: int) -> Batch:
    now, before = BEGIN_NS + k * EVERY_NS, BEGIN_NS + max(0, k - 7) * EVERY_NS
    return Batch.of([0, 1, 1], [now, now, before], [k, k, k])


def tell(text: str) -> None:
    os.write(1, (text + "\n").encode())


async def keep_on(folder: Path, first: int) -> None:
    k = first
    async with open_store(folder, Retention(), clock=lambda: BEGIN_NS) as store:
        store.number(["a.tag", "b.tag"])
        tell("ready")

        async def one(k: int) -> None:
            await store.append(batch(k))
            tell(str(k))

        async def seal() -> None:
            while True:
                await store.seal(BEGIN_NS + k * EVERY_NS)
                await asyncio.sleep(0.001)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(seal())
            while True:
                async with asyncio.TaskGroup() as group:
                    for n in range(AT_ONCE):
                        group.create_task(one(k + n))
                k += AT_ONCE


async def die_at(folder: Path, first: int, step: str, nth: int) -> None:
    seen = 0

    def watch(told: str) -> None:
        nonlocal seen
        seen += told == step
        if seen == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    async with open_store(folder, Retention(), clock=lambda: BEGIN_NS, step=watch) as store:
        store.number(["a.tag", "b.tag"])
        for k in range(first, first + 3000, 50):
            if k % 250 == 0:
                await store.seal(BEGIN_NS + k * EVERY_NS)
            await asyncio.gather(*(store.append(batch(k + n)) for n in range(50)))
            for n in range(50):
                tell(str(k + n))
        await store.seal(BEGIN_NS + (first + 3000) * EVERY_NS)


if __name__ == "__main__":
    where, begin = Path(sys.argv[1]), int(sys.argv[2])
    if len(sys.argv) > 3:
        asyncio.run(die_at(where, begin, sys.argv[3], int(sys.argv[4])))
    else:
        asyncio.run(keep_on(where, begin))
