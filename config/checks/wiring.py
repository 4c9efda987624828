"""Tags and the registers or nodes they are in: units, data types, overlaps, addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from config.devices import (
    AddressedTag,
    DataType,
    ModbusDevice,
    ModbusTag,
    OpcUaDevice,
    RegisterType,
)
from config.finding import Finding
from config.marks import Path
from config.plant import Plant
from water.errors import BadDescription
from water.units import Kind, to_base

_BITS = (RegisterType.COIL, RegisterType.DISCRETE_INPUT)
_LAST_ADDRESS = 65535
_NODE = re.compile(
    r"(?:nsu=[^;]+;|ns=\d{1,5};)?"
    r"(?:s=.+|i=\d{1,10}|g=[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|b=[A-Za-z0-9+/]+=*)"
)


def wiring(plant: Plant) -> Iterable[Finding]:
    """Everything about tags and their places in devices."""
    for n, device in enumerate(plant.devices):
        for m, tag in enumerate(device.tags):
            yield from _tag(tag, ("devices", n, "tags", m))
        if isinstance(device, ModbusDevice):
            yield from _modbus(device, ("devices", n))
        else:
            yield from _opcua(device, ("devices", n))


def _tag(tag: AddressedTag, at: Path) -> Iterable[Finding]:
    try:
        to_base(tag.kind, tag.unit)
    except BadDescription as err:
        yield Finding((*at, "unit"), err.message)
    if tag.range is not None and tag.range[0] >= tag.range[1]:
        yield Finding((*at, "range"), "the lowest credible value stands first, below the highest")
    if tag.states is not None and tag.kind is not Kind.STATE:
        yield Finding((*at, "states"), f"only a tag of kind state has them, not {tag.kind}")
    if tag.scaling is None:
        return
    raw, value = tag.scaling.raw, tag.scaling.value
    if raw[0] == raw[1] or value[0] == value[1]:
        yield Finding(
            (*at, "scaling"), "two different raw values and two different values are wanted"
        )
    elif tag.kind is Kind.TOTALIZER and (raw[1] > raw[0]) != (value[1] > value[0]):
        yield Finding((*at, "scaling"), "a totalizer rises with its raw value")


def _modbus(device: ModbusDevice, at: Path) -> Iterable[Finding]:
    by_type: dict[RegisterType, list[tuple[int, ModbusTag]]] = {}
    for n, tag in enumerate(device.tags):
        yield from _data(device, tag, (*at, "tags", n))
        by_type.setdefault(tag.register_type, []).append((n, tag))
    for tags in by_type.values():
        yield from _overlaps(tags, at)


def _data(device: ModbusDevice, tag: ModbusTag, at: Path) -> Iterable[Finding]:
    kind = tag.register_type
    if kind in _BITS and tag.data is not DataType.BOOL:
        yield Finding((*at, "data"), f"a {kind} holds one bit: data is bool, not {tag.data}")
    elif kind not in _BITS and tag.data is DataType.BOOL:
        yield Finding((*at, "data"), "bool is for a coil or discrete_input only")
    elif tag.kind is Kind.TOTALIZER and tag.data is DataType.BOOL:
        yield Finding((*at, "data"), "a totalizer takes at least 16 bits")
    if tag.address + tag.data.registers - 1 > _LAST_ADDRESS:
        yield Finding(
            (*at, "address"), f"{tag.data} at {tag.address} ends beyond address {_LAST_ADDRESS}"
        )
    if tag.data.registers > device.max_registers:
        yield Finding(
            (*at, "data"),
            f"{tag.data} takes {tag.data.registers} registers, "
            f"and max_registers of the device is {device.max_registers}",
        )


def _overlaps(tags: Sequence[tuple[int, ModbusTag]], device: Path) -> Iterable[Finding]:
    """Tags of one register type that share a register; told at the one described later."""
    ordered = sorted(tags, key=lambda one: (one[1].address, one[0]))
    reaching = ordered[:1]
    for n, tag in ordered[1:]:
        reaching = [one for one in reaching if _end(one[1]) >= tag.address]
        for m, before in reaching:
            later, earlier = (n, m) if n > m else (m, n)
            mine, theirs = (tag, before) if n > m else (before, tag)
            yield Finding(
                (*device, "tags", later, "address"),
                f"{_span(mine)} is already in tag '{theirs.id}' ({_span(theirs)})",
                other=(*device, "tags", earlier, "address"),
            )
        reaching.append((n, tag))


def _end(tag: ModbusTag) -> int:
    return tag.address + tag.data.registers - 1


def _span(tag: ModbusTag) -> str:
    last = f" to {_end(tag)}" if _end(tag) > tag.address else ""
    return f"{tag.register_type} {tag.address}{last}, {tag.data}"


def _opcua(device: OpcUaDevice, at: Path) -> Iterable[Finding]:
    first: dict[str, Path] = {}
    for n, tag in enumerate(device.tags):
        here: Path = (*at, "tags", n, "node")
        if not _NODE.fullmatch(tag.node):
            yield Finding(
                here,
                f"'{tag.node}' is no node id; write nsu=<uri>;s=<name>, ns=2;s=<name>, ns=2;i=<number>",
            )
        elif tag.node in first:
            yield Finding(here, f"'{tag.node}' is already another tag's", other=first[tag.node])
        first.setdefault(tag.node, here)
