"""Sites, their meters and reservoirs, the zones they serve, and works that take storage away."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from config.base import Date, Described, Id, Instant, Name
from config.quantities import FlowM3PerH, Metres, Ratio, VolumeM3


class Position(Described):
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class Site(Described):
    """A desalination plant, a reservoir, a water tower, a pumping station or another source."""

    id: Id
    name: Name
    type: Literal[
        "desalination_plant",
        "surface_water",
        "wells",
        "reservoir",
        "water_tower",
        "pumping_station",
    ]
    in_service_from: Date = Field(
        dt.date(1970, 1, 1), description="no target or meter may be older"
    )
    position: Position | None = None
    illustrative: bool = Field(
        default=False, description="true for an example that no public source names"
    )
    source: str | None = Field(default=None, description="where the facts come from")


class Installation(Described):
    """One physical meter at a measuring point, from a date to a date."""

    serial: str | None = None
    fitted: Instant | None = Field(default=None, description="with offset; none: since ever")
    removed: Instant | None = Field(default=None, description="with offset; none: still there")
    reading_at_fitting: float | None = Field(default=None, description="register when fitted, m³")
    reading_at_removal: float | None = Field(default=None, description="register when removed, m³")
    factor: float = Field(
        default=1.0, gt=0, description="true volume of one counted m³ (calibration)"
    )
    modulus_m3: VolumeM3 | None = Field(
        default=None,
        alias="modulus",
        description="where the register rolls over to 0; default from its data type and scaling",
    )
    resolution_m3: VolumeM3 | None = Field(
        default=None,
        alias="resolution",
        description="one count; default from its data type and scaling",
    )


class Meter(Described):
    """A measuring point: the tags that count and show one stream of water."""

    id: Id
    site: Id
    name: Name | None = None
    measures: Literal[
        "produced", "train", "delivered", "inflow", "outflow", "intake", "own_use"
    ] = Field(
        description=(
            "produced: plant outlet, summed to the site's output; train: one train's product, compared "
            "with the sum of produced; delivered: custody at a receiver; inflow and outflow: of a reservoir"
        )
    )
    destination: Id | None = Field(
        default=None,
        description="who receives this water (`oran`, `mascara`); may stand on `produced` and `delivered`",
    )
    totalizer: Id | None = Field(default=None, description="tag of kind totalizer")
    flow: Id | None = Field(
        default=None, description="tag of kind flow; the second method, or the only one"
    )
    maximum_flow_m3_per_h: FlowM3PerH = Field(
        alias="maximum_flow", description="what the meter can pass at most"
    )
    accuracy_95_ratio: Ratio = Field(
        default=0.01,
        alias="accuracy",
        description="95 % of readings are within this, of the reading",
    )
    installations: list[Installation] = Field(default_factory=list[Installation])


class Compartment(Described):
    """One basin of a reservoir. Its volume is that of `curve`, or of a shape with `area` or `diameter`."""

    id: Id
    level: Id | None = Field(default=None, description="tag of kind level")
    curve: list[tuple[float, float]] | None = Field(
        default=None, description="rows of level in m and volume in m³, rising"
    )
    area_m2: float | None = Field(
        default=None, gt=0, alias="area", description="m², of an upright basin"
    )
    diameter_m: Metres | None = Field(
        default=None, alias="diameter", description="of an upright cylinder"
    )
    height_m: Metres = Field(alias="height", description="level at which it overflows")


LevelLimit = Annotated[Metres, Field(description="a level, in m above the sill")]


class Limits(Described):
    """Levels in metres, LL < L < H < HH ≤ height of the lowest compartment."""

    low_low_m: LevelLimit | None = Field(default=None, alias="low_low")
    low_m: LevelLimit | None = Field(default=None, alias="low")
    high_m: LevelLimit | None = Field(default=None, alias="high")
    high_high_m: LevelLimit | None = Field(default=None, alias="high_high")


class Reservoir(Described):
    """Storage at a site."""

    id: Id = Field(description="the id of its site")
    compartments: list[Compartment] = Field(min_length=1)
    minimum_level_m: Metres = Field(
        default=0.0, alias="minimum_level", description="below it nothing may be drawn in service"
    )
    limits: Limits = Limits()
    emergency_reserve_m3: VolumeM3 = Field(default=0.0, alias="emergency_reserve")
    inflow: list[Id] = Field(default_factory=list[str], description="meters that measure inflow")
    outflow: list[Id] = Field(default_factory=list[str], description="meters that measure outflow")
    zones: list[Id] = Field(default_factory=list[str])


class Zone(Described):
    """A district that is supplied together."""

    id: Id
    name: Name
    share_of_demand: Ratio | None = None
    customers: int | None = Field(default=None, ge=0)


class Works(Described):
    """A dated operation on a reservoir that takes storage away while it lasts."""

    id: Id
    reservoir: Id
    name: Name
    compartments: list[Id] = Field(
        default_factory=list[str], description="out of service meanwhile"
    )
    capacity_offline_m3: VolumeM3 | None = Field(
        default=None, alias="capacity_offline", description="default: that of the compartments"
    )
    start: Date
    end: Date | None = Field(
        default=None, description="last day out of service; none: not known yet"
    )
    status: Literal["planned", "running", "done", "cancelled"] = "planned"
    illustrative: bool = False


class Main(Described):
    """A transfer main: water goes from one site to another, never faster than its capacity."""

    id: Id
    name: Name | None = None
    origin: Id = Field(alias="from", description="site that the water comes from")
    destination: Id = Field(alias="to", description="site that the water goes to")
    capacity_m3_per_h: FlowM3PerH = Field(alias="capacity")
    meter: Id | None = Field(
        default=None, description="the meter that measures this stream, if any"
    )
    priority: int = Field(
        default=1, ge=1, description="1 is filled first where there is not enough"
    )
