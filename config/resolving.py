"""The description in the objects that the rules of water work with."""

from __future__ import annotations

import datetime as dt
import math

from config.devices import AddressedTag, DataType, Device, ModbusTag, OpcUaDevice
from config.plant import Plant
from config.sites import Compartment, Installation, Meter, Reservoir, Works
from water.capacity import Capacity, CapacityKind
from water.day import Calendar, DayStart
from water.meter import Meter as WaterMeter
from water.meter import MeterInstallation
from water.reservoir import Compartment as WaterCompartment
from water.reservoir import Curve
from water.reservoir import Reservoir as WaterReservoir
from water.units import to_base

_LEAST_STALE_S = 5.0
_LEAST_MAX_GAP_S = 60.0
_NEVER = 2.0**53
"""counts at which a float counter would roll over: more than any meter sees"""
_MODULUS_COUNTS = {
    DataType.INT16: 2.0**15,
    DataType.UINT16: 2.0**16,
    DataType.INT32: 2.0**31,
    DataType.UINT32: 2.0**32,
    DataType.INT64: 2.0**63,
    DataType.UINT64: 2.0**64,
}
_FLOAT_RESOLUTION = {DataType.FLOAT32: 8.0, DataType.FLOAT64: 1e-3}
"""smallest step that is told apart: of a float32 that is 8 near 100 000 000"""


def calendar(plant: Plant) -> Calendar:
    """The plant's production days."""
    starts = sorted(plant.plant.production_day, key=lambda row: row.valid_from)
    return Calendar(plant.zone, tuple(DayStart(row.start, row.valid_from) for row in starts))


def wire_scaling(tag: AddressedTag) -> tuple[float, float]:
    """(factor, offset) with value in the kind's base unit = raw × factor + offset."""
    factor, offset = to_base(tag.kind, tag.unit)
    if tag.scaling is None:
        return float(factor), float(offset)
    (raw_1, raw_2), (value_1, value_2) = tag.scaling.raw, tag.scaling.value
    slope = (value_2 - value_1) / (raw_2 - raw_1)
    return slope * factor, (value_1 - slope * raw_1) * factor + offset


def stale_after_s(device: Device) -> float:
    """Seconds after which a last value of this device is stale: as given, else three scans."""
    if device.stale_after_s is not None:
        return device.stale_after_s
    return max(3 * device.scan_interval_s, _LEAST_STALE_S)


def max_gap_s(tag: AddressedTag, device: Device) -> float:
    """Seconds between readings from which a tag is uncovered: as given, else three intervals."""
    if tag.max_gap_s is not None:
        return tag.max_gap_s
    return max(3 * expected_every_s(tag, device), _LEAST_MAX_GAP_S)


def expected_every_s(tag: AddressedTag, device: Device) -> float:
    """Seconds between the readings that full coverage wants: as given, else the scan interval.

    A subscribed tag that does not change speaks only when it is refreshed.
    """
    if tag.expected_every_s is not None:
        return tag.expected_every_s
    if isinstance(device, OpcUaDevice):
        return max(device.scan_interval_s, device.refresh_s)
    return device.scan_interval_s


def meters(plant: Plant) -> dict[str, WaterMeter]:
    """Every measuring point by id, with its installations; defaults come from its tags."""
    return {meter.id: _meter(plant, meter) for meter in plant.meters}


def register(tag: AddressedTag) -> tuple[float, float]:
    """(modulus, resolution) of a totalizer tag in m³, as its data type and scaling make them.

    A float does not roll over. Nor, as far as is known, does an OPC UA variable: its type is the
    server's affair, so that a modulus is to be declared in the meter's installation.
    """
    factor = abs(wire_scaling(tag)[0])
    data = tag.data if isinstance(tag, ModbusTag) else DataType.FLOAT64
    return (
        _MODULUS_COUNTS.get(data, _NEVER) * factor,
        _FLOAT_RESOLUTION.get(data, 1.0) * factor,
    )


def capacities(plant: Plant) -> tuple[Capacity, ...]:
    """The dated capacities and targets, by site, kind, date."""
    rows = [
        Capacity(
            site=row.site,
            kind=CapacityKind(row.kind),
            m3_per_day=row.m3_per_day,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            source=row.source,
        )
        for row in plant.capacities
    ]
    return tuple(sorted(rows, key=lambda row: (row.site, row.kind, row.valid_from)))


def reservoirs(plant: Plant, date: dt.date) -> dict[str, WaterReservoir]:
    """Every reservoir by id as it stands on a date: works in force then take their part away."""
    return {reservoir.id: _reservoir(plant, reservoir, date) for reservoir in plant.reservoirs}


def works_on(plant: Plant, date: dt.date) -> tuple[Works, ...]:
    """The works that take storage away on a date; cancelled ones never do."""
    return tuple(
        works
        for works in plant.works
        if works.status != "cancelled"
        and works.start <= date
        and (works.end is None or date <= works.end)
    )


def curve(compartment: Compartment) -> tuple[tuple[float, float], ...]:
    """Rows of (level_m, volume_m3), rising, from a compartment's table or its shape."""
    if compartment.curve is not None:
        return tuple(compartment.curve)
    area_m2 = compartment.area_m2
    if area_m2 is None:
        area_m2 = math.pi * ((compartment.diameter_m or 0.0) / 2) ** 2
    return ((0.0, 0.0), (compartment.height_m, area_m2 * compartment.height_m))


def _meter(plant: Plant, meter: Meter) -> WaterMeter:
    tag = plant.tags.get(meter.totalizer) if meter.totalizer else None
    flow = plant.tags.get(meter.flow) if meter.flow else None
    interval_s = [
        expected_every_s(seen, plant.device_of_tag[seen.id])
        for seen in (tag, flow)
        if seen is not None
    ]
    gap_s = [
        max_gap_s(seen, plant.device_of_tag[seen.id]) for seen in (flow, tag) if seen is not None
    ]
    described = sorted(meter.installations or [Installation()], key=_fitted_ns)
    return WaterMeter(
        id=meter.id,
        maximum_flow_m3_per_h=meter.maximum_flow_m3_per_h,
        accuracy_95_ratio=meter.accuracy_95_ratio,
        installations=tuple(_installation(one, tag) for one in described),
        flow_max_gap_s=gap_s[0] if gap_s else _LEAST_MAX_GAP_S,
        sample_interval_s=interval_s[0] if interval_s else 1.0,
    )


def _reservoir(plant: Plant, reservoir: Reservoir, date: dt.date) -> WaterReservoir:
    works = [row for row in works_on(plant, date) if row.reservoir == reservoir.id]
    return WaterReservoir(
        id=reservoir.id,
        compartments=tuple(
            WaterCompartment(one.id, Curve.of_points(curve(one)), one.level)
            for one in reservoir.compartments
        ),
        minimum_level_m=reservoir.minimum_level_m,
        emergency_reserve_m3=reservoir.emergency_reserve_m3,
        out_of_service=frozenset(one for row in works for one in row.compartments),
        capacity_offline_m3=sum(_beyond_compartments_m3(reservoir, row) for row in works),
    )


def _beyond_compartments_m3(reservoir: Reservoir, works: Works) -> float:
    """What works take away besides the compartments they name."""
    if works.capacity_offline_m3 is None:
        return 0.0
    named = [one for one in reservoir.compartments if one.id in works.compartments]
    return max(0.0, works.capacity_offline_m3 - sum(curve(one)[-1][1] for one in named))


def _installation(one: Installation, tag: AddressedTag | None) -> MeterInstallation:
    modulus_m3, resolution_m3 = register(tag) if tag is not None else (_NEVER, 1.0)
    return MeterInstallation(
        fitted_ns=_ns(one.fitted),
        removed_ns=_ns(one.removed),
        reading_at_fitting_m3=one.reading_at_fitting,
        reading_at_removal_m3=one.reading_at_removal,
        factor=one.factor,
        modulus_m3=one.modulus_m3 or modulus_m3,
        resolution_m3=one.resolution_m3 or resolution_m3,
        float32=isinstance(tag, ModbusTag) and tag.data is DataType.FLOAT32,
        serial=one.serial,
    )


def _fitted_ns(one: Installation) -> int:
    fitted_ns = _ns(one.fitted)
    return fitted_ns if fitted_ns is not None else -(2**63)


def _ns(time: dt.datetime | None) -> int | None:
    return None if time is None else round(time.timestamp() * 1000) * 1_000_000
