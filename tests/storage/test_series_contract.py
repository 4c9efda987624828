"""The contract of the series ports, over every implementation. A new store adds its factory here."""

from __future__ import annotations

import asyncio
import math

import numpy as np
import pytest

from config.plant import Retention
from storage.embedded import open_store
from storage.errors import Rejected
from water.batch import Batch

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
SECOND_NS = 1_000_000_000

FACTORIES = {"embedded": lambda folder, clock: open_store(folder, Retention(), clock=clock)}
TAGS = ["mactaa.product.flow", "mactaa.product.total", "belgaid.level"]


@pytest.fixture(params=sorted(FACTORIES))
def opened(request, tmp_path, clock):
    return lambda: FACTORIES[request.param](tmp_path / "store", clock)


def test_numbers_are_given_once_and_for_ever(opened) -> None:
    async def check() -> None:
        async with opened() as store:
            first = dict(store.number(TAGS))
            assert len(set(first.values())) == len(TAGS)
        async with opened() as store:
            again = store.number(["new.tag", *reversed(TAGS)])
            assert {tag: again[tag] for tag in TAGS} == first
            assert again["new.tag"] not in first.values()

    asyncio.run(check())


def test_what_is_appended_is_read_at_once_and_after_a_restart(opened, midnight_ns, rows_of) -> None:
    async def check() -> None:
        rows = [(0, midnight_ns + 5, 1.5, 0), (1, midnight_ns, 1e8 + 1, 0x42)]
        async with opened() as store:
            store.number(TAGS)
            await store.append(Batch.of(*zip(*reversed(rows), strict=True)))
            assert rows_of(await store.read([0, 1], midnight_ns, midnight_ns + 6)) == rows
        async with opened() as store:
            assert rows_of(await store.read([1, 0], midnight_ns, midnight_ns + 6)) == rows
            assert store.last.of(0).value == 1.5

    asyncio.run(check())


def test_spans_hold_their_begin_and_not_their_end(opened, midnight_ns) -> None:
    async def check() -> None:
        async with opened() as store:
            store.number(TAGS)
            await store.append(Batch.of([0, 0], [midnight_ns, midnight_ns + 9], [1.0, 2.0]))
            found = await store.read([0], midnight_ns, midnight_ns + 9)
            assert found.value.tolist() == [1.0]

    asyncio.run(check())


@pytest.mark.parametrize("sealed", [False, True])
def test_the_later_arrival_of_a_key_wins_once(opened, midnight_ns, sealed) -> None:
    async def check() -> None:
        async with opened() as store:
            store.number(TAGS)
            for value in (1.0, 2.0, math.nan, 3.0):
                await store.append(
                    Batch.of([0], [midnight_ns], [value], [0x88 if math.isnan(value) else 0])
                )
                if sealed:
                    await store.seal(midnight_ns + 2 * HOUR_NS)
            found = await store.read([0], 0, 2**62)
            assert found.value.tolist() == [3.0]
            trend = await store.trend(0, midnight_ns, midnight_ns + HOUR_NS, 1)
            assert trend.count.tolist() == [1]
            assert trend.last.tolist() == [3.0]

    asyncio.run(check())


def test_unknown_tags_and_empty_spans_give_no_rows(opened, midnight_ns) -> None:
    async def check() -> None:
        async with opened() as store:
            store.number(TAGS)
            await store.append(Batch.of([0], [midnight_ns], [1.0]))
            assert len(await store.read([77], 0, 2**62)) == 0
            assert len(await store.read([], 0, 2**62)) == 0
            assert len(await store.read([0], midnight_ns + 1, midnight_ns)) == 0
            assert len(await store.read([0], midnight_ns, midnight_ns)) == 0
            assert len((await store.trend(77, 0, 2**62, 10)).time_ns) == 0
            assert len((await store.trend(0, midnight_ns, midnight_ns, 10)).time_ns) == 0
            await store.append(Batch.empty())

    asyncio.run(check())


@pytest.mark.parametrize("sealed", [False, True])
def test_bad_readings_are_kept_as_they_came(opened, midnight_ns, sealed, rows_of) -> None:
    async def check() -> None:
        values = [math.nan, math.inf, -0.0, 5e-324, 1e308, 16_777_217.0]
        qualities = [0x89, 0x88, 0x42, 0, 1, 0]
        times = [midnight_ns + n for n in range(6)]
        async with opened() as store:
            store.number(TAGS)
            await store.append(Batch.of([0] * 6, times, values, qualities))
            if sealed:
                await store.seal(midnight_ns + 2 * HOUR_NS)
            found = await store.read([0], 0, 2**62)
            assert np.array_equal(found.value, values, equal_nan=True)
            assert found.quality.tolist() == qualities
            assert found.time_ns.tolist() == times

    asyncio.run(check())


def test_neighbours_are_the_nearest_good_readings_within_eight_days(opened, midnight_ns) -> None:
    async def check() -> None:
        far, near, bad = midnight_ns - 9 * DAY_NS, midnight_ns - 5 * DAY_NS, midnight_ns - HOUR_NS
        after = midnight_ns + 7 * DAY_NS
        async with opened() as store:
            store.number(TAGS)
            await store.append(
                Batch.of([0] * 4, [far, near, bad, after], [1.0, 2.0, 3.0, 4.0], [0, 0, 0x80, 1])
            )
            await store.append(Batch.of([1], [far], [9.0]))
            await store.seal(midnight_ns - 2 * DAY_NS)
            found = await store.read([0, 1], midnight_ns, midnight_ns + HOUR_NS, neighbours=True)
            assert found.tag_id.tolist() == [0, 0]
            assert found.value.tolist() == [2.0, 4.0]

    asyncio.run(check())


def test_a_reading_that_cannot_be_is_refused_and_the_others_taken(opened, midnight_ns) -> None:
    async def check() -> None:
        async with opened() as store:
            store.number(TAGS)
            with pytest.raises(Rejected) as refused:
                await store.append(
                    Batch.of([0, 50, 1, 0], [midnight_ns, midnight_ns, midnight_ns, -5], [1.0] * 4)
                )
            assert list(refused.value.rows) == [1, 3]
            assert (await store.read([0, 1], 0, 2**62)).tag_id.tolist() == [0, 1]

    asyncio.run(check())


def test_trends_have_at_most_so_many_equal_steps(opened, midnight_ns) -> None:
    async def check() -> None:
        n = 3 * 3600
        async with opened() as store:
            store.number(TAGS)
            times = midnight_ns + np.arange(n) * SECOND_NS
            await store.append(Batch.of(np.zeros(n), times, np.arange(n) % 60))
            await store.seal(midnight_ns + 2 * HOUR_NS + 5 * 60 * SECOND_NS)
            for points in (1, 3, 180, 181, 1000, 20_000):
                trend = await store.trend(0, midnight_ns, midnight_ns + 3 * HOUR_NS, points)
                assert len(trend.time_ns) <= points
                assert not (np.diff(trend.time_ns) % trend.step_ns).any()
                assert trend.count.sum() == n
                if points <= 180:
                    assert trend.minimum.tolist() == [0.0] * len(trend.time_ns)
                    assert trend.maximum.tolist() == [59.0] * len(trend.time_ns)
                    assert trend.mean == pytest.approx([29.5] * len(trend.time_ns))

    asyncio.run(check())


def test_late_readings_are_told_and_every_batch_is(opened, midnight_ns, clock) -> None:
    async def check() -> None:
        late: list[tuple[list[int], int, int]] = []
        seen: list[int] = []
        async with opened() as store:
            store.number(TAGS)
            store.on_late(lambda tags, begin, end: late.append((tags.tolist(), begin, end)))
            store.on_batch(lambda batch: seen.append(len(batch)))
            now = clock.now_ns
            await store.append(Batch.of([0, 1], [now, now - 1], [1.0, 1.0]))
            await store.append(Batch.of([0, 1, 1], [now, midnight_ns, midnight_ns + 7], [1.0] * 3))
            assert seen == [2, 3]
            assert late == [([1], midnight_ns, midnight_ns + 7)]

    asyncio.run(check())


def test_exports_hold_exactly_the_span(opened, midnight_ns, tmp_path) -> None:
    async def check() -> None:
        async with opened() as store:
            store.number(TAGS)
            hours = [midnight_ns + h * HOUR_NS for h in range(-20, 9)]
            for tag in range(3):
                await store.append(
                    Batch.of([tag] * 29, hours, np.arange(29) + tag / 2, [0x42] * 29)
                )
            await store.seal(midnight_ns + 5 * HOUR_NS)
            told: list[float] = []
            for form in ("csv", "parquet"):
                path = tmp_path / f"out.{form}"
                written = await store.export(
                    path, [*TAGS[1:], "no.such"], hours[2], hours[27], form, told.append
                )
                assert written == 50
                assert path.stat().st_size > 0
            await asyncio.sleep(0)
            assert told[-1] == 1.0
            assert told == sorted(told[: len(told) // 2]) * 2

        text = (tmp_path / "out.csv").read_text().splitlines()
        assert text[0] == '"tag","time","value","quality","reason"'
        assert text[1] == (
            '"belgaid.level","2026-09-03T06:00:00.000Z",3,"uncertain","out_of_range"'
        )
        assert len(text) == 51

    asyncio.run(check())


def test_a_clock_set_back_does_not_hide_what_is_read_now(opened, clock, midnight_ns) -> None:
    async def check() -> None:
        clock.now_ns = midnight_ns + HOUR_NS
        async with opened() as store:
            store.number(TAGS)
            await store.append(Batch.of([2], [midnight_ns + HOUR_NS], [4.0]))
        clock.now_ns = midnight_ns
        async with opened() as store:
            await store.append(Batch.of([2], [midnight_ns], [1.0]))
            assert store.last.of(2).value == 1.0
            clock.now_ns = midnight_ns + SECOND_NS
            await store.append(Batch.of([2], [midnight_ns - SECOND_NS], [9.0]))
            assert store.last.of(2).value == 1.0

    asyncio.run(check())
