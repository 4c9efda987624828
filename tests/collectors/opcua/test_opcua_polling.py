"""A polled server: batched reads on the ticks, news at its own time, the unchanged confirmed."""

from __future__ import annotations

import asyncio

import numpy as np

from water.device import DeviceState
from water.quality import BAD, Reason, quality


def test_all_nodes_are_read_in_batches_on_every_tick(server, device, reading):
    names = [f"P{n}" for n in range(25)]
    for n, name in enumerate(names):
        server.add(name, float(n))

    async def read():
        async with reading(device(server.endpoint, names, mode="poll", read_batch=10)) as r:
            await r.until(lambda: all(r.kept.values(name.lower()) for name in names))
            stamp_ns = await asyncio.to_thread(server.set, "P7", 70.0)
            await r.until(lambda: 70.0 in r.kept.values("p7"))
            await r.until(lambda: r.collector.status().scans >= 5)
            return r, stamp_ns, r.collector.status()

    r, stamp_ns, status = asyncio.run(read())
    assert [r.kept.values(name.lower())[0] for name in names] == [float(n) for n in range(25)]
    assert r.kept.of("p7").time_ns[-1] == stamp_ns
    assert (status.state, status.scans_missed) == (DeviceState.ONLINE, 0)
    assert status.latency_ms_p50 is not None


def test_the_unchanged_is_confirmed_when_due_and_not_at_every_scan(server, device, reading):
    server.add("Pu", 5.0)

    async def read():
        async with reading(device(server.endpoint, ["Pu"], mode="poll", refresh="1s")) as r:
            await r.until(lambda: len(r.kept.values("pu")) >= 3)
            return r, r.collector.status()

    r, status = asyncio.run(read())
    kept = r.kept.of("pu")
    assert len(kept) < status.scans
    assert (np.diff(kept.time_ns) > 500_000_000).all()


def test_an_unknown_node_is_bad_alone_when_polled(server, device, reading):
    server.add("Pk", 1.0)
    tags = {"Ghost": {}, "Elsewhere": {"node": "nsu=urn:nobody;s=Pk"}}

    async def read():
        async with reading(device(server.endpoint, ["Pk", *tags], mode="poll", tags=tags)) as r:
            await r.until(lambda: r.kept.values("pk") and r.kept.values("ghost"))
            await r.until(lambda: r.collector.status().scans >= 5)
            await asyncio.to_thread(server.set, "Pk", 2.0)
            await r.until(lambda: 2.0 in r.kept.values("pk"))
            return r, r.collector.status()

    r, status = asyncio.run(read())
    for tag in ("ghost", "elsewhere"):
        assert r.kept.of(tag).quality.tolist() == [quality(BAD, Reason.REFUSED)]
    assert status.tags_bad == 2
