"""One course of volume at a measuring point, over all the meters that have stood there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from water.meter import Meter, MeterInstallation
from water.readings import Readings
from water.totalizer import Increments, Step, increments
from water.volume import MeterEvent

REACH_NS = 8 * 86_400 * 1_000_000_000
"""How far a register's reading may lie from the next one and still be joined to it."""


def course(meter: Meter, readings: Readings) -> Increments:
    """The increments of every installation, joined where one meter took the other's place.

    The readings noted at removal and at fitting stand in the series like any other. Where one of
    them is not known the change is held back: what passed between is not known from the registers.
    """
    if len(meter.installations) == 1 and _is_forever(meter.installations[0]):
        return increments(
            readings, meter.installations[0], meter.maximum_flow_m3_per_h, meter.flow_max_gap_s
        )
    whole: Increments | None = None
    before: MeterInstallation | None = None
    for installation in meter.installations:
        own = _with_noted(_readings_of(readings, installation), installation)
        if len(own) == 0:
            continue
        part = increments(own, installation, meter.maximum_flow_m3_per_h, meter.flow_max_gap_s)
        whole = (
            part if whole is None or before is None else _joined(whole, part, before, installation)
        )
        before = installation
    if whole is None:
        return increments(
            readings.where(slice(0, 0)), meter.installations[0], meter.maximum_flow_m3_per_h
        )
    return whole


def _is_forever(installation: MeterInstallation) -> bool:
    return installation.fitted_ns is None and installation.removed_ns is None


def _readings_of(readings: Readings, installation: MeterInstallation) -> Readings:
    first, last = 0, len(readings)
    if installation.fitted_ns is not None:
        first = int(np.searchsorted(readings.time_ns, installation.fitted_ns, "left"))
    if installation.removed_ns is not None:
        last = int(np.searchsorted(readings.time_ns, installation.removed_ns, "left"))
    return readings.where(slice(first, max(first, last)))


def _with_noted(readings: Readings, installation: MeterInstallation) -> Readings:
    """The readings with those noted at fitting and at removal, where these are within reach."""
    time_ns, value = readings.time_ns, readings.value
    at_ns, noted = installation.fitted_ns, installation.reading_at_fitting_m3
    if at_ns is not None and noted is not None and _near(time_ns[:1], at_ns):
        time_ns, value = np.insert(time_ns, 0, at_ns), np.insert(value, 0, noted)
    at_ns, noted = installation.removed_ns, installation.reading_at_removal_m3
    if at_ns is not None and noted is not None and _near(time_ns[-1:], at_ns):
        time_ns, value = np.append(time_ns, at_ns), np.append(value, noted)
    return Readings(time_ns, value)


def _near(neighbour_ns: NDArray[np.int64], at_ns: int) -> bool:
    """Is there a reading next to it, not at the very time (then the device's own counts)?"""
    return neighbour_ns.size > 0 and 0 < abs(int(neighbour_ns[0]) - at_ns) <= REACH_NS


def _joined(
    old: Increments, new: Increments, removed: MeterInstallation, fitted: MeterInstallation
) -> Increments:
    """Two meters one after the other."""
    left_ns, right_ns = int(old.time_ns[-1]), int(new.time_ns[0])
    detail = f"meter {removed.serial or '?'} replaced by {fitted.serial or '?'}"
    count = max(old.count_m3, new.count_m3)
    at_ns = right_ns if fitted.fitted_ns is None else fitted.fitted_ns
    if left_ns == right_ns:  # removed and fitted at one instant: the course goes on from it
        event = MeterEvent("replaced", at_ns, 0.0, detail)
        return Increments(
            np.concatenate([old.time_ns, new.time_ns[1:]]),
            np.concatenate([old.volume_m3, new.volume_m3]),
            np.concatenate([old.step, new.step]),
            np.concatenate([old.behind_m3, new.behind_m3[1:]]),
            count,
            (*old.events, event, *new.events),
        )
    noted = left_ns == removed.removed_ns and right_ns == fitted.fitted_ns
    step = Step.UNMETERED if noted else Step.REPLACED
    own = (MeterEvent("replaced", at_ns, 0.0, detail),) if noted else ()
    return Increments(
        np.concatenate([old.time_ns, new.time_ns]),
        np.concatenate([old.volume_m3, [0.0], new.volume_m3]),
        np.concatenate([old.step, np.array([step], np.uint8), new.step]),
        np.concatenate([old.behind_m3, new.behind_m3]),
        count,
        (*old.events, *own, *new.events),
    )
