"""Synthetic registers and flows whose true volume is known in closed form."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from water.meter import Meter, MeterInstallation
from water.output import Series

NS = 1_000_000_000
T0 = 1_763_938_800 * NS
"""2025-11-24 00:00 in Algiers"""


def series(time_s, value, quality=None) -> Series:
    """Readings at seconds from T0."""
    time_ns = T0 + np.round(np.asarray(time_s, np.float64) * NS).astype(np.int64)
    codes = np.zeros(time_ns.size, np.uint8) if quality is None else np.asarray(quality, np.uint8)
    return Series(time_ns, np.asarray(value, np.float64), codes)


def at(second: float) -> int:
    return T0 + round(second * NS)


def constant(flow_m3_per_h: float) -> Callable[[np.ndarray], np.ndarray]:
    """The volume passed until each second, of a flow that never changes."""
    return lambda t: np.asarray(t, np.float64) * (flow_m3_per_h / 3600)


def register(
    time_s, passed: Callable[[np.ndarray], np.ndarray], *, start=1e6, count=1.0, modulus=2.0**32
) -> Series:
    """What a register of whole counts shows, that rolls over at ``modulus``."""
    time_s = np.asarray(time_s, np.float64)
    counts = np.floor((start + passed(time_s)) / count + 1e-9)
    return series(time_s, np.mod(counts * count, modulus))


def meter(maximum=20_833.0, **changes) -> Meter:
    installation = {
        key: changes.pop(key)
        for key in ("modulus_m3", "resolution_m3", "factor", "float32")
        if key in changes
    }
    if installation:
        changes["installations"] = (MeterInstallation(**installation),)
    return Meter("m", maximum, **changes)


@pytest.fixture(scope="session")
def bench() -> SimpleNamespace:
    return SimpleNamespace(
        NS=NS,
        T0=T0,
        DAY=86_400,
        at=at,
        series=series,
        constant=constant,
        register=register,
        meter=meter,
        begin=T0,
        end=T0 + 86_400 * NS,
        seconds=np.arange(-2, 86_403, dtype=np.float64),
        minutes=np.arange(-60, 86_461, 60, dtype=np.float64),
    )
