"""The house's long-running tasks: each owned, ended in bounded time; if one fails, all end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger(__name__)


class Tasks:
    """Starts tasks, waits for the first to fail or for a stop, cancels what is left."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._stop = asyncio.Event()

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        """Own a task under a name."""
        self._tasks[name] = asyncio.create_task(work, name=name)

    def stop(self) -> None:
        """Ask the house to end."""
        self._stop.set()

    async def watch(self) -> None:
        """Until ``stop``, or until a task fails, whose error is raised."""
        stop = asyncio.create_task(self._stop.wait(), name="stop")
        waiting = {stop, *self._tasks.values()}
        try:
            while not stop.done():
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done - {stop}:
                    task.result()
        finally:
            stop.cancel()

    async def end(self, name: str, timeout_s: float) -> None:
        """Cancel one task and wait for its end; one that does not end in time is logged."""
        task = self._tasks.pop(name, None)
        if task is None:
            return
        task.cancel()
        await self._ended(name, task, timeout_s)

    async def ended(self, name: str, timeout_s: float) -> None:
        """Wait for a task that ends by itself; one that does not in time is cancelled."""
        task = self._tasks.pop(name, None)
        if task is None:
            return
        await asyncio.wait({task}, timeout=timeout_s)
        task.cancel()
        await self._ended(name, task, timeout_s)

    @staticmethod
    async def _ended(name: str, task: asyncio.Task[Any], timeout_s: float) -> None:
        _, pending = await asyncio.wait({task}, timeout=timeout_s)
        if pending:
            log.error("a task did not end in time", task=name, timeout_s=timeout_s)
        elif not task.cancelled() and (error := task.exception()) is not None:
            log.error("a task failed", task=name, error=repr(error))
