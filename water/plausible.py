"""What one register can plausibly show: the greatest rise in a time, backsteps, its modulus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from water.meter import MeterInstallation
from water.readings import Readings

MARGIN = 1.05
"""A meter may pass a little more than its greatest flow."""
BACKSTEP_COUNTS = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What is plausible for one register, in m³ as registered.

    refresh_s : a register may stand still so long and then show all at once (a slow PLC program)
    """

    flow_m3_per_s: float
    count_m3: float
    modulus_m3: float
    tolerance_m3: float
    refresh_s: float

    @classmethod
    def of(
        cls,
        installation: MeterInstallation,
        greatest_m3: float,
        maximum_flow_m3_per_h: float,
        refresh_s: float,
    ) -> Limits:
        """greatest_m3 : the greatest register value, which sets the step of a float32."""
        count = installation.resolution_m3
        if installation.float32:
            count = max(count, float(np.spacing(np.float32(greatest_m3))))
        return cls(
            flow_m3_per_s=maximum_flow_m3_per_h * MARGIN / 3600 / installation.factor,
            count_m3=count,
            modulus_m3=installation.modulus_m3,
            tolerance_m3=1e-6 * count + 4 * float(np.spacing(greatest_m3)),
            refresh_s=refresh_s,
        )

    @property
    def backstep_m3(self) -> float:
        return BACKSTEP_COUNTS * self.count_m3 + self.tolerance_m3

    def rise_m3(self, elapsed_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """The greatest plausible rise in a time: maximum flow × time × 1.05 + 2 counts."""
        by_flow = elapsed_ns.astype(np.float64) * (self.flow_m3_per_s / 1e9)
        return by_flow + (2 * self.count_m3 + self.tolerance_m3)


def time_to_rise_ns(readings: Readings, limits: Limits) -> NDArray[np.int64]:
    """(n-1,) time in which each rise may have passed: since the register last moved.

    A register that its PLC refreshes more slowly than it is read stands still and then rises at
    once. It is given the time since it moved, up to ``refresh_s``, never less than the interval.
    """
    time_ns, value = readings.time_ns, readings.value
    refresh_ns = round(limits.refresh_s * 1e9)
    moved_at = time_ns.copy()
    moved_at[0] -= refresh_ns  # how long it stood before the first reading is not known
    moved_at[1:][value[1:] == value[:-1]] = moved_at[0]
    np.maximum.accumulate(moved_at, out=moved_at)
    since = np.minimum(time_ns[1:] - moved_at[:-1], refresh_ns)
    return np.maximum(since, np.diff(time_ns))


def implausible(
    rise: NDArray[np.float64], greatest: NDArray[np.float64], limits: Limits
) -> NDArray[np.bool_]:
    return (rise > greatest) | (rise < -limits.backstep_m3)
