"""Modbus TCP servers for the described devices, several units behind one address where so described."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from numpy.typing import NDArray
from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.exceptions import NoSuchIdException
from pymodbus.pdu.device import ModbusDeviceIdentification
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType as SimDataType
from pymodbus.simulator import SimData, SimDevice
from pymodbus.simulator.simcore import SimCore

from config.devices import ModbusDevice, RegisterType
from simulator.encoding import Image, RegisterLayout
from simulator.wiring import Wiring

_KIND_READ_BY = {
    1: RegisterType.COIL,
    2: RegisterType.DISCRETE_INPUT,
    3: RegisterType.HOLDING,
    4: RegisterType.INPUT,
}


@dataclass(frozen=True, slots=True)
class RefusedRange:
    """Addresses that answer with an exception code; any kind of register where none is named."""

    code: int
    kind: RegisterType | None = None
    first: int = 0
    last: int = 65535

    def meets(self, kind: RegisterType, address: int, count: int) -> bool:
        return (
            self.kind in (None, kind) and address <= self.last and address + count - 1 >= self.first
        )


@dataclass(slots=True)
class Unit:
    """One device's registers as they are now: the image is replaced whole, never changed."""

    layout: RegisterLayout
    image: Image
    refused: tuple[RefusedRange, ...] = field(default=())

    def read(self, function: int, address: int, count: int) -> list[int] | list[bool] | ExcCodes:
        """The registers that a request asks for, or why not.

        Exception 2 for an address that is not described, 4 where an instrument shows nothing.
        """
        kind = _KIND_READ_BY.get(function)
        if kind is None:
            return ExcCodes.ILLEGAL_FUNCTION  # an instrument that is not written to
        for refused in self.refused:
            if refused.meets(kind, address, count):
                return ExcCodes(refused.code)
        at = self.layout.find(kind, address, count)
        if at is None:
            return ExcCodes.ILLEGAL_ADDRESS
        of_bits = kind in (RegisterType.COIL, RegisterType.DISCRETE_INPUT)
        dark = self.image.dark_bits if of_bits else self.image.dark_words
        if dark is not None and dark[at : at + count].any():
            return ExcCodes.DEVICE_FAILURE
        return (self.image.bits if of_bits else self.image.words)[at : at + count]


class _Registers(SimCore):
    """What pymodbus asks for values, answered from the units' images."""

    def __init__(self, units: Mapping[int, Unit]) -> None:
        super().__init__([])
        self._units = units

    def device_ids(self) -> list[int]:
        return list(self._units)

    async def async_getValues(  # noqa: N802 - pymodbus's name
        self, device_id: int, func_code: int, address: int, count: int = 1
    ) -> list[int] | list[bool] | ExcCodes:
        unit = self._units.get(device_id)
        if unit is None:
            raise NoSuchIdException(f"no unit {device_id}")
        return unit.read(func_code, address, count)

    async def async_setValues(  # noqa: N802 - pymodbus's name
        self, device_id: int, func_code: int, address: int, values: list[int] | list[bool]
    ) -> ExcCodes | None:
        del device_id, func_code, address, values
        return ExcCodes.ILLEGAL_FUNCTION


class ModbusEndpoint:
    """A pymodbus server on a private port, with all devices that share one described address."""

    def __init__(self, devices: Sequence[ModbusDevice], wirings: Mapping[str, Wiring]) -> None:
        self.devices = tuple(devices)
        self.units: dict[str, Unit] = {}
        for device in devices:
            layout = RegisterLayout(device, wirings[device.id])
            nothing = np.full(len(device.tags), np.nan)
            self.units[device.id] = Unit(layout, layout.encode(nothing))
        self._server: ModbusTcpServer | None = None

    async def start(self) -> int:
        """Serve on loopback; the port."""
        anything = SimDevice(0, SimData(0, values=0, datatype=SimDataType.REGISTERS))
        server = ModbusTcpServer(
            anything,
            framer=FramerType.SOCKET,
            identity=ModbusDeviceIdentification(
                info_name={"VendorName": "Foggara", "ProductName": "simulated instrument"}
            ),
            address=("127.0.0.1", 0),
        )
        server.context = _Registers({d.unit: self.units[d.id] for d in self.devices})
        await server.serve_forever(background=True)
        self._server = server
        # pymodbus calls it a transport; of a listener it is asyncio's server
        listener = cast("asyncio.Server", cast("object", server.transport))
        return listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.shutdown()
            self._server = None

    async def publish(self, device: str, values: NDArray[np.float64], time_ns: int) -> None:
        """The device shows these values, in base units and the order of its tags, from now on."""
        del time_ns  # Modbus has no time of its own
        unit = self.units[device]
        unit.image = unit.layout.encode(values)

    def refuse(self, device: str, refused: Sequence[RefusedRange]) -> None:
        """These ranges of the device answer with an exception, no others."""
        self.units[device].refused = tuple(refused)
