"""What the pure rules refuse.

WaterError
├── BadBatch          columns that do not fit together
├── CurveRange        a level outside its level-to-volume curve
└── BadDescription    a meter, curve or day that cannot be (raised by constructors)
"""

from __future__ import annotations


class WaterError(ValueError):
    """The root of this room's errors."""


class BadBatch(WaterError):
    """Columns that do not fit together."""


class BadDescription(WaterError):
    """A meter, curve, limit or day that cannot be.

    ``field`` names what is wrong in the words of the configuration.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class CurveRange(WaterError):
    """A level outside its curve: ``level_m`` against ``lowest_m`` and ``highest_m``."""

    def __init__(self, level_m: float, lowest_m: float, highest_m: float) -> None:
        super().__init__(f"level {level_m} m is outside the curve, {lowest_m} to {highest_m} m")
        self.level_m = level_m
        self.lowest_m = lowest_m
        self.highest_m = highest_m
