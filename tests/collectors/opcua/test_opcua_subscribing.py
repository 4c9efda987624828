"""A subscribed server: what it says is read, once, at its own time."""

from __future__ import annotations

import asyncio
import time

import numpy as np
from asyncua import ua

from water.device import DeviceState
from water.quality import BAD, GOOD, UNCERTAIN, Reason, quality

S = 1_000_000_000


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
    assert last.quality[-1] == GOOD


def test_numbers_of_every_type_and_unit_become_base_units(server, device, reading):
    server.add("Flag", True)
    server.add("Count", ua.Variant(4_000_000_000, ua.VariantType.UInt32))
    server.add("Small", ua.Variant(-7, ua.VariantType.Int16))
    server.add("Single", ua.Variant(0.5, ua.VariantType.Float))
    tags = {
        "Flag": {"kind": "state", "unit": "1"},
        "Count": {"kind": "totalizer", "unit": "L"},
        "Small": {"kind": "temperature", "unit": "degC"},
        "Single": {"unit": "m", "scaling": {"raw": [0, 1], "value": [2, 4]}},
    }

    async def read():
        async with reading(device(server.endpoint, list(tags), tags=tags)) as r:
            await r.until(lambda: all(r.kept.values(name.lower()) for name in tags))
            return r

    r = asyncio.run(read())
    values = [r.kept.values(name.lower())[0] for name in tags]
    np.testing.assert_allclose(values, [1.0, 4_000_000.0, -7.0, 3.0])


def test_several_values_between_two_publishes_are_all_kept_in_order(server, device, reading):
    server.add("Q", 0.0)
    plc = device(server.endpoint, ["Q"], publishing_interval="600ms", sampling_interval="50ms")

    async def read():
        async with reading(plc) as r:
            await r.until(lambda: r.kept.values("q"))
            stamps = [server.set("Q", float(n)) for n in range(1, 9)]
            await r.until(lambda: 8.0 in r.kept.values("q"))
            return r, stamps

    r, stamps = asyncio.run(read())
    assert r.kept.values("q")[-8:] == [float(n) for n in range(1, 9)]
    assert r.kept.of("q").time_ns[-8:].tolist() == stamps


def test_status_codes_become_qualities(server, device, reading):
    server.add("St", 1.0)
    cases = [
        (0x4090_0000, quality(UNCERTAIN, Reason.STALE)),  # UncertainLastUsableValue
        (0x8031_0000, quality(BAD, Reason.COMM_FAILURE)),  # BadNoCommunication
        (0x808C_0000, quality(BAD, Reason.DEVICE_STATUS)),  # BadSensorFailure
        (0x8032_0000, quality(BAD, Reason.DEVICE_STATUS)),  # BadWaitingForInitialData
        (0x0096_0000, GOOD),  # GoodLocalOverride
    ]

    async def read():
        async with reading(device(server.endpoint, ["St"])) as r:
            await r.until(lambda: r.kept.values("st"))
            for n, (status, _) in enumerate(cases):
                server.set("St", 10.0 + n, status=status)
                await r.until(lambda n=n: len(r.kept.values("st")) == n + 2)
            return r

    kept = asyncio.run(read()).kept.of("st")
    assert kept.quality[-len(cases) :].tolist() == [code for _, code in cases]


def test_what_is_no_number_is_bad_and_has_no_value(server, device, reading):
    server.add("N", 1.0)
    server.add("Text", "high")

    async def read():
        async with reading(device(server.endpoint, ["N", "Text"])) as r:
            await r.until(lambda: r.kept.values("text") and r.kept.values("n"))
            server.set("N", float("nan"))
            await r.until(lambda: len(r.kept.values("n")) == 2)
            return r

    r = asyncio.run(read())
    not_a_number = quality(BAD, Reason.NOT_A_NUMBER)
    assert r.kept.of("text").quality.tolist() == [not_a_number]
    assert r.kept.of("n").quality.tolist() == [GOOD, not_a_number]
    assert np.isnan(r.kept.values("n")[-1])


def test_changes_within_the_deadband_are_not_sent(server, device, reading):
    server.add("D", 1.0)
    plc = device(server.endpoint, ["D"], tags={"D": {"deadband": 0.5}})

    async def read():
        async with reading(plc) as r:
            await r.until(lambda: r.kept.values("d"))
            for value in (1.2, 1.3, 2.0, 2.1, 3.0):
                server.set("D", value)
                await asyncio.sleep(0.25)
            await r.until(lambda: 3.0 in r.kept.values("d"))
            return r

    values = asyncio.run(read()).kept.values("d")
    assert 1.2 not in values
    assert values[-1] == 3.0


def test_an_unknown_node_is_bad_alone(server, device, reading):
    server.add("K", 5.0)
    nodes = {
        "Ghost": {},
        "Elsewhere": {"node": "nsu=urn:nobody;s=K"},
        "Nonsense": {"node": "K"},
    }

    async def read():
        async with reading(device(server.endpoint, ["K", *nodes], tags=nodes)) as r:
            await r.until(lambda: 5.0 in r.kept.values("k"))
            await r.until(lambda: r.kept.values("nonsense"))
            server.set("K", 6.0)
            await r.until(lambda: 6.0 in r.kept.values("k"))
            return r, r.collector.status()

    r, status = asyncio.run(read())
    refused = quality(BAD, Reason.REFUSED)
    for tag in ("ghost", "elsewhere", "nonsense"):
        assert r.kept.of(tag).quality.tolist() == [refused]
    assert status.state is DeviceState.DEGRADED
    assert (status.tags, status.tags_bad) == (4, 3)
    assert r.kept.gaps == []


def test_an_unchanged_value_is_confirmed_at_the_servers_time(server, device, reading):
    server.add("U", 1.0)
    stamp_ns = server.set("U", 7.0)

    async def read():
        async with reading(device(server.endpoint, ["U"], refresh="1s")) as r:
            await r.until(lambda: len(r.kept.values("u")) >= 3)
            return r, time.time_ns()

    r, now_ns = asyncio.run(read())
    kept = r.kept.of("u")
    assert kept.value.tolist() == [7.0] * len(kept)
    assert kept.time_ns[0] == stamp_ns
    assert (np.diff(kept.time_ns) > S // 2).all()
    assert (kept.time_ns[1:] % 1_000_000 == 0).all()
    assert abs(now_ns - kept.time_ns[-1]) < 3 * S


def test_a_value_of_long_ago_is_confirmed_at_once(server, device, reading):
    server.add("Old", 1.0)
    hour_ago = server.set("Old", 4.0, source_ns=time.time_ns() - 3600 * S)

    async def read():
        async with reading(device(server.endpoint, ["Old"])) as r:
            await r.until(lambda: len(r.kept.values("old")) >= 2)
            return r

    kept = asyncio.run(read()).kept.of("old")
    assert kept.value.tolist() == [4.0, 4.0]
    assert kept.time_ns[0] == hour_ago
    assert abs(kept.time_ns[1] - time.time_ns()) < 30 * S


def test_a_source_time_in_the_future_gives_way_to_ours(server, device, reading):
    server.add("Fut", 1.0)

    async def read():
        async with reading(device(server.endpoint, ["Fut"])) as r:
            await r.until(lambda: r.kept.values("fut"))
            for n in range(3):
                server.set("Fut", 10.0 + n, source_ns=time.time_ns() + 3600 * S)
            await r.until(lambda: 12.0 in r.kept.values("fut"))
            return r

    kept = asyncio.run(read()).kept.of("fut").where(slice(-3, None))
    assert kept.value.tolist() == [10.0, 11.0, 12.0]
    assert (np.diff(kept.time_ns) > 0).all()
    assert abs(kept.time_ns[-1] - time.time_ns()) < 30 * S
    assert set(kept.quality.tolist()) == {quality(GOOD, Reason.CLOCK_SKEW)}


def test_a_source_clock_set_back_gives_way_to_ours(server, device, reading):
    server.add("Back", 1.0)

    async def read():
        async with reading(device(server.endpoint, ["Back"])) as r:
            await r.until(lambda: r.kept.values("back"))
            server.set("Back", 2.0)
            await r.until(lambda: 2.0 in r.kept.values("back"))
            server.set("Back", 3.0, source_ns=time.time_ns() - 3600 * S)
            await r.until(lambda: 3.0 in r.kept.values("back"))
            return r

    kept = asyncio.run(read()).kept.of("back")
    assert (np.diff(kept.time_ns) > 0).all()
    assert kept.quality[-1] == quality(GOOD, Reason.CLOCK_SKEW)


def test_ticks_are_scans_and_none_is_missed_in_health(server, device, reading):
    server.add("H", 1.0)

    async def read():
        async with reading(device(server.endpoint, ["H"])) as r:
            await r.until(lambda: r.collector.status().scans >= 8)
            return r.collector.status()

    status = asyncio.run(read())
    assert status.state is DeviceState.ONLINE
    assert (status.scans_missed, status.errors, status.reconnects) == (0, 0, 0)
    assert status.tags_bad == 0


def test_nothing_comes_twice(server, device, reading):
    server.add("T", 0.0)

    async def read():
        async with reading(device(server.endpoint, ["T"], refresh="300ms")) as r:
            await r.until(lambda: r.kept.values("t"))
            for n in range(20):
                server.set("T", float(n + 1))
                await asyncio.sleep(0.06)
            await r.until(lambda: 20.0 in r.kept.values("t"))
            return r

    kept = asyncio.run(read()).kept.of("t")
    assert len(set(kept.time_ns.tolist())) == len(kept)
    moved = kept.value[np.diff(kept.value, prepend=-1.0) != 0]
    assert moved.tolist() == [float(n) for n in range(21)]
