"""The live stream: every event encoded once a tick, the same bytes for every listener.

Events: ``snapshot`` (all tags and devices, first), ``readings`` (changed tags only), ``device``
(changed states), ``production`` and ``reservoirs`` (the live figures). Ids rise by one a tick;
``Last-Event-ID`` resumes from the last ticks that are remembered, else a snapshot starts anew.
"""

from __future__ import annotations

import asyncio
import secrets
import traceback
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from api.answers import iso, json_bytes, number, quality_fields
from api.context import Context
from api.figures import production_answer, reservoir_answer
from api.states import device_answer

log = structlog.get_logger(__name__)

REMEMBERED_TICKS = 120
WAITING_TICKS = 60
KEEP_ALIVE_S = 15.0


class Live:
    """Fans out what changes. One per process; lives on the event loop."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._run = secrets.token_hex(4)  # ids of an earlier process are not resumed
        self._tick = 0
        self._sequence = 0
        self._remembered: deque[tuple[int, bytes]] = deque(maxlen=REMEMBERED_TICKS)
        self._listeners: set[asyncio.Queue[bytes | None]] = set()
        self._states: dict[str, str] = {}
        self._snapshots: dict[str, bytes] = {}
        self._closed = False
        self._failing = False

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def snapshot_bytes(self, name: str, make: Callable[[], Any]) -> bytes:
        """The body of a live ``GET``, encoded at most once a tick."""
        body = self._snapshots.get(name)
        if body is None:
            body = self._snapshots[name] = json_bytes(make())
        return body

    async def run(self) -> None:
        """Tick until cancelled."""
        interval_s = self._context.plant.server.live_tick_s
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while True:
                due = max(due + interval_s, loop.time())
                await asyncio.sleep(due - loop.time())
                self._try_tick()
        finally:
            self.close()

    def _try_tick(self) -> None:
        try:
            self.tick()
        except Exception:  # noqa: BLE001 - top of a task that goes on: a page must not end the collecting
            if not self._failing:
                log.error("a tick of the live stream failed", trace=traceback.format_exc())
            self._failing = True
        else:
            self._failing = False

    def tick(self) -> None:
        """Encode what changed since the tick before, and hand it to everybody."""
        self._tick += 1
        self._snapshots.clear()
        events = [*self._readings(), *self._devices(), *self._figures()]
        self._sequence = self._context.last.sequence
        if not events:
            return
        # the id rides on the tick's last event: whoever has seen the id has seen the whole tick
        body = b"".join(_event(name, data) for name, data in events[:-1])
        body += _event(*events[-1], f"{self._run}-{self._tick}")
        self._remembered.append((self._tick, body))
        for queue in list(self._listeners):
            if queue.full():
                self._drop(queue)  # too slow to follow; it reconnects and resumes
            else:
                queue.put_nowait(body)

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        self._closed = True
        for queue in list(self._listeners):
            self._drop(queue)

    async def stream(self, last_event_id: str | None) -> AsyncIterator[bytes]:
        """The bytes for one listener, until it goes or the server stops."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING_TICKS)
        if self._closed:
            return
        self._listeners.add(queue)
        try:
            yield self._begin(last_event_id)
            while True:
                try:
                    body = await asyncio.wait_for(queue.get(), KEEP_ALIVE_S)
                except TimeoutError:
                    body = b": still here\n\n"
                if body is None:
                    return
                yield body
        finally:
            self._listeners.discard(queue)

    def _begin(self, last_event_id: str | None) -> bytes:
        run, _, tick = (last_event_id or "").partition("-")
        if run == self._run and tick.isdecimal():
            known = int(tick)
            oldest = self._remembered[0][0] if self._remembered else self._tick + 1
            if oldest - 1 <= known <= self._tick:
                return b"retry: 1000\n\n" + b"".join(b for t, b in self._remembered if t > known)
        snapshot = self.snapshot_bytes("snapshot", self._snapshot)
        return b"retry: 1000\n\n" + _event("snapshot", snapshot, f"{self._run}-{self._tick}")

    def _drop(self, queue: asyncio.Queue[bytes | None]) -> None:
        self._listeners.discard(queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)

    def _snapshot(self) -> dict[str, Any]:
        context = self._context
        return {
            "as_of": iso(context.clock(), context.plant.zone),
            "readings": self._reading_answers(context.last.changed_since(0)),
            "devices": [device_answer(status, context.plant.zone) for status in context.devices()],
            "production": production_answer(context),
            "reservoirs": reservoir_answer(context),
        }

    def _readings(self) -> list[tuple[str, bytes]]:
        changed = self._context.last.changed_since(self._sequence)
        if changed.size == 0:
            return []
        as_of = iso(self._context.clock(), self._context.plant.zone)
        data = {"as_of": as_of, "readings": self._reading_answers(changed)}
        return [("readings", json_bytes(data))]

    def _reading_answers(self, tags: NDArray[np.int64]) -> list[dict[str, Any]]:
        context = self._context
        names, zone = context.tag_of_number, context.plant.zone
        known = tags[np.isin(tags, self._known_numbers())]
        times, values, qualities = (c.tolist() for c in context.last.columns(known))
        return [
            {
                "tag": names[tag],
                "time": iso(time, zone),
                "value": number(value),
                **quality_fields(code),
            }
            for tag, time, value, code in zip(known.tolist(), times, values, qualities, strict=True)
        ]

    def _known_numbers(self) -> NDArray[np.int64]:
        return np.fromiter(self._context.tag_of_number, np.int64)

    def _devices(self) -> list[tuple[str, bytes]]:
        zone = self._context.plant.zone
        events: list[tuple[str, bytes]] = []
        for status in self._context.devices():
            if self._states.get(status.id) != status.state:
                self._states[status.id] = status.state
                events.append(("device", json_bytes(device_answer(status, zone))))
        return events

    def _figures(self) -> list[tuple[str, bytes]]:
        if not self._listeners:
            return []  # nobody listens: the next snapshot carries them
        production = self.snapshot_bytes("production", lambda: production_answer(self._context))
        reservoirs = self.snapshot_bytes("reservoirs", lambda: reservoir_answer(self._context))
        return [("production", production), ("reservoirs", reservoirs)]


def _event(name: str, body: bytes, event_id: str | None = None) -> bytes:
    head = f"event: {name}\n".encode()
    tail = f"id: {event_id}\n".encode() if event_id else b""
    return b"".join((head, tail, b"data: ", body, b"\n\n"))
