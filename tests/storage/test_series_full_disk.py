"""A full disk: what was acknowledged stays, what was not is refused, and room makes it well again."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from config.plant import Retention
from storage.embedded import open_store
from storage.errors import DiskFull, Unavailable
from water.batch import Batch

HOUR_NS = 3_600_000_000_000
MIDNIGHT_NS = 20_700 * 24 * HOUR_NS
SIZE = 24 << 20


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MiB where this machine lets us mount one; else None."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)],
            check=False,
            capture_output=True,
        ).returncode
    )
    yield place if mounted else None
    if mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)


def _batch(n: int) -> Batch:
    times = MIDNIGHT_NS + n * 1_000_000_000 + (n * 7919 % 1000) * 1_000_000
    return Batch.of(range(500), [times] * 500, [n + k / 7 for k in range(500)])


async def _fill(store, first: int) -> int:
    """Append until the disk refuses; returns the first that was not taken."""
    n = first
    while True:
        try:
            await store.append(_batch(n))
        except Unavailable:
            return n
        n += 1


async def _all_there(store, n: int) -> None:
    for tag in (0, 499):
        found = await store.read([tag], 0, 2**62)
        assert found.value.tolist() == [k + tag / 7 for k in range(n)]


def _unfinished(folder: Path) -> list[Path]:
    return list(folder.rglob("*.tmp"))


async def _append_for_ever(store) -> None:
    n = 0
    while True:
        await store.append(_batch(n))
        n += 1


async def _through_a_full_disk(folder: Path, fill, empty) -> None:
    async with open_store(folder, Retention(), clock=lambda: MIDNIGHT_NS) as store:
        store.number([f"t{k:03d}" for k in range(500)])
        fill()
        n = await _fill(store, 0)
        assert n > 10
        for _ in range(3):
            with pytest.raises(Unavailable):
                await store.append(_batch(n))
        with pytest.raises(Unavailable):
            await store.seal(MIDNIGHT_NS + 26 * HOUR_NS)
        await _all_there(store, n)
        empty()
        await store.append(_batch(n))
        await store.seal(MIDNIGHT_NS + 26 * HOUR_NS)
        await _all_there(store, n + 1)
    assert _unfinished(folder) == []
    async with open_store(folder, Retention(), clock=lambda: MIDNIGHT_NS) as store:
        await _all_there(store, n + 1)


def test_a_full_disk_loses_nothing_and_is_got_over(small_disk, tmp_path) -> None:
    if small_disk is None:
        # Not allowed to mount: a limit on the size of files refuses in the same places.
        subprocess.run(
            [
                sys.executable,
                "-c",
                f"import runpy; runpy.run_path({__file__!r})['limited']({str(tmp_path)!r})",
            ],
            check=True,
        )
        return
    ballast = small_disk / "ballast"

    def fill() -> None:
        room = os.statvfs(small_disk)
        ballast.write_bytes(b"\0" * (room.f_bavail * room.f_frsize - (6 << 20)))

    asyncio.run(_through_a_full_disk(small_disk / "store", fill, ballast.unlink))


def limited(folder: str) -> None:
    """In a process of its own, for a limit once lowered stays."""

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, resource.RLIM_INFINITY))

    def empty() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)

    asyncio.run(_through_a_full_disk(Path(folder) / "store", fill, empty))


def test_a_limit_on_files_is_got_over_too(tmp_path) -> None:
    subprocess.run(
        [
            sys.executable,
            "-c",
            f"import runpy; runpy.run_path({__file__!r})['limited']({str(tmp_path)!r})",
        ],
        check=True,
        timeout=120,
    )


def test_a_full_disk_is_told_as_such(small_disk) -> None:
    if small_disk is None:
        return

    async def check() -> None:
        async with open_store(small_disk, Retention(), clock=lambda: MIDNIGHT_NS) as store:
            store.number([f"t{k:03d}" for k in range(500)])
            with pytest.raises(DiskFull):
                await _append_for_ever(store)
            assert any("nearly full" in text for text in store.condition().warnings)

    asyncio.run(check())
