"""How long a reservoir lasts: its net flow, hours to empty and to full, autonomy with no inflow.

Two figures stand side by side and are never mixed. *Autonomy* is usable volume over the draw, as if
no water came in. *Hours to empty* and *to full* are at the net flow as it is now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from water.now import ReservoirNow
from water.quality import BAD, Reason
from water.quality import quality as quality_code
from water.reservoir import Reservoir

SLOPE_POINTS = 61
"""Theil–Sen looks at every pair; with more points than this it takes as many, evenly spread."""
NOISE_OF_CAPACITY_PER_H = 1e-3
"""A net flow below 0.1 % of the capacity an hour is a still reservoir: no hours are told of it."""


def slope_per_h(time_ns: NDArray[np.int64], value: NDArray[np.float64]) -> float | None:
    """The Theil–Sen slope (median of the slopes of all pairs), in units of ``value`` an hour.

    Up to 29 % of the points may be wrong without moving it far. None below three points.
    Times are rising; a value that is not finite is left out.
    Source: P. K. Sen, Journal of the American Statistical Association 63 (1968) 1379-1389.
    """
    known = np.isfinite(value)
    time_ns, value = time_ns[known], value[known]
    if time_ns.size < 3:
        return None
    if time_ns.size > SLOPE_POINTS:
        pick = np.linspace(0, time_ns.size - 1, SLOPE_POINTS).round().astype(np.intp)
        time_ns, value = time_ns[pick], value[pick]
    hours = (time_ns - time_ns[0]) / 3.6e12
    first, second = np.triu_indices(hours.size, 1)
    run = hours[second] - hours[first]
    apart = run > 0
    if not bool(apart.any()):
        return None
    return float(np.median((value[second] - value[first])[apart] / run[apart]))


@dataclass(frozen=True, slots=True)
class Streams:
    """Flows into and out of a reservoir, m³/h; None where no meter says, or a meter is silent."""

    inflow_m3_per_h: float | None = None
    outflow_m3_per_h: float | None = None

    @property
    def net_m3_per_h(self) -> float | None:
        if self.inflow_m3_per_h is None or self.outflow_m3_per_h is None:
            return None
        return self.inflow_m3_per_h - self.outflow_m3_per_h


@dataclass(frozen=True, slots=True, eq=False)
class VolumeHistory:
    """A reservoir's volume over the last half hour or so: (n,) int64 ns rising, (n,) float64 m³."""

    time_ns: NDArray[np.int64]
    volume_m3: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hours:
    """to_empty : until nothing usable is left; to_full : until it overflows; None the other way."""

    to_empty: float | None
    to_full: float | None


def hours_left(
    usable_m3: float | None,
    room_m3: float | None,
    net_m3_per_h: float | None,
    noise_m3_per_h: float = 0.0,
) -> Hours:
    """Hours at a net flow that stays. Below the noise neither is told: the reservoir stands still."""
    if net_m3_per_h is None or abs(net_m3_per_h) <= noise_m3_per_h:
        return Hours(None, None)
    if net_m3_per_h < 0:
        return Hours(None if usable_m3 is None else usable_m3 / -net_m3_per_h, None)
    return Hours(None, None if room_m3 is None else max(0.0, room_m3) / net_m3_per_h)


def autonomy_h(usable_m3: float | None, draw_m3_per_h: float | None) -> float | None:
    """Hours that the usable volume lasts at a draw with no inflow; None without a draw."""
    if usable_m3 is None or draw_m3_per_h is None or draw_m3_per_h <= 0:
        return None
    return usable_m3 / draw_m3_per_h


def net_flow_m3_per_h(streams: Streams, history: VolumeHistory | None) -> float | None:
    """The net flow: of the volume's own slope, else of inflow less outflow.

    The slope comes first: a level is the most exact measurement of a reservoir, and it also sees
    what no meter measures (leaks, overflow, unmetered branches).
    """
    slope = None if history is None else slope_per_h(history.time_ns, history.volume_m3)
    return streams.net_m3_per_h if slope is None else slope


def reservoir_now(
    reservoir: Reservoir,
    as_of_ns: int | None,
    level_m: Mapping[str, float | None],
    quality: int,
    streams: Streams | None = None,
    history: VolumeHistory | None = None,
) -> ReservoirNow:
    """A reservoir at an instant.

    as_of_ns : time of the oldest level that the figures rest on; None where there is none
    level_m : by compartment id, None where its reading is not good
    quality : worst of the readings that the figures rest on; a level outside its curve worsens it
    streams : good flows only. Without an outflow the draw is inflow less net flow where those are
        known, else the fall of the volume.
    """
    given = Streams() if streams is None else streams
    contents = reservoir.contents(level_m)
    out_of_curve = contents.volume_m3 is None and reservoir.in_service and _all_known(level_m)
    worst = max(quality, quality_code(BAD, Reason.OUT_OF_RANGE)) if out_of_curve else quality
    net = net_flow_m3_per_h(given, history) if contents.volume_m3 is not None else None
    room = None if contents.volume_m3 is None else reservoir.capacity_m3 - contents.volume_m3
    noise = NOISE_OF_CAPACITY_PER_H * reservoir.capacity_m3
    hours = hours_left(contents.usable_m3, room, net, noise)
    return ReservoirNow(
        id=reservoir.id,
        as_of_ns=as_of_ns,
        capacity_m3=reservoir.capacity_m3,
        level_m=contents.level_m,
        volume_m3=contents.volume_m3,
        usable_m3=contents.usable_m3,
        fill=contents.fill,
        net_flow_m3_per_h=net,
        autonomy_h=autonomy_h(contents.usable_m3, _draw_m3_per_h(given, net, noise)),
        hours_to_empty=hours.to_empty,
        hours_to_full=hours.to_full,
        in_service=reservoir.in_service,
        quality=worst,
    )


def _draw_m3_per_h(streams: Streams, net: float | None, noise: float) -> float | None:
    if streams.outflow_m3_per_h is not None:
        return streams.outflow_m3_per_h
    if net is None:
        return None
    if streams.inflow_m3_per_h is not None:
        return streams.inflow_m3_per_h - net
    return -net if net < -noise else None


def _all_known(level_m: Mapping[str, float | None]) -> bool:
    return bool(level_m) and all(level is not None for level in level_m.values())


def volume_history(
    reservoir: Reservoir,
    levels: Sequence[tuple[str, NDArray[np.float64]]],
    time_ns: NDArray[np.int64],
) -> VolumeHistory:
    """Volumes of the serving compartments over common times.

    levels : by compartment id, (n,) levels at ``time_ns``; NaN where unknown
    """
    by_id = dict(levels)
    total = np.zeros(time_ns.size)
    for compartment in reservoir.serving:
        own = by_id.get(compartment.id)
        total += compartment.curve.volumes_at(np.full(time_ns.size, np.nan) if own is None else own)
    return VolumeHistory(time_ns, total)
