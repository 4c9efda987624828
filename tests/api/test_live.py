"""The live stream: snapshot first, changes after, one encoding for all, resumed by its id."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from water.batch import Batch
from water.device import DeviceState

if TYPE_CHECKING:
    from collections.abc import Callable

    Play = Callable[[Any], None]


def events(body: bytes) -> list[tuple[str, Any, str | None]]:
    """(event, data, id) of each block; comments and retry are passed over."""
    found = []
    for block in body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "data" in fields:
            found.append((fields.get("event", ""), json.loads(fields["data"]), fields.get("id")))
    return found


async def change(s: Any, value: float) -> None:
    s.now[0] += 10**9
    number = s.context.numbers["mactaa.oran.flow"]
    await s.store.append(Batch.of([number], [s.now[0]], [value]))
    await asyncio.sleep(0)


def test_a_listener_gets_a_snapshot_then_changed_tags_only(play: Play) -> None:
    async def act(s: Any) -> None:
        live = s.app.state.live
        live.tick()
        stream = live.stream(None)
        ((name, snapshot, _),) = events(await anext(stream))
        assert name == "snapshot"
        assert {r["tag"] for r in snapshot["readings"]} == set(s.context.plant.tags)
        assert snapshot["devices"][0]["id"] == "plc"
        await change(s, 9_000.0)
        live.tick()
        found = events(await anext(stream))
        readings = [data for name, data, _ in found if name == "readings"]
        assert [(r["tag"], r["value"]) for r in readings[0]["readings"]] == [
            ("mactaa.oran.flow", 9_000.0)
        ]
        await stream.aclose()
        assert live.listeners == 0

    play(act)


def test_all_listeners_get_the_same_bytes_object(play: Play) -> None:
    async def act(s: Any) -> None:
        live = s.app.state.live
        streams = [live.stream(None) for _ in range(3)]
        for stream in streams:
            await anext(stream)
        await change(s, 9_100.0)
        live.tick()
        bodies = [await anext(stream) for stream in streams]
        assert bodies[0] is bodies[1] is bodies[2]
        for stream in streams:
            await stream.aclose()

    play(act)


def test_last_event_id_resumes_without_loss_or_repetition(play: Play) -> None:
    async def act(s: Any) -> None:
        live = s.app.state.live
        stream = live.stream(None)
        await anext(stream)
        await change(s, 1.0)
        live.tick()
        last_id = [event_id for _, _, event_id in events(await anext(stream)) if event_id][-1]
        await stream.aclose()
        for value in (2.0, 3.0):
            await change(s, value)
            live.tick()
        again = live.stream(last_id)
        found = events(await anext(again))
        values = [d["readings"][0]["value"] for name, d, _ in found if name == "readings"]
        assert values == [2.0, 3.0]
        assert "snapshot" not in [name for name, _, _ in found]
        await again.aclose()
        stranger = live.stream("00000000-1")
        assert events(await anext(stranger))[0][0] == "snapshot"
        await stranger.aclose()

    play(act)


def test_a_device_event_comes_when_its_state_changes(play: Play) -> None:
    async def act(s: Any) -> None:
        state = [s.context.devices()[0]]
        live = s.app.state.live
        object.__setattr__(s.context, "devices", lambda: state)
        live.tick()
        stream = live.stream(None)
        await anext(stream)
        state[0] = replace(state[0], state=DeviceState.OFFLINE)
        live.tick()
        found = events(await anext(stream))
        assert [d["state"] for name, d, _ in found if name == "device"] == ["offline"]
        await stream.aclose()

    play(act)


def test_a_listener_that_does_not_read_is_let_go_and_others_are_not(play: Play) -> None:
    async def act(s: Any) -> None:
        live = s.app.state.live
        slow, quick = live.stream(None), live.stream(None)
        await anext(slow)
        await anext(quick)
        for n in range(80):
            await change(s, float(n))
            live.tick()
            await anext(quick)
        assert live.listeners == 1
        assert [body async for body in slow] == []
        await quick.aclose()

    play(act)


def test_closing_ends_every_stream(play: Play) -> None:
    async def act(s: Any) -> None:
        live = s.app.state.live
        stream = live.stream(None)
        await anext(stream)
        live.close()
        async with asyncio.timeout(5):
            assert [body async for body in stream] == []

    play(act)


def test_a_tick_that_fails_does_not_end_the_stream(play: Play) -> None:
    async def act(s: Any) -> None:
        live = s.app.state.live
        before, calls = s.context.devices, []

        def failing() -> Any:
            calls.append(1)
            if len(calls) == 1:
                raise ZeroDivisionError("a fault of ours")
            return before()

        live._context = replace(s.context, devices=failing)
        running = asyncio.create_task(live.run())
        async with asyncio.timeout(20):
            while len(calls) < 2:  # noqa: ASYNC110 - ticks by the clock, which sets no event
                await asyncio.sleep(0.05)
        assert not running.done()
        running.cancel()
        await asyncio.wait([running])

    play(act)
