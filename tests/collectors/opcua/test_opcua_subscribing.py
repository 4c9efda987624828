"""A subscribed server: what it says is read, once, at its own time."""

from __future__ import annotations

import asyncio


def test_a_value_comes_with_its_source_time(server, device, reading):
    server.add("A", 1.5)

    async def read():
        async with reading(device(server.endpoint, ["A"])) as r:
            await r.until(lambda: 1.5 in r.kept.values("a"))
            stamp_ns = server.set("A", 2.25)
            await r.until(lambda: 2.25 in r.kept.values("a"))
            return r, stamp_ns

    r, stamp_ns = asyncio.run(read())
    last = r.kept.of("a")
    assert last.time_ns[-1] == stamp_ns
    assert last.quality[-1] == 0
