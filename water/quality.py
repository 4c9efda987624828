"""What a reading is worth: good, uncertain or bad, each with a reason, in one byte.

The two highest bits hold the status as OPC UA orders its severities (Part 8), the six lower bits
the reason. A larger code is a worse quality, so the worse of two is their maximum and whole columns
compare as numbers.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

type_of_column = np.uint8
"""dtype of a quality column"""

UNCERTAIN = 0x40
BAD = 0x80


class Reason(IntEnum):
    """Why a reading is not plainly good; the low six bits of its quality."""

    NONE = 0
    BACKFILLED = 1
    """read back from the device's own history after a hole"""
    OUT_OF_RANGE = 2
    RATE_OF_CHANGE = 3
    STUCK = 4
    STALE = 5
    CLOCK_SKEW = 6
    DEVICE_STATUS = 7
    """the device itself says so (OPC UA status code, state register)"""
    NOT_A_NUMBER = 8
    COMM_FAILURE = 9
    TIMEOUT = 10
    REFUSED = 11
    """the device answered, and refused (Modbus exception, unknown node)"""
    MALFORMED = 12
    """the answer could not be understood"""
    ESTIMATED = 13
    SUPERSEDED = 14
    INCOMPLETE = 15
    """a figure of which too much was not measured to stand for the whole"""


GOOD = 0


def quality(status: int, reason: Reason = Reason.NONE) -> int:
    """The code of a status (GOOD, UNCERTAIN, BAD) with its reason."""
    return status | reason


def status_of(code: int) -> str:
    """``good``, ``uncertain`` or ``bad``."""
    return "bad" if code >= BAD else "uncertain" if code >= UNCERTAIN else "good"


def reason_of(code: int) -> str | None:
    """The reason's name in small letters, or None where there is none to tell."""
    number = code & 0x3F
    if number == Reason.NONE:
        return None
    try:
        return Reason(number).name.lower()
    except ValueError:
        return f"reason_{number}"


def is_good(column: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which of a column count as measured: status good, whatever the reason."""
    return column < UNCERTAIN


def worst(column: NDArray[np.uint8]) -> int:
    """The worst quality of a column; GOOD for an empty one."""
    return int(column.max()) if column.size else GOOD
