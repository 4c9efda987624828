"""The water balance of the storages, node by node.

Between two nodes every flow is a straight line, so a storage's change is exactly the trapezoid of
its inflow less its outflow, less what ran over. Operators' habits are proportional rules: fill by
night, shut the inlet towards the high limit, let less out of a storage that runs dry.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.network import Network
from simulator.sizing import fed
from simulator.waves import DAY_S, Array

_HEAD_SHARE: Final = 0.05
"""the inlet is shut over this last share of the volume below the high limit"""
_TAIL_H: Final = 1.0
_TAIL_SHARE: Final = (0.02, 0.3)
_TRANSFER_ROOM: Final = 0.3
"""of the working volume, over which transfers are throttled down to the low limit"""
_EXTERNAL_TIMES: Final = 3.0
_ROUNDS: Final = 4


@dataclass(frozen=True, slots=True)
class Standing:
    """How the storages stand at a node. All (n_storages,), m³ or m³/h."""

    volume_m3: Array
    inflow: Array
    outflow: Array
    usual_outflow: Array
    """outflow of the last day or so, for the inlet's setting"""


@dataclass(frozen=True, slots=True)
class Course:
    """What happened at the nodes, the first of them being the one started from.

    flows : (n_nodes, n_branches) m³/h; draw, unmet, inflow, outflow : (n_nodes, n_storages) m³/h;
    volume_m3 : (n_nodes, n_storages); overflow_m3, makeup_m3 : what ran over, or had to be brought,
    since the node before (makeup is 0 unless a description is beyond help). Of the first node only
    volume, inflow and outflow are known; the rest of its rows is not to be read.
    """

    flows: Array
    draw: Array
    unmet: Array
    inflow: Array
    outflow: Array
    volume_m3: Array
    overflow_m3: Array
    makeup_m3: Array
    last: Standing


@dataclass(frozen=True, slots=True)
class _Phase:
    """The mains of one phase, those from sources first.

    origin : index into what storages give: zones' part first, then that of transfers
    """

    first: int
    end: int
    destination: NDArray[np.intp]
    asks: Array
    capacity: Array
    sources: int
    source: NDArray[np.intp]
    first_of_source: NDArray[np.intp]
    origin: NDArray[np.intp]

    def flows(self, want: Array, supply: Array, given: Array) -> Array:
        asked = np.minimum(self.capacity, want[self.destination] * self.asks)
        count = self.sources
        if count:
            of_source = asked[:count]
            before = of_source.cumsum() - of_source
            left = supply[self.source] - (before - before[self.first_of_source])
            asked[:count] = np.minimum(of_source, np.maximum(left, 0.0))
        asked[count:] *= given[self.origin]
        return asked


class _Log:
    """The columns of a course while it is run."""

    def __init__(self, shape: tuple[int, ...], mains: int, start: Standing) -> None:
        self._flows = np.zeros((shape[0], mains))
        rows = np.zeros((6, *shape))
        self._draw, self._inflow, self._outflow, self._volume, self._over, self.makeup = rows
        self._inflow[0], self._outflow[0] = start.inflow, start.outflow
        self._volume[0] = start.volume_m3

    def keep(
        self,
        node: int,
        flow: Array,
        draw: Array,
        inflow: Array,
        outflow: Array,
        volume: Array,
        over: Array,
    ) -> None:
        self._flows[node], self._draw[node] = flow, draw
        self._inflow[node], self._outflow[node] = inflow, outflow
        self._volume[node], self._over[node] = volume, over

    def course(self, demand: Array, usual: Array) -> Course:
        return Course(
            flows=self._flows,
            draw=self._draw,
            unmet=demand - self._draw,
            inflow=self._inflow,
            outflow=self._outflow,
            volume_m3=self._volume,
            overflow_m3=self._over,
            makeup_m3=self.makeup,
            last=Standing(self._volume[-1], self._inflow[-1], self._outflow[-1], usual),
        )


class Balance:
    """Steps the storages of a network from node to node."""

    def __init__(self, net: Network, mean_demand: Array) -> None:
        count, mains = len(net.storages), net.branches
        self._full = np.array([s.full_m3 for s in net.storages])
        self._phases = [_phase(net, 0), _phase(net, 1)]
        self._in = np.zeros((count, len(mains)))
        self._out = np.zeros((count, len(mains)))
        self._origin = np.array([-1 if b.storage is None else b.storage for b in mains], np.intp)
        for j, branch in enumerate(mains):
            self._in[branch.destination, j] = 1
            if branch.storage is not None:
                self._out[branch.storage, j] = 1
        self._net = self._in - self._out
        self._in_first = np.ascontiguousarray(self._in[:, : self._phases[0].end])
        unfed = np.array([i not in fed(net) for i in range(count)], np.bool_)
        leaving = self._out @ np.array([b.expected_m3_per_h for b in mains])
        through = np.maximum(mean_demand + leaving, 1e-6 * self._full)
        self._external = np.where(unfed, _EXTERNAL_TIMES * through, 0.0)
        band = np.clip(2 * through * _TAIL_H, *(share * self._full for share in _TAIL_SHARE))
        low = np.array([s.low_m3 for s in net.storages])
        room = _TRANSFER_ROOM * np.array([s.high_m3 - s.low_m3 for s in net.storages])
        # first for zones and the only mains of others, then for transfers, which stop earlier
        self._least = np.concatenate([np.zeros(count), low])
        self._per_tail = 1 / np.concatenate([band, np.maximum(room, 1e-6)])
        lasts_h = self._full / through
        self._gain = 1 / np.clip(lasts_h / 3, 0.75, 8.0)
        self._follow = np.clip(1 - lasts_h / 12, 0.0, 1.0)
        self._through = through

    def beginning(self, volume_m3: Array, supply: Array, demand: Array, target: Array) -> Course:
        """Two nodes at one time: the storages at these volumes, as if their flows had held before.

        supply, demand, target : (2, …), both rows alike
        """
        none = np.zeros_like(volume_m3)
        before = Standing(volume_m3, none, self._through, self._through)
        times_s = np.array([0.0, 1e-9])
        course = self.run(before, times_s, supply, demand, target, high=self._full)
        standing = dataclasses.replace(course.last, volume_m3=volume_m3)
        return dataclasses.replace(course, last=standing)

    def run(
        self,
        start: Standing,
        times_s: Array,
        supply: Array,
        demand: Array,
        target: Array,
        high: Array,
    ) -> Course:
        """Through the nodes ``times_s``, the first of which is where ``start`` stands.

        supply : (n_nodes, n_sources) m³/h that mains may take; demand : (n_nodes, n_storages) m³/h;
        target : (n_nodes, n_storages) m³; high : (n_storages,) m³ above which inlets are shut
        """
        log = _Log(demand.shape, self._in.shape[1], start)
        hours = np.diff(times_s) / 3600
        slow = np.minimum(1.0, hours / (DAY_S / 3600))
        per_head = 1 / (_HEAD_SHARE * high)
        volume, usual, outflow = start.volume_m3, start.usual_outflow, start.outflow
        net = start.inflow - start.outflow
        for k, hour in enumerate(hours, 1):
            ahead = volume + net * hour
            room = np.concatenate([ahead, ahead]) - self._least
            given = np.minimum(np.maximum(room * self._per_tail, 0.0), 1.0)
            head = np.minimum(np.maximum((high - ahead) * per_head, 0.0), 1.0)
            steady = usual + self._follow * (outflow - usual)
            want = np.maximum(steady + (target[k] - ahead) * self._gain, 0.0) * head
            flow = self._flows(want, supply[k], given)
            external = np.minimum(want, self._external)
            draw = demand[k] * given[: len(ahead)]
            inflow = self._in @ flow + external
            outflow = self._out @ flow + draw
            half = volume + net * (hour / 2)
            after = half + (inflow - outflow) * (hour / 2)
            if after.min() < 0:
                self._spare(half, hour / 2, flow, draw, external)
                inflow = self._in @ flow + external
                outflow = self._out @ flow + draw
                after = half + (inflow - outflow) * (hour / 2)
                log.makeup[k] = np.maximum(-after, 0.0)
                after = after + log.makeup[k]
            over = np.maximum(after - self._full, 0.0)
            volume, net = after - over, inflow - outflow
            usual = usual + (outflow - usual) * slow[k - 1]
            log.keep(k, flow, draw, inflow, outflow, volume, over)
        return log.course(demand, usual)

    def _flows(self, want: Array, supply: Array, given: Array) -> Array:
        first, second = self._phases
        if first.end == 0:
            return second.flows(want, supply, given)
        base = first.flows(want, supply, given)
        if second.first == second.end:
            return base
        rest = np.maximum(want - self._in_first @ base, 0.0)
        return np.concatenate([base, second.flows(rest, supply, given)])

    def _spare(self, half: Array, weight: float, flow: Array, draw: Array, external: Array) -> None:
        """Cuts, in place, what a storage gives until none is below empty: zones first, then mains.

        half : the volume with the step's first half of the trapezoid already in it
        """
        for _ in range(_ROUNDS):
            lacks = -(half + (self._net @ flow + external - draw) * weight) / weight
            if lacks.max() <= 0:
                return
            cut = np.minimum(draw, np.maximum(lacks, 0.0))
            draw -= cut
            lacks = np.maximum(lacks - cut, 0.0)
            leaving = self._out @ flow
            keep = 1 - np.minimum(1.0, lacks / np.maximum(leaving, 1e-12))
            flow *= np.where(self._origin >= 0, keep[self._origin], 1.0)


def _phase(net: Network, number: int) -> _Phase:
    chosen = [j for j, b in enumerate(net.branches) if b.phase == number]
    mains = [net.branches[j] for j in chosen]
    before = sum(b.phase < number for b in net.branches)
    source = [b.source for b in mains if b.source is not None]
    count = len(net.storages)
    return _Phase(
        first=before,
        end=before + len(mains),
        destination=np.array([b.destination for b in mains], np.intp),
        asks=np.array([b.share for b in mains]),
        capacity=np.array([b.capacity_m3_per_h for b in mains]),
        sources=len(source),
        source=np.array(source, np.intp),
        first_of_source=np.array([source.index(s) for s in source], np.intp),
        origin=np.array(
            [b.storage + count * b.transfer for b in mains if b.storage is not None], np.intp
        ),
    )
