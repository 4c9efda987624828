"""The store against a dictionary: whatever is done in whatever order, both answer the same."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.plant import Retention
from storage.embedded import open_store
from water.batch import Batch

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
MIDNIGHT_NS = 20_700 * DAY_NS
TAGS = ["mactaa.product.flow", "mactaa.product.total", "aa.level", "z.state"]

batches = st.lists(
    st.tuples(
        st.integers(0, len(TAGS) - 1),
        # Few distinct instants: keys come again, and hours and days are hit at their edges.
        st.integers(-2 * 24 * 12, 30 * 12).map(lambda n: MIDNIGHT_NS + n * HOUR_NS // 12 - (n % 3)),
        st.sampled_from([0.0, 1.5, -2.25, 1e8, float("nan"), 1 / 3, 123456789.0]),
        st.sampled_from([0, 1, 0x42, 0x89]),
    ),
    min_size=1,
    max_size=40,
).map(
    lambda rows: Batch.of(
        [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows], [r[3] for r in rows]
    )
)
seals = st.integers(-30, 60)
actions = st.lists(
    st.one_of(
        batches.map(lambda b: ("append", b)),
        batches.map(lambda b: ("import", b)),
        seals.map(lambda h: ("seal", MIDNIGHT_NS + h * HOUR_NS)),
        st.just(("restart", None)),
    ),
    min_size=1,
    max_size=12,
)


async def _play(folder: Path, done, truth) -> None:
    at = 0
    while at < len(done):
        async with open_store(folder, Retention(), clock=lambda: MIDNIGHT_NS) as store:
            store.number(TAGS)
            while at < len(done):
                what, given_ = done[at]
                at += 1
                if what == "append":
                    await store.append(given_)
                    truth.take(given_)
                elif what == "import":
                    await store.import_day(given_)
                    truth.take(given_)
                elif what == "seal":
                    await store.seal(given_)
                else:
                    break


def _same(found, expected) -> bool:
    return len(found) == len(expected) and all(
        np.array_equal(a, b, equal_nan=True) for a, b in zip(found, expected, strict=True)
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    done=actions,
    span=st.tuples(st.integers(-60 * 60, 30 * 60), st.integers(0, 60 * 60)),
    points=st.sampled_from([1, 2, 7, 48, 1000, 20000]),
)
def test_every_answer_is_that_of_a_dictionary(done, span, points, make_truth, rows_of) -> None:
    truth = make_truth()
    from_ns = MIDNIGHT_NS + span[0] * HOUR_NS // 60 + 7
    to_ns = from_ns + span[1] * HOUR_NS // 60

    async def check(folder: Path) -> None:
        await _play(folder, done, truth)
        async with open_store(folder, Retention(), clock=lambda: MIDNIGHT_NS) as store:
            store.number(TAGS)
            tags = [0, 1, 2, 3, 99]
            everything = await store.read(tags, 0, 2**62)
            assert _same(rows_of(everything), truth.read(tags, 0, 2**62))
            part = await store.read(tags, from_ns, to_ns, neighbours=True)
            expected = truth.read(tags, from_ns, to_ns) + truth.neighbours(tags, from_ns, to_ns)
            assert _same(rows_of(part), sorted(set(expected), key=lambda r: r[:2]))
            for tag in range(len(TAGS)):
                await _check_trend(store, truth, tag, from_ns, to_ns, points)
                _check_last(store, truth, tag)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(Path(folder)))


async def _check_trend(store, truth, tag, from_ns, to_ns, points) -> None:
    trend = await store.trend(tag, from_ns, to_ns, points)
    assert len(trend.time_ns) <= points
    if len(trend.time_ns) == 0:
        assert not truth.trend(tag, from_ns, to_ns, DAY_NS, 0)
        return
    resolution = next(r for r in (HOUR_NS, 60_000_000_000, 1) if trend.step_ns % r == 0)
    origin = from_ns // resolution * resolution
    expected = truth.trend(tag, from_ns, to_ns, trend.step_ns, origin)
    assert trend.time_ns.tolist() == [row[0] for row in expected]
    assert trend.minimum.tolist() == [row[1] for row in expected]
    assert trend.maximum.tolist() == [row[2] for row in expected]
    assert trend.mean == pytest.approx([row[3] for row in expected], rel=1e-9, abs=1e-6)
    assert trend.last.tolist() == [row[4] for row in expected]
    assert trend.count.tolist() == [row[5] for row in expected]


def _check_last(store, truth, tag) -> None:
    known = sorted(truth.readings.get(tag, {}).items())
    latest = store.last.of(tag)
    if not known:
        assert latest is None
    else:
        assert latest is not None
        assert _same(
            [(latest.time_ns, latest.value, latest.quality)], [(known[-1][0], *known[-1][1])]
        )
