"""A device's blocks as they turn out: split where refused, left alone where silent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from collectors.modbus.client import Request
from collectors.modbus.decoding import BlockDecoder, Format
from collectors.modbus.planning import Block, Limits, Place, halves, is_bits, limits, plan
from config.devices import ModbusDevice, RegisterType
from config.resolving import wire_scaling
from water.batch import NS_PER_S

_log = structlog.get_logger(__name__)

RETRY_REFUSED_NS = 10 * NS_PER_S
RETRY_FAILED_NS = 2 * NS_PER_S
RETRY_SILENT_NS = 30 * NS_PER_S
SILENCES_BORNE = 2
"""so often in a row may a block get no answer while others do, before it is left alone for a time"""


@dataclass(slots=True, eq=False)
class Reading:
    """A block that is read: its request, its decoder and how it has fared."""

    block: Block
    request: Request
    decoder: BlockDecoder
    silences: int = 0
    not_before_ns: int = 0


class Blocks:
    """What is read of a device, in order. Begins with the fewest requests that read everything.

    - A block that is refused is split in halves until the values that the device does not give stand
      alone; these are asked for again after a while. The good ones go on. When the last of them
      answers, the first plan is tried again.
    - A block that twice gets no answer while others do is left alone for half a minute. A block
      without an answer goes to the end, so that it cannot keep the others from being tried.

    What was learned is forgotten when the device was lost: it may be another one that comes back.
    """

    def __init__(self, device: ModbusDevice) -> None:
        self._device = device
        self._formats = [
            Format(tag.data, tag.byte_order or device.byte_order, *wire_scaling(tag))
            for tag in device.tags
        ]
        self._planned = self._plan_all()
        self._readings = self._fresh()
        self._said: set[Block] = set()
        self._cured = False

    def due(self, now_ns: int) -> list[Reading]:
        """The blocks to read in a scan that starts now."""
        if self._cured:
            self._cured = False
            if not any(r.not_before_ns for r in self._readings):
                self._readings = self._fresh()
        return [r for r in self._readings if r.not_before_ns <= now_ns]

    def first(self) -> Reading:
        """The block to ask whether the device answers."""
        return self._readings[0]

    def answered(self, reading: Reading) -> None:
        """It answered, with values."""
        reading.silences = 0
        if reading.not_before_ns:
            reading.not_before_ns = 0
            self._said.discard(reading.block)
            self._cured = True

    def refused(
        self, reading: Reading, now_ns: int, cause: str, *, may_pass: bool = False
    ) -> list[Reading]:
        """Its halves, which take its place; empty where it cannot be split and is put off.

        may_pass : the refusal is of now, not of the address, so it is tried again sooner
        """
        allowed = self._limits(reading.block.table)
        smaller = [self._reading(b) for b in halves(reading.block, allowed)]
        if smaller:
            at = self._readings.index(reading)
            self._readings[at : at + 1] = smaller
            return smaller
        reading.not_before_ns = now_ns + (RETRY_FAILED_NS if may_pass else RETRY_REFUSED_NS)
        if reading.block not in self._said:
            self._said.add(reading.block)
            tags = [self._device.tags[p.index].id for p in reading.block.places]
            _log.warning("tag refused", device=self._device.id, tags=tags, cause=cause)
        return []

    def silent(self, reading: Reading, now_ns: int) -> None:
        """It got no answer, and the connection is gone with it."""
        reading.silences += 1
        if reading.silences >= SILENCES_BORNE:
            reading.not_before_ns = now_ns + RETRY_SILENT_NS
        self._readings.remove(reading)
        self._readings.append(reading)

    def forget(self) -> None:
        """Begins again with the plan; the order stays, for what is silent is asked last."""
        if len(self._readings) != len(self._planned):
            self._readings = self._fresh()
        for reading in self._readings:
            reading.silences, reading.not_before_ns = 0, 0

    def _fresh(self) -> list[Reading]:
        return [self._reading(block) for block in self._planned]

    def _reading(self, block: Block) -> Reading:
        return Reading(
            block, Request.of(block, self._device.unit), BlockDecoder(block, self._formats)
        )

    def _limits(self, table: RegisterType) -> Limits:
        device = self._device
        return limits(table, device.max_registers, device.max_bits, device.max_gap)

    def _plan_all(self) -> list[Block]:
        blocks: list[Block] = []
        for table in RegisterType:
            blocks += plan(table, self._places(table), self._limits(table))
        return blocks

    def _places(self, table: RegisterType) -> Sequence[Place]:
        bits = is_bits(table)
        return [
            Place(tag.address, 1 if bits else tag.data.registers, index)
            for index, tag in enumerate(self._device.tags)
            if tag.register_type is table
        ]
