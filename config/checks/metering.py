"""Measuring points: what their tags must be, installations in time, counters that are read too seldom."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from config.devices import DataType, ModbusTag
from config.finding import Finding
from config.marks import Path
from config.plant import Plant
from config.resolving import register
from config.sites import Installation, Meter
from water.errors import BadDescription
from water.units import Kind

_WITH_DESTINATION = ("produced", "delivered")
_LARGEST_SHARE = 0.25
"""of the time to a full turn that may pass between two readings"""


def metering(plant: Plant) -> Iterable[Finding]:
    """Everything about measuring points and totalizers."""
    for n, meter in enumerate(plant.meters):
        yield from _meter(plant, meter, ("meters", n))
    yield from _counted_twice(plant)
    for n, device in enumerate(plant.devices):
        for m, tag in enumerate(device.tags):
            float32 = isinstance(tag, ModbusTag) and tag.data is DataType.FLOAT32
            if tag.kind is Kind.TOTALIZER and float32:
                yield Finding(
                    ("devices", n, "tags", m, "data"),
                    "a float32 totalizer counts in steps of 8 near 100 000 000 and is not trusted "
                    "alone; give its meter a flow tag, or an integer totalizer",
                    warning=True,
                )


def of_kind(plant: Plant, path: Path, tag_id: str | None, kind: Kind) -> Iterable[Finding]:
    """A finding where a tag is not of the kind that its place wants."""
    tag = plant.tags.get(tag_id) if tag_id else None
    if tag is not None and tag.kind is not kind:
        yield Finding(path, f"'{tag_id}' is of kind {tag.kind}; a tag of kind {kind} is wanted")


def _meter(plant: Plant, meter: Meter, at: Path) -> Iterable[Finding]:
    yield from of_kind(plant, (*at, "totalizer"), meter.totalizer, Kind.TOTALIZER)
    yield from of_kind(plant, (*at, "flow"), meter.flow, Kind.FLOW)
    if meter.totalizer is None and meter.flow is None:
        yield Finding(at, "a meter has a totalizer, a flow, or both")
    if meter.destination is not None and meter.measures not in _WITH_DESTINATION:
        allowed = " and ".join(_WITH_DESTINATION)
        yield Finding((*at, "destination"), f"only meters that measure {allowed} have one")
    if meter.maximum_flow_m3_per_h <= 0:
        yield Finding((*at, "maximum_flow"), "it should be above 0")
    if meter.accuracy_95_ratio >= 1:
        yield Finding((*at, "accuracy"), "it should be below 100 %")
    yield from _installations(plant, meter, at)
    yield from _turn(plant, meter, at)


def _counted_twice(plant: Plant) -> Iterable[Finding]:
    """One tag in two meters of a site that are added up."""
    first: dict[tuple[str, str, str], Path] = {}
    for n, meter in enumerate(plant.meters):
        for key, tag in (("totalizer", meter.totalizer), ("flow", meter.flow)):
            if tag is None:
                continue
            stream, path = (meter.site, meter.measures, tag), ("meters", n, key)
            if stream in first:
                yield Finding(
                    path,
                    f"'{tag}' would be counted twice as {meter.measures} at {meter.site}",
                    other=first[stream],
                )
            first.setdefault(stream, path)


def _installations(plant: Plant, meter: Meter, at: Path) -> Iterable[Finding]:
    since = next((site.in_service_from for site in plant.sites if site.id == meter.site), None)
    dated = sorted(enumerate(meter.installations), key=lambda one: _fitted(one[1]))
    for n, one in dated:
        here: Path = (*at, "installations", n)
        if one.fitted and since and one.fitted.date() < since:
            yield Finding(
                (*here, "fitted"), f"the site '{meter.site}' is in service only from {since}"
            )
        if one.fitted and one.removed and one.fitted >= one.removed:
            yield Finding((*here, "removed"), "a meter is removed after it was fitted")
        yield from _readings(plant, meter, one, here)
    for (m, before), (n, after) in pairwise(dated):
        if before.removed is None or after.fitted is None or after.fitted < before.removed:
            yield Finding(
                (*at, "installations", n),
                "installations overlap; each but the last is removed before the next is fitted",
                other=(*at, "installations", m),
            )


def _fitted(one: Installation) -> float:
    return one.fitted.timestamp() if one.fitted else float("-inf")


def _readings(plant: Plant, meter: Meter, one: Installation, at: Path) -> Iterable[Finding]:
    modulus_m3 = _modulus_m3(plant, meter, one)
    for key, reading in (
        ("reading_at_fitting", one.reading_at_fitting),
        ("reading_at_removal", one.reading_at_removal),
    ):
        if reading is not None and not 0 <= reading < (modulus_m3 or float("inf")):
            most = f" and below {modulus_m3:.12g} m³, where it rolls over" if modulus_m3 else ""
            yield Finding((*at, key), f"it should be at least 0{most}")


def _modulus_m3(plant: Plant, meter: Meter, one: Installation | None) -> float | None:
    """Where a meter's register rolls over; None where it has none that is known to be right."""
    if one is not None and one.modulus_m3:
        return one.modulus_m3
    tag = plant.tags.get(meter.totalizer) if meter.totalizer else None
    if tag is None:
        return None
    try:
        modulus_m3 = register(tag)[0]
    except (BadDescription, ZeroDivisionError):
        return None  # its unit or scaling is told of elsewhere
    return modulus_m3 or None


def _turn(plant: Plant, meter: Meter, at: Path) -> Iterable[Finding]:
    """Warns where a register may turn too far between two scans."""
    device = plant.device_of_tag.get(meter.totalizer) if meter.totalizer else None
    if device is None or meter.maximum_flow_m3_per_h <= 0:
        return
    for one in meter.installations or (None,):
        modulus_m3 = _modulus_m3(plant, meter, one)
        if modulus_m3 is None:
            continue
        turn_s = modulus_m3 / meter.maximum_flow_m3_per_h * 3600
        if device.scan_interval_s > turn_s * _LARGEST_SHARE:
            twice = " and can turn twice unseen" if device.scan_interval_s >= 2 * turn_s else ""
            yield Finding(
                (*at, "totalizer"),
                f"at its maximum flow the register turns in {turn_s:.3g} s{twice}; read every "
                f"{device.scan_interval_s:g} s it is ambiguous; scan within {turn_s / 4:.3g} s",
                warning=True,
            )
            return
