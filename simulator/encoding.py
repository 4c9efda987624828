"""From figures in base units to a Modbus device's registers: the inverse of what a collector does.

Everything that does not change is worked out once for a device; a tick is then a few numpy passes,
one for each data type. The registers of a tick are made whole and put in place as one object, so an
answer never mixes two ticks and a 32-bit value is never torn.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.devices import ByteOrder, DataType, ModbusDevice, ModbusTag, RegisterType
from simulator.wiring import Wiring

_DTYPE = {
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
_BITS = (RegisterType.COIL, RegisterType.DISCRETE_INPUT)


@dataclass(frozen=True, slots=True)
class Segment:
    """Neighbouring addresses of one register kind, and where their values begin in the image."""

    start: int
    count: int
    offset: int


@dataclass(frozen=True, slots=True)
class Image:
    """A device's registers at one instant. ``dark`` are those whose instrument shows nothing."""

    words: list[int]
    bits: list[bool]
    dark_words: NDArray[np.bool_] | None
    dark_bits: NDArray[np.bool_] | None


@dataclass(frozen=True, slots=True)
class _Group:
    """Tags of one data type: which, how they are cast, and where their bytes go."""

    index: NDArray[np.intp]
    dtype: str
    destination: NDArray[np.intp]


class RegisterLayout:
    """Where a device's tags lie in its registers, and how their values get there.

    Unused registers between two tags can be read (as 0) where the hole is not wider than the
    device's ``max_gap``, for that is what the description says of it. All others do not exist.
    A 16-bit value always lies high byte first, as the protocol has it: byte orders are about
    values of several registers.
    """

    def __init__(self, device: ModbusDevice, wiring: Wiring) -> None:
        self.device = device
        self.wiring = wiring
        self.tags = tuple(tag.id for tag in device.tags)
        self.segments: dict[RegisterType, list[Segment]] = {}
        self._words = self._bits = 0
        for kind in RegisterType:
            self._lay_out(kind)
        self._word_groups = self._group_words()
        bits = [i for i, tag in enumerate(device.tags) if tag.register_type in _BITS]
        self._bit_index = np.array(bits, np.intp)
        self._bit_place = np.array([self.place(device.tags[i]) for i in bits], np.intp)

    def _lay_out(self, kind: RegisterType) -> None:
        """Join the described addresses of a kind to segments."""
        spans = sorted(
            (tag.address, tag.address + _width(tag))
            for tag in self.device.tags
            if tag.register_type is kind
        )
        joined: list[list[int]] = []
        for start, end in spans:
            if joined and start - joined[-1][1] <= self.device.max_gap:
                joined[-1][1] = max(end, joined[-1][1])
            else:
                joined.append([start, end])
        offset = self._bits if kind in _BITS else self._words
        segments: list[Segment] = []
        for start, end in joined:
            segments.append(Segment(start, end - start, offset))
            offset += end - start
        self.segments[kind] = segments
        if kind in _BITS:
            self._bits = offset
        else:
            self._words = offset

    def place(self, tag: ModbusTag) -> int:
        """Where a tag's first register (or bit) is in the image."""
        found = self.find(tag.register_type, tag.address, 1)
        if found is None:
            raise AssertionError(f"{tag.id} is not in the layout made from it")
        return found

    def _group_words(self) -> list[_Group]:
        grouped: dict[str, list[int]] = defaultdict(list)
        for i, tag in enumerate(self.device.tags):
            if tag.register_type not in _BITS:
                grouped[_DTYPE[tag.data]].append(i)
        groups: list[_Group] = []
        for dtype, index in grouped.items():
            tags = [self.device.tags[i] for i in index]
            places = [
                2 * self.place(tag)
                + _byte_places(tag.byte_order or self.device.byte_order, _width(tag))
                for tag in tags
            ]
            groups.append(_Group(np.array(index, np.intp), dtype, np.array(places, np.intp)))
        return groups

    def find(self, kind: RegisterType, address: int, count: int) -> int | None:
        """Where a request's registers begin in the image; None where one of them does not exist."""
        segments = self.segments[kind]
        at = bisect_right(segments, address, key=lambda segment: segment.start) - 1
        if at < 0:
            return None
        segment = segments[at]
        if address + count > segment.start + segment.count:
            return None
        return segment.offset + address - segment.start

    def encode(self, values: NDArray[np.float64]) -> Image:
        """The registers for values in base units, in the order of the device's tags; NaN is dark."""
        raw = self.wiring.raw(values)
        dark = np.isnan(raw)
        any_dark = bool(dark.any())
        if any_dark:
            raw = np.where(dark, 0.0, raw)
        image = np.zeros(2 * self._words, np.uint8)
        for group in self._word_groups:
            cast = raw[group.index].astype(group.dtype)
            image[group.destination] = cast.view(np.uint8).reshape(group.destination.shape)
        bits = np.zeros(self._bits, np.bool_)
        bits[self._bit_place] = raw[self._bit_index] != 0
        return Image(
            image.view(">u2").tolist(),
            bits.tolist(),
            self._dark_words(dark) if any_dark else None,
            self._dark_bits(dark) if any_dark else None,
        )

    def _dark_words(self, dark: NDArray[np.bool_]) -> NDArray[np.bool_]:
        column = np.zeros(self._words, np.bool_)
        for group in self._word_groups:
            column[(group.destination[dark[group.index]] // 2).ravel()] = True
        return column

    def _dark_bits(self, dark: NDArray[np.bool_]) -> NDArray[np.bool_]:
        column = np.zeros(self._bits, np.bool_)
        column[self._bit_place[dark[self._bit_index]]] = True
        return column


def _width(tag: ModbusTag) -> int:
    return 1 if tag.register_type in _BITS else tag.data.registers


def _byte_places(order: ByteOrder, registers: int) -> NDArray[np.intp]:
    """Where the bytes of a value, the highest first, go among the bytes of its registers."""
    places = np.arange(2 * registers, dtype=np.intp)
    if registers == 1:
        return places
    pairs = places.reshape(registers, 2)
    if order in (ByteOrder.CDAB, ByteOrder.DCBA):
        pairs = pairs[::-1]
    if order in (ByteOrder.BADC, ByteOrder.DCBA):
        pairs = pairs[:, ::-1]
    return pairs.ravel()
