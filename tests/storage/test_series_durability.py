"""Killed at any moment: every batch that was acknowledged is there after the restart."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.plant import Retention
from storage.embedded import open_store

WRITER = Path(__file__).with_name("writer_process.py")
DAY_NS = 86_400_000_000_000
BEGIN_NS = 20_700 * DAY_NS
EVERY_NS = 40_000_000_000
HOUR_NS = 3_600_000_000_000


def _acknowledged(lines: list[bytes]) -> list[int]:
    """What was told whole; a last line that the kill tore is not."""
    return [int(line) for line in lines if line.endswith(b"\n") and line != b"ready\n"]


async def _check(folder: Path, acknowledged: set[int], highest: int) -> None:
    async with open_store(folder, Retention(), clock=lambda: BEGIN_NS) as store:
        store.number(["a.tag", "b.tag"])
        await _check_readings(store, acknowledged, highest)
        await store.seal(BEGIN_NS + (highest + 500) * EVERY_NS)
        await _check_readings(store, acknowledged, highest)
        left = [p.name for p in (folder / "history").rglob("*") if p.name.endswith(".tmp")]
        assert left == []


async def _check_readings(store, acknowledged: set[int], highest: int) -> None:
    own = await store.read([0], 0, 2**62)
    found = {
        (t - BEGIN_NS) // EVERY_NS: v
        for t, v in zip(own.time_ns.tolist(), own.value.tolist(), strict=True)
    }
    assert len(found) == len(own)
    missing = {k for k in acknowledged if found.get(k) != k}
    assert not missing
    again = await store.read([1], 0, 2**62)
    for t, v in zip(again.time_ns.tolist(), again.value.tolist(), strict=True):
        k = (t - BEGIN_NS) // EVERY_NS
        if k > 7 and k + 7 in acknowledged:
            assert v == k + 7
        elif k > 7 and k in acknowledged:
            assert v in (k, k + 7)
    assert store.last.of(0).value >= max(acknowledged, default=0)
    day = await store.trend(0, BEGIN_NS, BEGIN_NS + (highest + 500) * EVERY_NS, 500)
    assert day.count.sum() == len(own)


@pytest.mark.slow
def test_killed_twenty_times_at_random_moments(tmp_path) -> None:
    random_moment = random.Random(5)
    acknowledged: set[int] = set()
    first = 0
    for _ in range(20):
        with subprocess.Popen(
            [sys.executable, str(WRITER), str(tmp_path / "store"), str(first)],
            stdout=subprocess.PIPE,
        ) as child:
            assert child.stdout.readline() == b"ready\n"
            time.sleep(random_moment.uniform(0.02, 0.5))
            child.kill()
            acknowledged.update(_acknowledged(child.stdout.readlines()))
        # The next begins where nothing was written yet, acknowledged or not.
        first = max(acknowledged, default=0) + 100
        asyncio.run(_check(tmp_path / "store", acknowledged, first))
    assert len(acknowledged) > 1000


@pytest.mark.parametrize(
    ("step", "nth"),
    [
        ("written", 1),
        ("written", 24),
        ("renamed raw", 1),
        ("renamed raw", 26),
        ("renamed minute", 1),
        ("renamed hour", 1),
        ("known", 5),
        ("known", 28),
        ("forgotten", 2),
        ("removed", 3),
        ("removed", 25),
    ],
)
def test_killed_at_a_step_of_sealing(tmp_path, step, nth) -> None:
    child = subprocess.run(
        [sys.executable, str(WRITER), str(tmp_path / "store"), "0", step, str(nth)],
        stdout=subprocess.PIPE,
        timeout=120,
        check=False,
    )
    assert child.returncode == -9, "the step was never told"
    acknowledged = set(_acknowledged(child.stdout.splitlines(keepends=True)))
    assert acknowledged
    asyncio.run(_check(tmp_path / "store", acknowledged, max(acknowledged)))
