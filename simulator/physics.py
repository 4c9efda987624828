"""The physical model of a plant: a ``Source`` of what its instruments show, with the truth behind it.

Time runs in segments of nodes. In live running nodes are 5 s apart; where the model must catch up
they are 15 min apart. Between nodes flows are straight lines and totals their exact integrals, so
what is shown at an instant does not depend on how often it was asked for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from config.plant import Plant
from config.resolving import calendar
from simulator.course import Moment, PlantCourse
from simulator.errors import BadState
from simulator.history import HistoryDay, day_of_segments
from simulator.instruments import Instruments
from simulator.metering import Metering
from simulator.network import network
from simulator.segment import Segment, View
from simulator.snapshot import moment_from, moment_to

LIVE_STEP_NS: Final = 5_000_000_000
COARSE_STEP_NS: Final = 900_000_000_000
_LIVE_SEGMENT_NS: Final = 12 * LIVE_STEP_NS
_CATCH_UP_NS: Final = 1800 * 1_000_000_000
"""a pause longer than this is caught up in coarse steps"""
_DAY_NS: Final = 86_400 * 1_000_000_000


class PlantPhysics:
    """The model of one plant. Deterministic in the plant, the seed, and when it begins.

    Without ``history`` or ``restore`` it begins at the first instant's production day.
    """

    def __init__(self, plant: Plant, seed: int = 1) -> None:
        self._plant = plant
        self._seed = seed
        self._calendar = calendar(plant)
        self.network = network(plant)
        metering = Metering(plant, self.network)
        self.instruments = Instruments(plant, self.network, metering, seed)
        sites = [metering.site_row(i) for i in range(len(self.network.sources))]
        rows = [*self.instruments.rows, *sites]
        self._rows = np.array(rows).reshape(len(rows), metering.channels.count)
        self._of_sites = slice(len(self.instruments.rows), None)
        self._course: PlantCourse | None = None
        self._origin_ns = 0
        self._start: Moment | None = None
        self._segment: Segment | None = None
        self._moment: Moment | None = None
        self._last_ns = 0

    @property
    def tags(self) -> tuple[str, ...]:
        """Every tag of the plant, in the order described."""
        return self.instruments.tags

    def at(self, time_ns: int) -> NDArray[np.float64]:
        """What the instruments show: (n_tags,) in base units. See ``simulator.source.Source``."""
        course = self._course or self._begin(self._calendar.day_of(time_ns).begin_ns)
        view = self._view(max(time_ns, self._last_ns))
        return self.instruments.show(view, course.production)[0]

    def truth(self) -> dict[str, Any]:
        """The true figures at the last instant. See ``simulator.source.Source``."""
        if self._course is None or self._start is None:
            return {"time_ns": None, "sites": {}, "reservoirs": {}}
        view = self._view(self._last_ns)
        flow, total = view.flow[0, self._of_sites], view.total[0, self._of_sites]
        today = total - self._start.day_total[self._of_sites]
        level = self.instruments.levels.of_storages(view)
        return {
            "time_ns": self._last_ns,
            "sites": {
                source.id: {
                    "flow_m3_per_h": float(flow[i]),
                    "today_m3": float(today[i]),
                    "total_m3": float(total[i]),
                }
                for i, source in enumerate(self.network.sources)
            },
            "reservoirs": {
                storage.id: {
                    "volume_m3": float(view.volume_m3[0, i]),
                    "level_m": float(level[i]),
                    "inflow_m3_per_h": float(view.inflow[0, i]),
                    "outflow_m3_per_h": float(view.outflow[0, i]),
                }
                for i, storage in enumerate(self.network.storages)
                if not storage.inner
            },
        }

    def history(
        self,
        days: int,
        end_ns: int,
        step_s: int = 900,
        spacing_s: int = 300,
        slow_spacing_s: int = 3600,
    ) -> Iterator[HistoryDay]:
        """The days before ``end_ns``, oldest first, one UTC day each; the model then stands at it.

        step_s : between nodes; spacing_s : between readings of meters and levels; slow_spacing_s :
        between all other readings. The last reading is before ``end_ns``, which is the live
        model's. All days must be taken before the model is used further.
        """
        step_ns = step_s * 1_000_000_000
        moment_ns = (end_ns - days * _DAY_NS) // step_ns * step_ns
        course = self._begin(moment_ns)
        while moment_ns < end_ns:
            until = min((moment_ns // _DAY_NS + 1) * _DAY_NS, end_ns)
            segments: list[Segment] = []
            while moment_ns < until:
                segments.append(self._advance(until, step_ns))
                moment_ns = segments[-1].end_ns
            spacings = spacing_s * 1_000_000_000, slow_spacing_s * 1_000_000_000
            self._last_ns = moment_ns
            yield day_of_segments(self.instruments, course.production, segments, *spacings)

    def pass_through(self, days: int, end_ns: int, step_s: int = 900) -> None:
        """Live through the same past as ``history`` without reading any instrument.

        The model then stands at ``end_ns`` with the totals and volumes that ``history`` leaves.
        """
        step_ns = step_s * 1_000_000_000
        moment_ns = (end_ns - days * _DAY_NS) // step_ns * step_ns
        self._begin(moment_ns)
        while moment_ns < end_ns:
            until = min((moment_ns // _DAY_NS + 1) * _DAY_NS, end_ns)
            moment_ns = self._advance(until, step_ns).end_ns
        self._last_ns = moment_ns

    def state(self) -> dict[str, Any]:
        """Everything needed to go on later, as numbers, texts and lists that JSON can hold."""
        if self._start is None or self._segment is None:
            raise BadState("the model has not begun")
        return {
            "plant": self._fingerprint(),
            "seed": self._seed,
            "origin_ns": self._origin_ns,
            "last_ns": self._last_ns,
            "segment_end_ns": self._segment.end_ns,
            "step_ns": self._segment.step_ns,
            "moment": moment_to(self._start),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Stands where ``state`` was taken; the next ``at`` catches up, and no total steps back.

        Raises: BadState where the state is of another plant or seed.
        """
        if state.get("plant") != self._fingerprint() or state.get("seed") != self._seed:
            raise BadState("it is of another plant or seed")
        self._begin(int(state["origin_ns"]))
        self._moment = moment_from(state["moment"])
        self._advance(int(state["segment_end_ns"]), int(state["step_ns"]))
        self._last_ns = int(state["last_ns"])

    def _begin(self, origin_ns: int) -> PlantCourse:
        self._origin_ns = origin_ns
        self._course = PlantCourse(
            self._plant, self.network, self._rows, self._seed, origin_ns / 1e9
        )
        self._moment = self._course.begin(origin_ns)
        self._start = self._segment = None
        self._last_ns = origin_ns
        return self._course

    def _advance(self, to_ns: int, step_ns: int) -> Segment:
        """The next segment: to a time, or to the end of the production day."""
        course, moment = self._course, self._moment
        if course is None or moment is None:
            raise BadState("the model has not begun")
        day = self._calendar.day_of(moment.time_ns)
        if moment.time_ns == day.begin_ns:
            moment = dataclasses.replace(moment, day_total=moment.total)
        segment = course.segment(moment, min(to_ns, day.end_ns), step_ns)
        self._start, self._segment = moment, segment
        self._moment = course.after(moment, segment)
        return segment

    def _view(self, time_ns: int) -> View:
        segment = self._segment
        while segment is None or segment.end_ns < time_ns:
            reached_ns = self._origin_ns if segment is None else segment.end_ns
            if time_ns - reached_ns > _CATCH_UP_NS:
                segment = self._advance(time_ns // COARSE_STEP_NS * COARSE_STEP_NS, COARSE_STEP_NS)
            else:
                to_ns = (reached_ns // _LIVE_SEGMENT_NS + 1) * _LIVE_SEGMENT_NS
                segment = self._advance(to_ns, LIVE_STEP_NS)
        self._last_ns = time_ns
        return segment.view(np.array([time_ns], np.int64))

    def _fingerprint(self) -> str:
        """The plant as far as the totals and volumes go: tags, sites and storages by name."""
        names = [*self.tags, *(s.id for s in self.network.sources)]
        return f"{len(self._rows)}:" + ",".join([*names, *(s.id for s in self.network.storages)])
