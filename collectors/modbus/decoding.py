"""From a block's bytes to values in base units: one decode a block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collectors.modbus.planning import Block, is_bits
from config.devices import ByteOrder, DataType

NUMPY_TYPES = {
    DataType.BOOL: ">u2",
    DataType.INT16: ">i2",
    DataType.UINT16: ">u2",
    DataType.INT32: ">i4",
    DataType.UINT32: ">u4",
    DataType.INT64: ">i8",
    DataType.UINT64: ">u8",
    DataType.FLOAT32: ">f4",
    DataType.FLOAT64: ">f8",
}


@dataclass(frozen=True, slots=True)
class Format:
    """How a tag's bytes become its value: ``value = number * factor + offset``, in the base unit."""

    data: DataType
    byte_order: ByteOrder
    factor: float
    offset: float


def byte_positions(registers: int, order: ByteOrder) -> NDArray[np.intp]:
    """Where the bytes of a value lie on the wire, its highest byte first.

    Within a register Modbus sends the high byte first. ABCD: as it should be. CDAB: the registers
    in reverse. BADC: the two bytes of every register swapped. DCBA: both. A value of one register
    always lies as the protocol has it: the orders are about values of several.
    """
    places = np.arange(2 * registers).reshape(registers, 2)
    if registers == 1:
        return places.ravel()
    if order in (ByteOrder.CDAB, ByteOrder.DCBA):
        places = places[::-1]
    if order in (ByteOrder.BADC, ByteOrder.DCBA):
        places = places[:, ::-1]
    return places.ravel()


@dataclass(frozen=True, slots=True)
class _Group:
    """The values of one type: which bytes to gather, and where they go in the block's column."""

    bytes_at: NDArray[np.intp]  # (n, width in bytes)
    dtype: np.dtype[np.generic]
    target: slice
    truth: bool


class BlockDecoder:
    """Decodes the payload of one block; all that can be is worked out beforehand.

    index : (n,) positions of the block's tags, in the order of the values that ``decode`` gives
    """

    def __init__(self, block: Block, formats: Sequence[Format]) -> None:
        """``formats`` are the device's, by the tags' positions."""
        bits = is_bits(block.table)
        places = sorted(
            block.places,
            key=lambda p: (formats[p.index].data, formats[p.index].byte_order, p.address),
        )
        self.index: NDArray[np.intp] = np.array([p.index for p in places], np.intp)
        self.payload_bytes = (block.count + 7) // 8 if bits else 2 * block.count
        self._factor = np.array([formats[p.index].factor for p in places])
        self._offset = np.array([formats[p.index].offset for p in places])
        self._plain = bool((self._factor == 1).all() and (self._offset == 0).all())
        self._bits_at: NDArray[np.intp] | None = None
        self._groups: list[_Group] = []
        if bits:
            self._bits_at = np.array([p.address - block.address for p in places], np.intp)
            return
        start = 0
        while start < len(places):
            kind = _kind(formats[places[start].index])
            stop = start
            while stop < len(places) and _kind(formats[places[stop].index]) == kind:
                stop += 1
            data, order = kind
            within = byte_positions(data.registers, order)
            first = np.array([2 * (p.address - block.address) for p in places[start:stop]])
            self._groups.append(
                _Group(
                    first[:, None] + within[None, :],
                    np.dtype(NUMPY_TYPES[data]),
                    slice(start, stop),
                    data is DataType.BOOL,
                )
            )
            start = stop

    def decode(self, payload: bytes) -> NDArray[np.float64]:
        """(n,) values in base units; ``payload`` has ``payload_bytes`` bytes, as sent.

        64-bit integers above 2**53 are rounded to the nearest float64. A device's NaN or infinity
        comes out as such.
        """
        raw = np.frombuffer(payload, np.uint8)
        if self._bits_at is not None:
            value = np.unpackbits(raw, bitorder="little")[self._bits_at].astype(np.float64)
        else:
            value = np.empty(self.index.size)
            with np.errstate(invalid="ignore"):  # a signalling NaN is a value like any other here
                for group in self._groups:
                    number = raw[group.bytes_at].view(group.dtype)[:, 0]
                    value[group.target] = number != 0 if group.truth else number
        if not self._plain:
            with np.errstate(invalid="ignore", over="ignore"):
                value *= self._factor
                value += self._offset
        return value


def _kind(fmt: Format) -> tuple[DataType, ByteOrder]:
    return fmt.data, fmt.byte_order
