"""An OPC UA device's collector: subscribed where it can be, polled where that is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from random import Random

import numpy as np
from numpy.typing import NDArray

from collectors.backoff import Backoff
from collectors.delivery import Delivery
from collectors.errors import CollectorError, ConnectionGone, ConnectionLost, Unreachable
from collectors.losses import Losses
from collectors.opcua.client import Session, connected
from collectors.opcua.decoding import Values, qualities
from collectors.opcua.readings import REFUSED, Readings
from collectors.opcua.subscribing import Watching
from collectors.opcua.tags import Tags
from collectors.polling import Polling
from collectors.schedule import Schedule
from collectors.statistics import Statistics
from config.devices import OpcUaDevice
from config.errors import SecretMissing
from config.secrets import secret
from water.batch import NS_PER_S
from water.device import DeviceStatus

WATCH_S = 1.0
"""a subscription is looked after at least this often, however slowly it publishes"""


class OpcUaCollector:
    """Reads a server by subscription or by batched reads, over one session at a time.

    Polled, a scan is a reading of all nodes. Subscribed, a scan is a tick of the publishing
    interval (at least one a second): it counts while the session lives, and is missed otherwise.
    """

    def __init__(
        self,
        device: OpcUaDevice,
        numbers: Mapping[str, int],
        delivery: Delivery,
        clock: Callable[[], int],
        random: Random,
    ) -> None:
        tags = [tag.id for tag in device.tags]
        scan_ns = round(device.scan_interval_s * NS_PER_S)
        self._device = device
        self._clock = clock
        self._subscribed = device.mode == "subscribe"
        self._statistics = Statistics(device.id, device.protocol, len(tags))
        self._losses = Losses(device.id, tags, numbers, scan_ns, delivery, self._statistics)
        self._readings = Readings(device, numbers, delivery, self._statistics)
        self._tags = Tags(device, self._readings)
        self._links: asyncio.TaskGroup | None = None
        self._link: asyncio.Task[None] | None = None
        self._session: Session | None = None
        self._watching: Watching | None = None
        self._failure: ConnectionGone | None = None
        publishing_s = device.publishing_interval_s or device.scan_interval_s
        tick_ns = round(min(publishing_s, WATCH_S) * NS_PER_S) if self._subscribed else scan_ns
        self._polling = Polling(
            self,
            Schedule(tick_ns),
            Backoff(device.reconnect_max_s, random),
            self._losses,
            self._statistics,
            clock,
        )

    async def run(self) -> None:
        """Until cancelled; then the session is closed."""
        async with asyncio.TaskGroup() as self._links:
            await self._polling.run()

    def status(self) -> DeviceStatus:
        return self._statistics.status()

    async def open(self) -> None:
        """A new session, everything in it made anew; what was left of the one before has ended.

        Raises: ConnectionGone
        """
        assert self._links is not None, "run() owns the sessions"
        await self._end_link()
        self._failure = None
        if self._losses.lasting:
            self._readings.lost(self._clock())
        ready = asyncio.get_running_loop().create_future()
        self._link = self._links.create_task(
            self._hold_session(ready), name=f"session {self._device.id}"
        )
        try:
            # Each step in there has its own timeout.
            await asyncio.wait((ready, self._link), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if self._session is None:
            raise self._failure or ConnectionLost(self._device.id, "the session ended at once")

    async def scan(self, now_ns: int) -> None:
        """Polled: reads everything once. Subscribed: looks whether the session still lives.

        Raises: ConnectionGone
        """
        session = self._session
        if session is None:
            raise self._failure or ConnectionLost(self._device.id, "no session")
        if self._watching is not None:
            self._watching.tick()
        else:
            await self._read(session, now_ns)

    def close(self) -> None:
        """Begins to close the session; ``open`` and ``run`` wait until it is."""
        self._session = None
        if self._link is not None:
            self._link.cancel()

    async def _end_link(self) -> None:
        if self._session is not None:
            self.close()
        if self._link is not None:
            await asyncio.wait((self._link,))  # closing has its own timeout
            self._link = None

    async def _hold_session(self, ready: asyncio.Future[None]) -> None:
        """One session from its opening to its end; why it ended stays in ``_failure``."""
        try:
            async with connected(self._device, await self._password()) as session:
                self._readings.begin(self._clock())
                self._tags.resolve(await session.namespaces(), _steady_s())
                self._watching = await self._begin(session)
                self._session = session
                if not ready.done():
                    ready.set_result(None)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(session.keep_channel())
                    if self._watching is not None:
                        tasks.create_task(self._watching.run())
        except* CollectorError as several:
            err = _first(several)
            # A refused login or subscription leaves nothing to go on with: it is tried again.
            gone = isinstance(err, ConnectionGone)
            self._failure = err if gone else Unreachable(self._device.id, err.cause)
        finally:
            self._session = None

    async def _password(self) -> str | None:
        device = self._device
        try:
            # Read for every session: a changed password needs no restart.
            return await asyncio.to_thread(secret, device.password_env, device.password_file)
        except SecretMissing as err:
            raise Unreachable(device.id, str(err)) from err

    async def _begin(self, session: Session) -> Watching | None:
        if not self._subscribed:
            await session.heartbeat()
            return None
        watching = Watching(
            self._device, session, self._tags, self._readings, self._statistics, self._clock
        )
        await watching.begin()
        return watching

    async def _read(self, session: Session, now_ns: int) -> None:
        retry = self._tags.to_retry(_steady_s())
        if retry.size:
            self._tags.resolve_again(retry, await session.namespaces())
        self._tags.refuse_unresolved(now_ns)
        index = self._tags.live()
        for first in range(0, index.size, self._device.read_batch):
            part = index[first : first + self._device.read_batch]
            asked_s = _steady_s()
            answer = await session.read(self._tags.nodes(part))
            self._statistics.answered((_steady_s() - asked_s) * 1e3)
            self._take(part, answer.values, answer.server_ns)

    def _take(self, index: NDArray[np.intp], values: Values, server_ns: int) -> None:
        now_ns = self._clock()
        refused = qualities(values.status, values.value) == REFUSED
        if refused.any():
            self._tags.refuse(index[refused], values.status[refused].tolist(), now_ns)
            index, values = index[~refused], values.where(~refused)
        self._readings.polled(index, values, server_ns, now_ns)


def _first(several: BaseExceptionGroup[CollectorError]) -> CollectorError:
    """The first error of a group of groups."""
    one = several.exceptions[0]
    return _first(one) if isinstance(one, BaseExceptionGroup) else one


def _steady_s() -> float:
    return asyncio.get_running_loop().time()
