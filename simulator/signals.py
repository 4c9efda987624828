"""What instruments that measure no water volume show: pressure, quality, power, as a usual plant has.

A signal is a sum: a still part, one that follows the running of its train or site, slow waves, the
season, and a train's fouling. Magnitudes are those of a seawater plant and its reservoirs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from config.devices import AddressedTag, DataType, ModbusTag
from config.resolving import wire_scaling
from simulator.placing import Place
from water.units import Kind, to_base

KWH_PER_M3: Final = 3.6
"""specific energy of a desalination plant, 3 to 4"""
TRAIN_KWH_PER_M3: Final = 2.7
PUMPING_KWH_PER_M3: Final = 0.35
_PARTS: Final = {"intake": 0.35, "pretreatment": 0.2, "product": 0.3}
"""the rest of a plant's energy is its trains'"""
_SEA: Final = re.compile(r"intake|seawater|sea\b|raw|feed|dam")
_BRINE: Final = re.compile(r"brine|concentrate|reject")
_MARGIN: Final = 0.002
"""of a tag's range, kept free at both ends"""
_SEA_UNDER_US_PER_CM: Final = 40_000.0


@dataclass(frozen=True, slots=True)
class Signal:
    """The parts of one signal, in the base unit of its kind.

    low, high : it never leaves them; noise : one standard deviation from second to second
    """

    still: float
    running: float = 0.0
    wave: float = 0.0
    season: float = 0.0
    fouling: float = 0.0
    noise: float = 0.0
    low: float = float("-inf")
    high: float = float("inf")


def base_range(tag: AddressedTag) -> tuple[float, float] | None:
    """The tag's credible range in its kind's base unit."""
    if tag.range is None:
        return None
    factor, offset = to_base(tag.kind, tag.unit)
    low, high = sorted(limit * factor + offset for limit in tag.range)
    return low, high


def noise_limits(tag: AddressedTag) -> tuple[float, float]:
    """(least, most) noise in base units: enough not to look stuck, too little for the rate limit."""
    factor, _ = to_base(tag.kind, tag.unit)
    count = abs(wire_scaling(tag)[0])
    floating = isinstance(tag, ModbusTag) and tag.data in (DataType.FLOAT32, DataType.FLOAT64)
    counted = isinstance(tag, ModbusTag) and not floating
    least = 0.8 * count if counted and tag.stuck_after_s else 0.0
    most = float("inf") if tag.rate_limit is None else 0.1 * tag.rate_limit * abs(factor)
    return least, most


def signal(tag: AddressedTag, place: Place) -> Signal:
    """The signal of a tag."""
    limits = base_range(tag)
    low, high = limits if limits is not None else (float("-inf"), float("inf"))
    made = _SHAPES.get(tag.kind, _level)(_Asked(tag.id, place, low, high))
    span = high - low if limits is not None else 0.0
    least, most = noise_limits(tag)
    return Signal(
        still=made.still,
        running=made.running,
        wave=made.wave,
        season=made.season,
        fouling=made.fouling,
        noise=min(max(made.noise, least), most),
        low=low + _MARGIN * span,
        high=high - _MARGIN * span,
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """A tag to find a signal for, with its range in base units."""

    id: str
    place: Place
    low: float
    high: float

    def around(self, usual: float) -> float:
        """The usual value, or the middle of a range that does not hold it."""
        span = self.high - self.low
        if span == float("inf") or self.low + 0.1 * span < usual < self.high:
            return usual
        return (self.low + self.high) / 2


def _pressure(asked: _Asked) -> Signal:
    if asked.place.train is not None:
        usual = 62.0 if asked.high > 75 else asked.around(1.2)
        return Signal(0.03 * usual, 0.93 * usual, 0.01 * usual, 0, 0.06 * usual, 0.001 * usual)
    usual = asked.around(6.0 if asked.place.source is not None else 3.5)
    return Signal(1.06 * usual, -0.06 * usual, 0.015 * usual, noise=0.002 * usual)


def _conductivity(asked: _Asked) -> Signal:
    if asked.high > _SEA_UNDER_US_PER_CM:
        usual = 92_000.0 if _BRINE.search(asked.id) else 55_500.0
        usual = asked.around(usual)
        return Signal(usual, wave=0.006 * usual, noise=0.0005 * usual)
    usual = asked.around(420.0)
    return Signal(
        0.95 * usual, 0.05 * usual, 0.05 * usual, 0.08 * usual, 0.08 * usual, 0.002 * usual
    )


def _turbidity(asked: _Asked) -> Signal:
    usual = min(2.5 if _SEA.search(asked.id) else 0.3, 0.6 * asked.high)
    return Signal(usual, wave=0.15 * usual, noise=0.01 * usual)


def _chlorine(asked: _Asked) -> Signal:
    usual = asked.around(0.55)
    return Signal(usual, wave=0.07 * usual, noise=0.005 * usual)


def _temperature(asked: _Asked) -> Signal:
    usual = asked.around(20.5)
    return Signal(usual, wave=0.4, season=5.5, noise=0.02)


def _ph(asked: _Asked) -> Signal:
    usual = asked.around(7.9)
    return Signal(usual, wave=0.06, noise=0.005)


def _power(asked: _Asked) -> Signal:
    usual = min(kwh_per_m3(asked.id, asked.place) * asked.place.usual_m3_per_h, 0.8 * asked.high)
    return Signal(0.01 * usual, 0.97 * usual, 0.004 * usual, 0, 0.03 * usual, 0.002 * usual)


def _ratio(asked: _Asked) -> Signal:
    usual = asked.around(0.42 if "recovery" in asked.id else 0.6)
    return Signal(usual, wave=0.015 * usual, noise=0.001 * usual)


def _level(asked: _Asked) -> Signal:
    span = asked.high - asked.low
    usual = 4.0 if span == float("inf") else asked.low + 0.55 * span
    return Signal(usual, wave=0.04 * usual, noise=0.0005 * usual)


def kwh_per_m3(tag: str, place: Place) -> float:
    """Energy for each m³ of the place's stream, of the part of a plant that a tag's id names."""
    if place.source is None:
        return PUMPING_KWH_PER_M3
    if place.train is not None:
        return TRAIN_KWH_PER_M3
    return next((part for words, part in _PARTS.items() if words in tag), KWH_PER_M3)


_SHAPES: Final = {
    Kind.PRESSURE: _pressure,
    Kind.CONDUCTIVITY: _conductivity,
    Kind.TURBIDITY: _turbidity,
    Kind.CHLORINE: _chlorine,
    Kind.TEMPERATURE: _temperature,
    Kind.PH: _ph,
    Kind.POWER: _power,
    Kind.RATIO: _ratio,
    Kind.LEVEL: _level,
}
