"""From the scans to the sink: a bounded queue in order, so that a slow store delays no scan."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import cast

import structlog

from collectors.sink import Ledger, Sink
from water.batch import Batch, concatenate
from water.device import Gap

_log = structlog.get_logger(__name__)

READINGS_KEPT = 1_000_000
"""about 25 MB: the longest outage of the store that 2,000 tags a second ride out is 8 minutes"""
READINGS_AT_ONCE = 50_000
RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class _Parcel:
    device: str
    batch: Batch


@dataclass(slots=True)
class _Loss:
    """What of one device was dropped because the queue was full."""

    from_ns: int
    to_ns: int
    readings: int


class Delivery:
    """Takes batches and gaps at once, and hands them on in the order taken.

    A failing sink or ledger is offered the same again, after the ``retry_s`` that the error names
    or a second, until it takes it. Batches that wait are joined, so one commit serves many devices.
    When more than ``readings_kept`` wait, the oldest are dropped (the newest say how the plant is
    now), counted in ``readings_dropped``, and the ledger is told as soon as it listens again.
    """

    def __init__(
        self,
        sink: Sink,
        ledger: Ledger,
        *,
        readings_kept: int = READINGS_KEPT,
        readings_at_once: int = READINGS_AT_ONCE,
    ) -> None:
        self._sink = sink
        self._ledger = ledger
        self._readings_kept = readings_kept
        self._readings_at_once = readings_at_once
        self._waiting: deque[_Parcel | Gap] = deque()
        self._losses: dict[str, _Loss] = {}
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self.readings_waiting = 0
        self.readings_dropped = 0
        self.readings_refused = 0
        """refused by the store for good (its error names the rows)"""
        self.failures = 0
        """offers that the sink or the ledger did not take"""

    def put(self, device: str, batch: Batch) -> None:
        """Takes a batch; never waits."""
        if not len(batch):
            return
        self._waiting.append(_Parcel(device, batch))
        self.readings_waiting += len(batch)
        while self.readings_waiting > self._readings_kept:
            if not self._drop_oldest():
                break
        self._signal()

    def put_gap(self, gap: Gap) -> None:
        """Takes a gap; it is told to the ledger after the batches that were put before it."""
        self._waiting.append(gap)
        self._signal()

    async def run(self) -> None:
        """Delivers until cancelled."""
        while True:
            await self._wake.wait()
            await self._deliver_one()

    async def drain(self, timeout_s: float) -> bool:
        """Waits until all is delivered; False where that took longer and something still waits."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._empty.wait()
        except TimeoutError:
            _log.error("undelivered at stop", readings=self.readings_waiting)
            return False
        return True

    async def _deliver_one(self) -> None:
        """Delivers what waits at the head: one gap, or as many batches as stand together."""
        if self._losses:
            self._tell_losses()
        head = self._waiting[0] if self._waiting else None
        if isinstance(head, Gap):
            self._waiting.popleft()
            await self._persist(head)
        elif head is not None:
            batch = concatenate(self._take_batches())
            await self._persist(batch)
            self.readings_waiting -= len(batch)
        if not self._waiting and not self._losses:
            self._wake.clear()
            self._empty.set()

    def _take_batches(self) -> list[Batch]:
        taken: list[Batch] = []
        readings = 0
        while self._waiting and readings < self._readings_at_once:
            head = self._waiting[0]
            if isinstance(head, Gap):
                break
            self._waiting.popleft()
            taken.append(head.batch)
            readings += len(head.batch)
        return taken

    async def _persist(self, what: Batch | Gap) -> None:
        """Offers it until it is taken, or refused for good."""
        failing = False
        while True:
            try:
                if isinstance(what, Gap):
                    await self._ledger.record_gap(what)
                else:
                    await self._sink.append(what)
            except Exception as err:  # noqa: BLE001 - any store's trouble: this room knows no store, keeps the batch and offers it again
                self.failures += 1
                rows = getattr(err, "rows", None)
                if rows is not None:
                    self.readings_refused += len(cast("list[int]", rows))
                    _log.error("readings refused by the store", readings=len(rows), cause=str(err))
                    return
                if not failing:
                    failing = True
                    _log.warning("store takes nothing, keeping", cause=str(err))
                await asyncio.sleep(float(getattr(err, "retry_s", RETRY_S)))
            else:
                if failing:
                    _log.info("store takes again", readings_waiting=self.readings_waiting)
                return

    def _drop_oldest(self) -> bool:
        for position, item in enumerate(self._waiting):
            if isinstance(item, _Parcel):
                del self._waiting[position]
                self._count_loss(item)
                return True
        return False  # the rest is with the sink already

    def _count_loss(self, parcel: _Parcel) -> None:
        readings = len(parcel.batch)
        self.readings_waiting -= readings
        self.readings_dropped += readings
        first, last = int(parcel.batch.time_ns.min()), int(parcel.batch.time_ns.max())
        loss = self._losses.get(parcel.device)
        if loss is None:
            _log.error("store too long away, dropping the oldest", device=parcel.device)
            self._losses[parcel.device] = _Loss(first, last, readings)
            return
        loss.from_ns, loss.to_ns = min(loss.from_ns, first), max(loss.to_ns, last)
        loss.readings += readings

    def _tell_losses(self) -> None:
        for device, loss in self._losses.items():
            self._waiting.appendleft(
                Gap(
                    device=device,
                    from_ns=loss.from_ns,
                    to_ns=loss.to_ns + 1,
                    tags=(),
                    readings=loss.readings,
                    cause="dropped: the store was away for too long",
                )
            )
        self._losses.clear()

    def _signal(self) -> None:
        self._empty.clear()
        self._wake.set()
