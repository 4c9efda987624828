"""Which requests read which values: neighbours in one request, over holes that are small. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from config.devices import RegisterType


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a value lies: ``width`` registers (or bits) from ``address``; ``index`` is its tag's."""

    address: int
    width: int
    index: int

    @property
    def end(self) -> int:
        return self.address + self.width


@dataclass(frozen=True, slots=True)
class Block:
    """One request: ``count`` registers (or bits) from ``address``, and the values within."""

    table: RegisterType
    address: int
    count: int
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may ask for, and how large a hole may be read along, in registers or bits."""

    longest: int
    widest_hole: int


def limits(table: RegisterType, max_registers: int, max_bits: int, max_gap: int) -> Limits:
    """The limits of a table of this device."""
    return Limits(max_bits if is_bits(table) else max_registers, max_gap)


def is_bits(table: RegisterType) -> bool:
    return table in (RegisterType.COIL, RegisterType.DISCRETE_INPUT)


def plan(table: RegisterType, places: Iterable[Place], allowed: Limits) -> list[Block]:
    """The requests for values of one table, by rising address.

    Every value lies whole in exactly one block. A value wider than the longest request gets a
    block of its own, which the device may refuse; it stops no other.
    """
    blocks: list[Block] = []
    group: list[Place] = []
    end = 0
    for place in sorted(places):
        fits = (
            bool(group)
            and place.address - end <= allowed.widest_hole
            and max(end, place.end) - group[0].address <= allowed.longest
        )
        if group and not fits:
            blocks.append(_block(table, group))
            group = []
        end = max(end, place.end) if group else place.end
        group.append(place)
    if group:
        blocks.append(_block(table, group))
    return blocks


def halves(block: Block, allowed: Limits) -> list[Block]:
    """A block's values in smaller blocks, none of which spans them all: to find which one is
    refused. A block of one value, or of values that lie on one another, cannot be split.
    """
    middle = len(block.places) // 2
    parts = (block.places[:middle], block.places[middle:])
    smaller = [b for part in parts for b in plan(block.table, part, allowed)]
    return smaller if len(block.places) > 1 else []


def _block(table: RegisterType, places: list[Place]) -> Block:
    address = places[0].address
    count = max(place.end for place in places) - address
    return Block(table, address, count, tuple(places))
