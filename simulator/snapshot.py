"""A moment of the model as JSON can hold it, and back, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from simulator.balance import Standing
from simulator.course import Moment
from simulator.waves import Array


def moment_to(moment: Moment) -> dict[str, Any]:
    standing = moment.standing
    return {
        "time_ns": moment.time_ns,
        "volume_m3": standing.volume_m3.tolist(),
        "inflow": standing.inflow.tolist(),
        "outflow": standing.outflow.tolist(),
        "usual_outflow": standing.usual_outflow.tolist(),
        "flow": moment.flow.tolist(),
        "total": moment.total.tolist(),
        "day_total": moment.day_total.tolist(),
        "lost_m3": moment.lost_m3.tolist(),
    }


def moment_from(held: dict[str, Any]) -> Moment:
    def column(name: str) -> Array:
        return np.array(held[name], np.float64)

    standing = Standing(
        column("volume_m3"), column("inflow"), column("outflow"), column("usual_outflow")
    )
    return Moment(
        int(held["time_ns"]),
        standing,
        column("flow"),
        column("total"),
        column("day_total"),
        column("lost_m3").reshape(3, -1),
    )
