"""The 95 % uncertainty of a volume: what each cause adds, and how causes add up.

Half widths in m³. Independent causes add in quadrature (JCGM 100:2008, GUM, 5.1).
Derivations: docs/accounting.md, "Uncertainty".
"""

from __future__ import annotations

import math
from collections.abc import Iterable

ESTIMATE_95_RATIO = 0.05
"""What was filled from the flow instead of the register."""


def in_quadrature(half_widths_m3: Iterable[float]) -> float:
    return math.sqrt(sum(u * u for u in half_widths_m3))


def of_boundary(step_m3: float, share: float) -> float:
    """Of a boundary that divides a step of ``step_m3`` at ``share`` of its time.

    The flow within the step lies between 0 and twice its mean, so the part before the boundary
    is off by at most the smaller of the two parts; on a reading (share 0 or 1) it is exact.
    """
    return abs(step_m3) * min(share, 1.0 - share)


def of_count(count_m3: float) -> float:
    """Of one reading of a register that shows whole counts: half a count."""
    return count_m3 / 2


def of_unseen(maximum_flow_m3_per_h: float, unseen_s: float) -> float:
    """Of time in which nothing was measured: anything up to the greatest flow may have passed."""
    return maximum_flow_m3_per_h * unseen_s / 3600


def of_float32(volume_m3: float, step_m3: float, span_s: float) -> float:
    """Of a float32 register that its PLC adds to every second.

    Each addition is rounded to the register's step, off by up to half of it and, at a steady flow,
    always the same way. At 10⁸ m³ (step 8 m³) that is up to 345,600 m³ a day: nothing is known.
    """
    return min(abs(volume_m3), step_m3 / 2 * span_s)


def widened(u95_m3: float, other_u95_m3: float, difference_m3: float) -> float:
    """Where two methods differ by more than both claim, the claim was too bold: the difference counts."""
    if abs(difference_m3) > math.hypot(u95_m3, other_u95_m3):
        return max(u95_m3, abs(difference_m3))
    return u95_m3
