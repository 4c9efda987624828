"""The shape of a device's collector, whatever it speaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Protocol

from collectors.delivery import Delivery
from config.devices import Device
from water.device import DeviceStatus

Clock = Callable[[], int]
"""ns UTC"""


class DeviceCollector(Protocol):
    """One device's reader: its own task, schedule, timeouts and connection.

    The constructors of all protocols take the same: ``(device, numbers, delivery, clock, random)``.
    """

    async def run(self) -> None:
        """Reads until cancelled; the connection is closed then. A lost device is no error here."""
        ...

    async def scan(self, now_ns: int) -> None:
        """One scan now, connecting first where needed; what it read goes to the delivery.

        Raises: ConnectionGone
        """
        ...

    def status(self) -> DeviceStatus: ...


CollectorType = Callable[[Device, Mapping[str, int], Delivery, Clock, Random], DeviceCollector]
