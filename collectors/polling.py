"""The life of a polled device: connect, scan on the ticks, be lost, come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from collectors.backoff import Backoff
from collectors.errors import ConnectionGone
from collectors.losses import Losses
from collectors.schedule import Schedule
from collectors.statistics import Statistics
from water.batch import NS_PER_S

AT_ONCE_NS = NS_PER_S
"""a device that is reached is read at once where its next tick is further away than this"""


class Polled(Protocol):
    """What a protocol gives to be polled."""

    async def open(self) -> None:
        """Connects and proves that the device answers; a connection from before is closed.

        Raises: ConnectionGone
        """
        ...

    async def scan(self, now_ns: int) -> None:
        """Reads everything once and delivers it; what single blocks refuse is no error here.

        Raises: ConnectionGone after delivering what it had got by then
        """
        ...

    def close(self) -> None: ...


class Polling:
    """One device's scans. A scan that outlasts its interval costs the ticks it covers: they are
    counted as missed, and the next scan starts on the next tick. Scans never pile up.
    """

    def __init__(
        self,
        device: Polled,
        schedule: Schedule,
        backoff: Backoff,
        losses: Losses,
        statistics: Statistics,
        clock: Callable[[], int],
    ) -> None:
        self._device = device
        self._schedule = schedule
        self._backoff = backoff
        self._losses = losses
        self._statistics = statistics
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled; then the connection is closed and an open gap ends."""
        try:
            tick_ns, steady_s = self._tick_passed(), _steady_s()
            await self._come_back(pause_s=0.0)
            if not self._statistics.errors:
                # Well from the start: the time it took to connect is no scan missed.
                tick_ns, steady_s = self._tick_passed(), _steady_s()
            while True:
                tick_ns, steady_s = self._next(tick_ns, steady_s)
                await self._until(tick_ns)
                if not await self._scan_on(tick_ns):
                    await self._come_back(self._backoff.next_s())
        except asyncio.CancelledError:
            self._losses.end(self._clock())
            raise
        except Exception as err:
            cause = f"collector crashed: {err!r}"
            self._statistics.failed(cause)
            self._losses.begin(self._clock(), cause)
            raise
        finally:
            self._device.close()
            self._statistics.online = False

    def _tick_passed(self) -> int:
        """The latest tick; the one after it is the next to be scanned."""
        return self._schedule.after(self._clock()) - self._schedule.interval_ns

    def _next(self, last_tick_ns: int, since_s: float) -> tuple[int, float]:
        """The tick to wait for, and the steady time now; the ticks passed over are counted."""
        now_ns, now_s = self._clock(), _steady_s()
        tick_ns = self._schedule.after(now_ns)
        elapsed_ns = int((now_s - since_s) * NS_PER_S)
        missed = self._schedule.skipped(last_tick_ns, tick_ns, elapsed_ns)
        self._statistics.scans_missed += missed
        self._statistics.behind = missed > 0
        return tick_ns, now_s

    async def _until(self, tick_ns: int) -> None:
        """Sleeps to the tick, never to before it; where the wall clock was set back, no longer
        than two intervals.
        """
        deadline_s = _steady_s() + 2 * self._schedule.interval_ns / NS_PER_S
        while (ahead_ns := tick_ns - self._clock()) > 0 and _steady_s() < deadline_s:  # noqa: ASYNC110 - it waits for the wall clock, which sets no event
            await asyncio.sleep(min(ahead_ns, self._schedule.interval_ns) / NS_PER_S)

    async def _scan_on(self, tick_ns: int) -> bool:
        """Whether the device is still there after the scan."""
        late = self._schedule.is_late(tick_ns, self._clock())
        self._statistics.scans_late += late
        self._statistics.behind |= late
        return await self._scan(tick_ns)

    async def _scan(self, now_ns: int) -> bool:
        try:
            await self._device.scan(now_ns)
        except ConnectionGone as err:
            self._gone(err)
            return False
        self._statistics.scans += 1
        return True

    async def _come_back(self, pause_s: float) -> None:
        """Tries to reach the device until it answers, and reads it at once where the next tick is
        far, so that a device of rare scans is back as soon as any other.

        After a loss there is a pause before the first attempt too: a device that answers when
        asked for one value and dies of a scan must not be asked in a tight circle.
        """
        while True:
            await self._reach(pause_s)
            now_ns = self._clock()
            if self._schedule.after(now_ns) - now_ns <= AT_ONCE_NS or await self._scan(now_ns):
                return
            pause_s = self._backoff.next_s()

    async def _reach(self, pause_s: float) -> None:
        """Attempts, with pauses, until one succeeds; then the gap ends."""
        attempt_s = _steady_s()
        while True:
            await asyncio.sleep(max(0.0, attempt_s + pause_s - _steady_s()))
            attempt_s = _steady_s()
            try:
                await self._device.open()
            except ConnectionGone as err:
                self._gone(err)
                pause_s = self._backoff.next_s()
            else:
                break
        self._backoff.reset()
        self._statistics.online = True
        if self._losses.lasting:
            self._statistics.reconnects += 1
            self._losses.end(self._clock())

    def _gone(self, err: ConnectionGone) -> None:
        self._device.close()
        self._statistics.online = False
        self._statistics.failed(err.cause)
        self._losses.begin(self._clock(), err.cause)


def _steady_s() -> float:
    return asyncio.get_running_loop().time()
