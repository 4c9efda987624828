"""How each tag's figure in base units becomes the number that its device sends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.devices import AddressedTag, DataType, Device, ModbusTag
from config.plant import Plant
from config.resolving import wire_scaling
from config.sites import Installation
from water.units import Kind

_COUNTERS = (Kind.TOTALIZER, Kind.ENERGY)
_LIMITS = {
    DataType.BOOL: (0.0, 1.0),
    DataType.INT16: (-(2.0**15), 2.0**15 - 1),
    DataType.UINT16: (0.0, 2.0**16 - 1),
    DataType.INT32: (-(2.0**31), 2.0**31 - 1),
    DataType.UINT32: (0.0, 2.0**32 - 1),
    # the largest doubles that still fit
    DataType.INT64: (-(2.0**63), float(np.nextafter(2.0**63, 0))),
    DataType.UINT64: (0.0, float(np.nextafter(2.0**64, 0))),
    DataType.FLOAT32: (-float(np.finfo(np.float32).max), float(np.finfo(np.float32).max)),
    DataType.FLOAT64: (-np.inf, np.inf),
}
_COUNT_SLACK = 1e-6
"""part of a count: a value that is a whole count but for rounding shows that count"""


@dataclass(frozen=True, slots=True)
class Wiring:
    """One device's tags as columns, all (n_tags,), in the order described.

    factor, offset : base value = raw × factor + offset
    low, high : what the data type can hold; more is clamped, as an instrument does
    step : one count of the register in raw units; 0 where it is not counted in steps
    modulus : raw number at which a counter begins again at 0; inf where it does not
    counter : a counter shows full counts only, others are rounded
    """

    factor: NDArray[np.float64]
    offset: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    step: NDArray[np.float64]
    modulus: NDArray[np.float64]
    counter: NDArray[np.bool_]

    def raw(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The numbers on the wire for values in base units; NaN stays NaN."""
        raw = (values - self.offset) / self.factor
        step = np.where(self.step > 0, self.step, 1.0)
        counts = raw / step
        whole = np.where(self.counter, np.floor(counts + _COUNT_SLACK), np.rint(counts)) * step
        raw = np.where(self.step > 0, whole, raw)
        wraps = np.isfinite(self.modulus)
        raw = np.where(wraps, np.mod(raw, np.where(wraps, self.modulus, 1.0)), raw)
        return np.clip(raw, self.low, self.high)


def wiring(plant: Plant, device: Device) -> Wiring:
    """The columns of a device, its meters' moduli and resolutions included."""
    installations = {
        meter.totalizer: meter.installations[-1]
        for meter in plant.meters
        if meter.totalizer and meter.installations
    }
    scalings = [wire_scaling(tag) for tag in device.tags]
    limits = [_LIMITS[_data(tag)] for tag in device.tags]
    registers = [
        _counted(tag, factor, installations.get(tag.id))
        for tag, (factor, _) in zip(device.tags, scalings, strict=True)
    ]
    return Wiring(
        factor=np.array([factor for factor, _ in scalings], np.float64),
        offset=np.array([offset for _, offset in scalings], np.float64),
        low=np.array([low for low, _ in limits], np.float64),
        high=np.array([high for _, high in limits], np.float64),
        step=np.array([step for step, _ in registers], np.float64),
        modulus=np.array([modulus for _, modulus in registers], np.float64),
        counter=np.array([tag.kind in _COUNTERS for tag in device.tags], np.bool_),
    )


def _data(tag: AddressedTag) -> DataType:
    return tag.data if isinstance(tag, ModbusTag) else DataType.FLOAT64


def _counted(
    tag: AddressedTag, factor: float, installation: Installation | None
) -> tuple[float, float]:
    """(step, modulus) of a tag's register, in raw units."""
    data = _data(tag)
    whole = data not in (DataType.FLOAT32, DataType.FLOAT64)
    step = 1.0 if whole else 0.0
    modulus = np.inf
    if tag.kind in _COUNTERS and whole:
        modulus = _LIMITS[data][1] + 1
    if tag.kind is Kind.STATE:
        step = 1.0
    if installation and installation.resolution_m3:
        step = max(step, installation.resolution_m3 / abs(factor))
    if installation and installation.modulus_m3:
        modulus = installation.modulus_m3 / abs(factor)
    return step, modulus
