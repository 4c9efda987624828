"""A described device as it is served: its server, its public port and its instruments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.devices import Device
from simulator.distortion import Distortion
from simulator.modbus_server import ModbusEndpoint
from simulator.opcua_server import OpcUaEndpoint
from simulator.relay import Relay


@dataclass(frozen=True, slots=True)
class ServedDevice:
    """``index`` says where each of its tags is in the source's figures, -1 where it is not."""

    device: Device
    endpoint: ModbusEndpoint | OpcUaEndpoint
    relay: Relay
    distortion: Distortion
    index: NDArray[np.intp]
    tag_ids: tuple[str, ...]

    async def publish(self, figures: NDArray[np.float64], time_ns: int) -> None:
        """Show an instant. ``figures`` : the source's, base units, with a NaN appended for -1."""
        shown = self.distortion.shown(figures[self.index])
        await self.endpoint.publish(self.device.id, shown, time_ns)
