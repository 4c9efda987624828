"""One session's subscription: every tag watched, every answer taken, silence noticed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import structlog
from asyncua.ua.status_codes import StatusCodes
from numpy.typing import NDArray

from collectors.errors import ConnectionLost, NoAnswer
from collectors.opcua.client import REQUESTS_AHEAD, Item, Publication, Session, Subscription
from collectors.opcua.decoding import Values
from collectors.opcua.readings import Readings
from collectors.opcua.tags import Tags
from collectors.statistics import Statistics
from config.devices import OpcUaDevice

_log = structlog.get_logger(__name__)

HEARTBEAT_S = 2.5
"""quiet for longer, the server is asked whether it is there"""
_NO_DEADBAND = frozenset(
    {
        StatusCodes.BadDeadbandFilterInvalid,
        StatusCodes.BadFilterNotAllowed,
        StatusCodes.BadMonitoredItemFilterInvalid,
        StatusCodes.BadMonitoredItemFilterUnsupported,
    }
)
Index = NDArray[np.intp]


class Watching:
    """What keeps a subscription going, from its creation until the session fails."""

    def __init__(
        self,
        device: OpcUaDevice,
        session: Session,
        tags: Tags,
        readings: Readings,
        statistics: Statistics,
        clock: Callable[[], int],
    ) -> None:
        self._device = device
        self._session = session
        self._tags = tags
        self._readings = readings
        self._statistics = statistics
        self._clock = clock
        self._subscription: Subscription | None = None
        self._heard_s = 0.0
        self._published_s = 0.0
        self._expected: int | None = None
        self._read_all = False
        self._ticked = asyncio.Event()

    def tick(self) -> None:
        """To be said at least once a second: time to look after the subscription.

        It wakes with the scan tick, because a wake-up of its own costs more than what it does.
        """
        self._ticked.set()

    async def begin(self) -> None:
        """Creates the subscription and an item for every tag, all anew.

        Raises: ConnectionGone, Refused
        """
        interval_s = self._device.publishing_interval_s or self._device.scan_interval_s
        self._subscription = await self._session.subscribe(interval_s)
        self._heard_s = self._published_s = _steady_s()
        live = await self._watch(self._tags.live())
        _log.info(
            "subscribed",
            device=self._device.id,
            items_live=live,
            items_wanted=len(self._device.tags),
        )

    async def run(self) -> None:
        """Takes what comes until something fails.

        Raises: a group of ConnectionGone and Refused
        """
        async with asyncio.TaskGroup() as tasks:
            for _ in range(REQUESTS_AHEAD):
                tasks.create_task(self._listen())
            tasks.create_task(self._keep_up())

    async def _watch(self, index: Index) -> int:
        """Creates the items of tags; those refused are bad alone. Returns how many are live."""
        with_node = np.setdiff1d(index, self._tags.without_node())
        live = 0
        for first in range(0, with_node.size, self._device.read_batch):
            part = with_node[first : first + self._device.read_batch]
            statuses = await self._create(part)
            failed = (statuses >> 30) > 1
            self._tags.accept(part[~failed])
            self._tags.refuse(part[failed], statuses[failed].tolist(), self._clock())
            live += int(np.count_nonzero(~failed))
        self._tags.refuse_unresolved(self._clock())
        return live

    async def _create(self, index: Index) -> NDArray[np.int64]:
        """The status codes of new items; a server without deadbands gets them without."""
        assert self._subscription is not None
        items = [
            Item(i, node, self._device.tags[i].deadband)
            for i, node in zip(index.tolist(), self._tags.nodes(index), strict=True)
        ]
        statuses = np.array(await self._session.watch(self._subscription, items), np.int64)
        again = [n for n, code in enumerate(statuses.tolist()) if code in _NO_DEADBAND]
        if again:
            _log.warning("server has no deadband", device=self._device.id, items=len(again))
            plain = [Item(items[n].handle, items[n].node, None) for n in again]
            statuses[again] = await self._session.watch(self._subscription, plain)
        return statuses

    async def _listen(self) -> None:
        assert self._subscription is not None
        while True:
            self._take(await self._session.publication(self._subscription))

    def _take(self, publication: Publication) -> None:
        now_ns = self._clock()
        self._heard_s = self._published_s = _steady_s()
        if publication.status >> 30 > 1:
            raise ConnectionLost(
                self._device.id, f"the server ended the subscription: 0x{publication.status:08X}"
            )
        if publication.counts:
            self._check_sequence(publication.sequence)
        for values in publication.changes:
            self._readings.notified(values, publication.server_ns, now_ns)

    def _check_sequence(self, number: int) -> None:
        """A number left out is a message lost: everything is read, so that no tag stays behind."""
        if self._expected is not None and number != self._expected:
            self._statistics.failed(f"publish {self._expected} lost, {number} came")
            self._read_all = True
        self._expected = 1 if number == 0xFFFF_FFFF else number + 1

    async def _keep_up(self) -> None:
        while True:
            await self._ticked.wait()
            self._ticked.clear()
            self._check_silence()
            await self._refresh()
            retry = self._tags.to_retry(_steady_s())
            if retry.size:
                self._tags.resolve_again(retry, await self._session.namespaces())
                await self._watch(retry)
            if _steady_s() - self._heard_s > HEARTBEAT_S:
                asked_s = _steady_s()
                await self._session.heartbeat()
                self._answered(asked_s)

    def _check_silence(self) -> None:
        assert self._subscription is not None
        within_s = self._subscription.silence_s
        if _steady_s() - self._published_s > within_s:
            raise NoAnswer(self._device.id, "publish", within_s)

    async def _refresh(self) -> None:
        """Reads what has not been heard of for too long: silence is not data."""
        due = self._readings.due(self._clock())
        index = self._tags.live() if self._read_all else self._tags.unrefused(due)
        self._read_all = False
        for first in range(0, index.size, self._device.read_batch):
            part = index[first : first + self._device.read_batch]
            asked_s = _steady_s()
            answer = await self._session.read(self._tags.nodes(part))
            self._answered(asked_s)
            self._check_unreported(part, answer.values)
            self._readings.polled(part, answer.values, answer.server_ns, self._clock())

    def _check_unreported(self, index: Index, values: Values) -> None:
        """An item can die alone at the server: then all is created anew."""
        count = self._readings.unreported(index, values)
        if count:
            raise ConnectionLost(
                self._device.id, f"{count} items changed and the subscription did not say so"
            )

    def _answered(self, asked_s: float) -> None:
        self._heard_s = _steady_s()
        self._statistics.answered((self._heard_s - asked_s) * 1e3)


def _steady_s() -> float:
    return asyncio.get_running_loop().time()
