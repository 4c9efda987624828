"""How much each storage's zones draw on average, so that the mains and sources can carry it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from config.plant import Plant
from simulator.network import METER_MARGIN, Network
from simulator.storages import Storage
from simulator.waves import Array

STORED_H: Final = 25.0
"""the city's storage as hours of its demand (Oran: 584,000 m³ against 550,000 m³/d)"""
LEAST_STORED_H: Final = 5.0
"""no single storage holds less than that of its own demand"""
OF_SUPPLY: Final = 0.8
OF_MAIN: Final = 0.65
"""share of a main's capacity that a mean day takes; the rest is for peaks and refilling"""
PEAK: Final = 2.2
"""the highest hour of a usual day, as a multiple of the yearly mean"""
_ROUNDS: Final = 200


def mean_demand(plant: Plant, net: Network) -> Array:
    """(n_storages,) m³/h, yearly mean of what the zones of each storage draw."""
    total = sum(s.full_m3 for s in net.storages if not s.inner) / STORED_H
    supply = sum(s.capability.mean_m3_per_h * (1 - s.export_share) for s in net.sources)
    unfed = [i for i in range(len(net.storages)) if i not in fed(net)]
    if not unfed and supply:
        total = min(total, supply * OF_SUPPLY)
    demand = total * _weights(plant, net)
    for i, storage in enumerate(net.storages):
        demand[i] = min(demand[i], storage.full_m3 / LEAST_STORED_H, _metered(plant, net, i))
    return _carried(net, demand)


def fed(net: Network) -> set[int]:
    """The storages that a main leads to; the others take what they want from the outside."""
    return {b.destination for b in net.branches if b.capacity_m3_per_h}


def most_drawn(plant: Plant, net: Network) -> Array:
    """(n_storages,) m³/h that zones can draw without any outflow meter passing its maximum."""
    limits = np.full(len(net.storages), np.inf)
    tied = {b.meter for b in net.branches}
    for i, storage in enumerate(net.storages):
        free = [m for m in plant.meters if m.id in storage.outflow_meters and m.id not in tied]
        if free:
            passed = sum(m.maximum_flow_m3_per_h for m in free) * METER_MARGIN
            leaving = sum(
                b.capacity_m3_per_h
                for b in net.branches
                if b.storage == i and b.meter not in storage.outflow_meters
            )
            limits[i] = max(0.0, passed - leaving)
    return limits


def _metered(plant: Plant, net: Network, index: int) -> float:
    return float(most_drawn(plant, net)[index]) / PEAK


def _weights(plant: Plant, net: Network) -> Array:
    """Each storage's part of the city's demand: its zones', shared by size where several serve one."""
    given = {z.id: z.share_of_demand for z in plant.zones}
    left = max(0.0, 1 - sum(share for share in given.values() if share is not None))
    blank = sum(share is None for share in given.values())
    weights = np.zeros(len(net.storages))
    for zone, share in given.items():
        serving = [i for i, s in enumerate(net.storages) if zone in s.zones]
        size = sum(net.storages[i].full_m3 for i in serving)
        part = left / blank if share is None else share
        for i in serving:
            weights[i] += part * net.storages[i].full_m3 / size
    for i, storage in enumerate(net.storages):
        if _ends_here(net, storage, i):
            weights[i] = storage.full_m3 / sum(s.full_m3 for s in net.storages)
    total = weights.sum()
    return weights / total if total else weights


def _ends_here(net: Network, storage: Storage, index: int) -> bool:
    """Does water come that nobody described as leaving?"""
    return not storage.zones and all(b.storage != index for b in net.branches)


def _carried(net: Network, demand: Array) -> Array:
    """The demand, made smaller behind every main or source that could not carry it."""
    served = demand.copy()
    behind = [_reached(net, i) for i in range(len(net.storages))]
    for _ in range(_ROUNDS):
        flows = _mean_flows(net, served)
        worst, at = 1.0, -1
        for j, branch in enumerate(net.branches):
            most = min(OF_MAIN * branch.capacity_m3_per_h, OF_SUPPLY * _there(net, j, flows))
            if flows[j] > 0 and most / flows[j] < worst:
                worst, at = most / flows[j], j
        if at < 0 or worst > 0.999:
            break
        served[behind[net.branches[at].destination]] *= worst
    return served


def _there(net: Network, index: int, flows: Sequence[float]) -> float:
    """What the source of a main can give this main beside its others; no bound from a storage."""
    branch = net.branches[index]
    if branch.source is None:
        return float("inf")
    source = net.sources[branch.source]
    total = sum(f for f, b in zip(flows, net.branches, strict=True) if b.source == branch.source)
    there = source.capability.mean_m3_per_h * (1 - source.export_share)
    return there * flows[index] / total if total else there


def _reached(net: Network, start: int) -> list[int]:
    reached, ahead = set[int](), [start]
    while ahead:
        at = ahead.pop()
        if at not in reached:
            reached.add(at)
            ahead += [b.destination for b in net.branches if b.storage == at]
    return sorted(reached)


def _mean_flows(net: Network, demand: Array) -> list[float]:
    """m³/h in each main when every storage stands still: from the ends up to the sources."""
    flows = [0.0] * len(net.branches)
    for _ in range(len(net.storages) + 1):
        through = demand.copy()
        for flow, branch in zip(flows, net.branches, strict=True):
            if branch.storage is not None:
                through[branch.storage] += flow
        into = np.zeros(len(net.storages))
        for branch in net.branches:
            into[branch.destination] += branch.expected_m3_per_h
        flows = [
            float(through[b.destination] * b.expected_m3_per_h / into[b.destination])
            if into[b.destination]
            else 0.0
            for b in net.branches
        ]
    return flows
