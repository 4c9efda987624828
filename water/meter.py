"""A measuring point and the physical meters that have stood there, one after the other."""

from __future__ import annotations

from dataclasses import dataclass

from water.errors import BadDescription


@dataclass(frozen=True, slots=True)
class MeterInstallation:
    """One physical meter from a time to a time. Volumes in m³ of the register as it shows them.

    modulus_m3 : where the register rolls over to 0
    resolution_m3 : one count
    factor : true volume of one registered m³
    float32 : the register is a float32, which cannot be trusted alone
    """

    fitted_ns: int | None = None
    removed_ns: int | None = None
    reading_at_fitting_m3: float | None = None
    reading_at_removal_m3: float | None = None
    factor: float = 1.0
    modulus_m3: float = 2.0**32
    resolution_m3: float = 1.0
    float32: bool = False
    serial: str | None = None

    def __post_init__(self) -> None:
        if self.modulus_m3 <= 0 or self.resolution_m3 <= 0 or self.factor <= 0:
            raise BadDescription("installation", "modulus, resolution and factor are above 0")


@dataclass(frozen=True, slots=True)
class Meter:
    """A measuring point: the stream's greatest flow, its accuracy, and its installations in time.

    installations : sorted by time, not overlapping; at least one
    accuracy_95_ratio : 95 % of volumes are within this ratio of the truth
    flow_max_gap_s : a hole between flow readings that is longer is uncovered
    sample_interval_s : how often a reading is expected, for the coverage
    """

    id: str
    maximum_flow_m3_per_h: float
    accuracy_95_ratio: float = 0.01
    installations: tuple[MeterInstallation, ...] = (MeterInstallation(),)
    flow_max_gap_s: float = 60.0
    sample_interval_s: float = 1.0
