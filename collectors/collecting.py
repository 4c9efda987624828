"""All devices together: every collector in its own task, the delivery beside them."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from random import Random

import structlog

from collectors.backoff import Backoff
from collectors.collector import DeviceCollector
from collectors.delivery import Delivery
from collectors.sink import Ledger, Sink
from config.devices import Device, ModbusDevice
from water.device import DeviceStatus

_log = structlog.get_logger(__name__)

DRAIN_S = 2.0
"""longest wait at the end for the store to take what was read"""
RESTART_MAX_S = 8.0


class Collectors:
    """Reads all devices into a sink. Nothing that one device does stops or delays another.

    numbers : tag id → the store's number, for every tag of the devices
    clock : ns UTC
    seed : of the reconnect jitter; None: another one in every process
    """

    def __init__(
        self,
        devices: Sequence[Device],
        numbers: Mapping[str, int],
        sink: Sink,
        ledger: Ledger,
        clock: Callable[[], int] = time.time_ns,
        *,
        seed: int | None = None,
    ) -> None:
        self.delivery = Delivery(sink, ledger)
        random = Random(seed)  # noqa: S311 - jitter, no secret
        self._collectors: dict[str, DeviceCollector] = {
            device.id: _collector(
                device,
                numbers,
                self.delivery,
                clock,
                Random(random.random()),  # noqa: S311 - jitter, no secret
            )
            for device in devices
        }
        self._random = random

    async def run(self) -> None:
        """Until cancelled. Then connections are closed, open gaps end, and what was read is
        delivered, for at most ``DRAIN_S``.
        """
        async with asyncio.TaskGroup() as delivering:
            task = delivering.create_task(self.delivery.run(), name="delivery")
            try:
                async with asyncio.TaskGroup() as devices:
                    for name, collector in self._collectors.items():
                        devices.create_task(self._keep(name, collector), name=f"device {name}")
            finally:
                await self.delivery.drain(DRAIN_S)
                task.cancel()

    def statuses(self) -> list[DeviceStatus]:
        """Every device now, in the order described."""
        return [collector.status() for collector in self._collectors.values()]

    def status(self, device: str) -> DeviceStatus:
        """Raises: KeyError for a device that is not read"""
        return self._collectors[device].status()

    async def _keep(self, device: str, collector: DeviceCollector) -> None:
        """Runs a collector for ever: one that crashes is started again, its neighbours unharmed."""
        backoff = Backoff(RESTART_MAX_S, self._random)
        while True:
            try:
                await collector.run()
            except Exception:  # noqa: BLE001 - top of a task that restarts: its fault must not end the others
                # As plain text: a renderer that draws locals holds the loop long enough to cost
                # the neighbours a scan.
                trace = traceback.format_exc()
                _log.error("collector crashed, starting it again", device=device, trace=trace)
            else:
                _log.error("collector ended, starting it again", device=device)
            await asyncio.sleep(backoff.next_s())


def _collector(
    device: Device,
    numbers: Mapping[str, int],
    delivery: Delivery,
    clock: Callable[[], int],
    random: Random,
) -> DeviceCollector:
    # A protocol's library is loaded where a device speaks it: asyncua alone takes half a second.
    if isinstance(device, ModbusDevice):
        from collectors.modbus.collector import ModbusCollector

        return ModbusCollector(device, numbers, delivery, clock, random)
    from collectors.opcua.collector import OpcUaCollector

    return OpcUaCollector(device, numbers, delivery, clock, random)
