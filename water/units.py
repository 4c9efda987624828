"""Kinds of measured quantity, their one base unit, and every factor to it.

Inside Foggara a kind has one unit; other units exist in the config file and on the wire only.
Signs: produced and inflow are positive.
"""

from __future__ import annotations

from enum import StrEnum

from water.errors import BadDescription


class Kind(StrEnum):
    """What a tag measures."""

    FLOW = "flow"
    TOTALIZER = "totalizer"
    LEVEL = "level"
    PRESSURE = "pressure"
    CONDUCTIVITY = "conductivity"
    TURBIDITY = "turbidity"
    CHLORINE = "chlorine"
    TEMPERATURE = "temperature"
    ENERGY = "energy"
    POWER = "power"
    PH = "ph"
    RATIO = "ratio"
    STATE = "state"


_L = 1e-3
FACTORS: dict[Kind, dict[str, tuple[float, float]]] = {
    # unit: (factor, offset), base = value * factor + offset; the base unit comes first
    Kind.FLOW: {
        "m3/h": (1, 0),
        "m3/s": (3600, 0),
        "m3/d": (1 / 24, 0),
        "L/s": (3.6, 0),
        "L/min": (0.06, 0),
        "L/h": (_L, 0),
        "MLD": (1000 / 24, 0),
    },
    Kind.TOTALIZER: {
        "m3": (1, 0),
        "L": (_L, 0),
        "hL": (0.1, 0),
        "dm3": (_L, 0),
        "ML": (1000, 0),
        "10 m3": (10, 0),
        "100 m3": (100, 0),
        "0.1 m3": (0.1, 0),
    },
    Kind.LEVEL: {"m": (1, 0), "cm": (0.01, 0), "mm": (1e-3, 0), "ft": (0.3048, 0)},
    Kind.PRESSURE: {
        "bar": (1, 0),
        "mbar": (1e-3, 0),
        "kPa": (0.01, 0),
        "MPa": (10, 0),
        "mH2O": (0.0980665, 0),
        "psi": (0.0689475729, 0),
    },
    Kind.CONDUCTIVITY: {"uS/cm": (1, 0), "mS/cm": (1000, 0), "mS/m": (10, 0)},
    Kind.TURBIDITY: {"NTU": (1, 0), "FNU": (1, 0)},
    Kind.CHLORINE: {"mg/L": (1, 0), "ppm": (1, 0)},
    Kind.TEMPERATURE: {"degC": (1, 0), "K": (1, -273.15), "degF": (5 / 9, -160 / 9)},
    Kind.ENERGY: {"kWh": (1, 0), "MWh": (1000, 0), "Wh": (1e-3, 0)},
    Kind.POWER: {"kW": (1, 0), "MW": (1000, 0), "W": (1e-3, 0)},
    Kind.PH: {"pH": (1, 0)},
    Kind.RATIO: {"1": (1, 0), "%": (0.01, 0)},
    Kind.STATE: {"1": (1, 0)},
}


def base_unit(kind: Kind) -> str:
    """The unit that values of this kind have everywhere inside."""
    return next(iter(FACTORS[kind]))


def to_base(kind: Kind, unit: str) -> tuple[float, float]:
    """(factor, offset) with base value = value × factor + offset.

    Raises: BadDescription naming the units that the kind allows.
    """
    units = FACTORS[kind]
    if unit not in units:
        raise BadDescription("unit", f"'{unit}' is no unit of {kind}; allowed: {', '.join(units)}")
    return units[unit]
