"""The house's own parts: the door's socket, the data folder's lock, tasks, device ports."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest

from config.loading import load
from foggara.data_folder import owned
from foggara.door import bind
from foggara.errors import DataInUse, PortTaken
from foggara.ports import free_offset, moved
from foggara.tasks import Tasks

MINIMAL = Path(__file__).resolve().parents[2] / "config" / "minimal.yaml"


def test_a_taken_port_is_told_before_anything_starts() -> None:
    with contextlib.closing(bind("127.0.0.1", 0)) as first:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(PortTaken, match=f"{port}.*--port"):
            bind("127.0.0.1", port)


def test_a_data_folder_has_one_writer(tmp_path: Path) -> None:
    with owned(tmp_path / "data"), pytest.raises(DataInUse, match="data"), owned(tmp_path / "data"):
        pass
    with owned(tmp_path / "data"):
        pass  # let go, it can be had again


def test_a_task_that_fails_ends_the_watch() -> None:
    async def scene() -> None:
        tasks = Tasks()

        async def fail() -> None:
            await asyncio.sleep(0)
            raise OSError("gone")

        tasks.start("calm", asyncio.sleep(60))
        tasks.start("sick", fail())
        with pytest.raises(OSError, match="gone"):
            await tasks.watch()
        await tasks.end("calm", 1.0)

    asyncio.run(scene())


def test_a_stop_ends_the_watch_and_leaves_nothing_running() -> None:
    async def scene() -> None:
        tasks = Tasks()
        tasks.start("calm", asyncio.sleep(60))
        asyncio.get_running_loop().call_later(0.01, tasks.stop)
        await tasks.watch()
        await tasks.end("calm", 1.0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scene())


def test_devices_move_together_to_free_ports() -> None:
    plant = load(MINIMAL).plant
    offset = free_offset(plant)
    port = moved(plant, offset).devices[0].model_dump()["port"]
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert free_offset(plant) > offset
    far = moved(plant, offset + 500)
    assert far.device_of_tag[next(iter(far.tags))] is far.devices[0]
