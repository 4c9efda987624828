"""Faults to order: what can go wrong with a device, for how long, and who is told to do it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import numpy as np
import structlog
from asyncua.ua.status_codes import StatusCodes
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from config.devices import ModbusDevice, ModbusTag, RegisterType
from simulator.errors import BadFault, UnknownFault, UnknownTarget
from simulator.modbus_server import ModbusEndpoint, RefusedRange
from simulator.opcua_server import OpcUaEndpoint
from simulator.relay import Behaviour, Garbage, together
from simulator.served import ServedDevice
from water.batch import NS_PER_S
from water.units import Kind

log = structlog.get_logger()


class FaultKind(StrEnum):
    KILL = "kill"
    REFUSE = "refuse"
    HANG = "hang"
    SLOW = "slow"
    GARBAGE = "garbage"
    DROP = "drop"
    EXCEPTION = "exception"
    FROZEN = "frozen"
    SPIKE = "spike"
    CLOCK_JUMP = "clock_jump"
    METER_RESET = "meter_reset"
    METER_REPLACED = "meter_replaced"


class Parameters(BaseModel):
    """What a fault may be told beside its device; each kind has its own few."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    delay_s: float = Field(
        default=1.0, gt=0, le=3600, description="slow: every answer is this late"
    )
    garbage: Garbage = Field(
        default=Garbage.RANDOM, description="garbage: random bytes, or wrong transaction ids"
    )
    after_bytes: int = Field(
        default=20, ge=0, description="drop: a connection is cut after so many bytes of answers"
    )
    code: Literal[1, 2, 3, 4, 5, 6, 7, 8, 10, 11] = Field(
        default=4, description="exception, Modbus: the exception code"
    )
    register_type: RegisterType | None = Field(
        default=None, description="exception, Modbus: of these registers only"
    )
    first: int = Field(
        default=0, ge=0, le=65535, description="exception, Modbus: from this address"
    )
    last: int = Field(default=65535, ge=0, le=65535, description="exception, Modbus: to this one")
    status: str = Field(default="BadDeviceFailure", description="exception, OPC UA: the status")
    factor: float = Field(default=10.0, description="spike: the figure is multiplied by it")
    offset_s: float = Field(default=3600.0, description="clock_jump, OPC UA: source times shift")
    reading: float = Field(
        default=0.0, ge=0, description="meter_replaced: the new register's first reading, base unit"
    )


PARAMETERS_OF: dict[FaultKind, frozenset[str]] = {
    FaultKind.KILL: frozenset(),
    FaultKind.REFUSE: frozenset(),
    FaultKind.HANG: frozenset(),
    FaultKind.SLOW: frozenset({"delay_s"}),
    FaultKind.GARBAGE: frozenset({"garbage"}),
    FaultKind.DROP: frozenset({"after_bytes"}),
    FaultKind.EXCEPTION: frozenset({"code", "register_type", "first", "last", "status"}),
    FaultKind.FROZEN: frozenset(),
    FaultKind.SPIKE: frozenset({"factor"}),
    FaultKind.CLOCK_JUMP: frozenset({"offset_s"}),
    FaultKind.METER_RESET: frozenset(),
    FaultKind.METER_REPLACED: frozenset({"reading"}),
}

_BEHAVIOUR: dict[FaultKind, Callable[[Parameters], Behaviour]] = {
    FaultKind.KILL: lambda _: Behaviour(listening=False),
    FaultKind.REFUSE: lambda _: Behaviour(refusing=True),
    FaultKind.HANG: lambda _: Behaviour(hanging=True),
    FaultKind.SLOW: lambda p: Behaviour(delay_s=p.delay_s),
    FaultKind.GARBAGE: lambda p: Behaviour(garbage=p.garbage),
    FaultKind.DROP: lambda p: Behaviour(cut_after=p.after_bytes),
}
_AT_ONCE = frozenset({FaultKind.METER_RESET, FaultKind.METER_REPLACED})
"""done when ordered: they leave a trace but no state that could end"""
_COUNTERS = (Kind.TOTALIZER, Kind.ENERGY)


class FaultOrder(BaseModel):
    """One fault of one device. Without ``seconds`` it lasts until it is ended by order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str
    fault: FaultKind
    tag: str | None = Field(default=None, description="one tag only, where the fault is of values")
    seconds: float | None = Field(default=None, gt=0, description="real time until it ends itself")
    parameters: Parameters = Parameters()


@dataclass(frozen=True, slots=True)
class Fault:
    """An order with its number and, where it ends by itself, the loop's time at which it does."""

    number: int
    order: FaultOrder
    ends: float | None


@dataclass(slots=True)
class Faults:
    """The faults that are on. What is on is worked out anew from all of them at every change, so
    that faults of one device that overlap end independently.

    A fault of the line (kill, refuse, hang, slow, garbage, drop) hits the address: where several
    units share one, as behind a gateway, all of them have it.
    """

    devices: dict[str, ServedDevice]
    _active: dict[int, Fault] = field(default_factory=dict[int, Fault])
    _count: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def active(self) -> Sequence[Fault]:
        """In the order in which they were ordered."""
        return tuple(self._active.values())

    async def order(self, order: FaultOrder) -> Fault:
        """Switch a fault on.

        Raises: UnknownTarget, BadFault; then nothing has changed.
        """
        served = self._check(order)
        self._count += 1
        ends = None
        if order.seconds is not None:
            ends = asyncio.get_running_loop().time() + order.seconds
        fault = Fault(self._count, order, ends)
        log.info("fault ordered", number=fault.number, device=order.device, fault=order.fault)
        if order.fault in _AT_ONCE:
            reading = order.parameters.reading if order.fault is FaultKind.METER_REPLACED else 0.0
            served.distortion.set_counters(_counters(served, order.tag), reading)
            return fault
        self._active[fault.number] = fault
        await self._apply(served)
        self._changed.set()
        return fault

    async def end(self, number: int) -> None:
        """Switch a fault off.

        Raises: UnknownFault where it is not on.
        """
        fault = self._active.pop(number, None)
        if fault is None:
            raise UnknownFault(number)
        log.info("fault ended", number=number, device=fault.order.device, fault=fault.order.fault)
        await self._apply(self.devices[fault.order.device])

    async def run(self) -> None:
        """End what is due to end, until cancelled."""
        while True:
            self._changed.clear()
            now = asyncio.get_running_loop().time()
            for fault in self.active():
                if fault.ends is not None and fault.ends <= now:
                    await self.end(fault.number)
            ends = [fault.ends for fault in self.active() if fault.ends is not None]
            try:
                async with asyncio.timeout_at(min(ends, default=None)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _check(self, order: FaultOrder) -> ServedDevice:
        served = self.devices.get(order.device)
        if served is None:
            raise UnknownTarget("device", order.device)
        if order.tag is not None and order.tag not in served.tag_ids:
            raise UnknownTarget(f"tag of {order.device}", order.tag)
        strange = order.parameters.model_fields_set - PARAMETERS_OF[order.fault]
        if strange:
            allowed = ", ".join(sorted(PARAMETERS_OF[order.fault])) or "none"
            raise BadFault(
                order.device,
                order.fault,
                f"has no {', '.join(sorted(strange))}; its parameters: {allowed}",
            )
        why = _impossible(served, order)
        if why:
            raise BadFault(order.device, order.fault, why)
        return served

    async def _apply(self, served: ServedDevice) -> None:
        """Make a device, and the port that it may share, as its faults have it."""
        mine = [f for f in self._active.values() if f.order.device == served.device.id]
        _distort(served, mine)
        if isinstance(served.endpoint, ModbusEndpoint):
            served.endpoint.refuse(
                served.device.id, [_refused(served, f) for f in _exceptions(mine)]
            )
        else:
            _worsen(served, served.endpoint, mine)
        await served.relay.behave(
            together(
                _BEHAVIOUR[f.order.fault](f.order.parameters)
                for f in self._active.values()
                if f.order.fault in _BEHAVIOUR
                and self.devices[f.order.device].relay is served.relay
            )
        )


def _exceptions(faults: Iterable[Fault]) -> list[Fault]:
    return [f for f in faults if f.order.fault is FaultKind.EXCEPTION]


def _impossible(served: ServedDevice, order: FaultOrder) -> str | None:
    """Why this device cannot have this fault, or None."""
    if order.fault in _AT_ONCE and not len(_counters(served, order.tag)):
        return f"{order.tag or 'the device'} has no counter"
    if order.fault in _BEHAVIOUR and order.tag is not None:
        return "is of the whole device, not of one tag"
    if isinstance(served.device, ModbusDevice):
        return "Modbus has no source times" if order.fault is FaultKind.CLOCK_JUMP else None
    if order.fault is FaultKind.EXCEPTION and not hasattr(StatusCodes, order.parameters.status):
        return f"OPC UA has no status '{order.parameters.status}'"
    return None


def _picked(served: ServedDevice, tag: str | None) -> NDArray[np.intp]:
    """One tag, or all of the device, as positions."""
    if tag is None:
        return np.arange(len(served.tag_ids), dtype=np.intp)
    return np.array([served.tag_ids.index(tag)], np.intp)


def _counters(served: ServedDevice, tag: str | None) -> NDArray[np.intp]:
    picked = _picked(served, tag)
    kinds = [served.device.tags[i].kind for i in picked.tolist()]
    return picked[[kind in _COUNTERS for kind in kinds]]


def _distort(served: ServedDevice, faults: Sequence[Fault]) -> None:
    served.distortion.frozen = {
        f.number: _picked(served, f.order.tag) for f in faults if f.order.fault is FaultKind.FROZEN
    }
    served.distortion.spiked = {
        f.number: (_picked(served, f.order.tag), f.order.parameters.factor)
        for f in faults
        if f.order.fault is FaultKind.SPIKE
    }


def _refused(served: ServedDevice, fault: Fault) -> RefusedRange:
    wanted = fault.order.parameters
    for tag in served.device.tags:
        if tag.id == fault.order.tag and isinstance(tag, ModbusTag):
            last = tag.address + tag.data.registers - 1
            return RefusedRange(wanted.code, tag.register_type, tag.address, last)
    return RefusedRange(wanted.code, wanted.register_type, wanted.first, wanted.last)


def _worsen(served: ServedDevice, endpoint: OpcUaEndpoint, faults: Sequence[Fault]) -> None:
    endpoint.bad = {
        served.tag_ids[i]: getattr(StatusCodes, f.order.parameters.status)
        for f in _exceptions(faults)
        for i in _picked(served, f.order.tag).tolist()
    }
    jumps_s = sum(
        f.order.parameters.offset_s for f in faults if f.order.fault is FaultKind.CLOCK_JUMP
    )
    endpoint.clock_offset_ns = round(jumps_s * NS_PER_S)
