"""Sites, their meters and reservoirs, the zones they serve, and works that take storage away."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from config.base import Date, Described, Id, Instant, Name
from config.quantities import FlowM3PerH, Metres, Ratio, VolumeM3


class Position(Described):
    """Where a site is, in WGS 84."""

    latitude: float = Field(ge=-90, le=90, description="degrees north", examples=[35.79])
    longitude: float = Field(ge=-180, le=180, description="degrees east", examples=[-0.16])


class Site(Described):
    """A desalination plant, a reservoir, a water tower, a pumping station or another source."""

    id: Id
    name: Name = Field(description="as people call it", examples=["El Mactaa"])
    type: Literal[
        "desalination_plant",
        "surface_water",
        "wells",
        "reservoir",
        "water_tower",
        "pumping_station",
    ] = Field(description="what stands there")
    in_service_from: Date = Field(
        dt.date(1970, 1, 1), description="no target or meter may be older"
    )
    position: Position | None = Field(default=None, description="for a map")
    illustrative: bool = Field(
        default=False, description="true for an example that no public source names"
    )
    source: str | None = Field(
        default=None, description="where the facts come from", examples=["annual report 2025"]
    )


class Installation(Described):
    """One physical meter at a measuring point, from a date to a date."""

    serial: str | None = Field(default=None, description="as on its plate", examples=["KA-0982"])
    fitted: Instant | None = Field(default=None, description="with offset; none: since ever")
    removed: Instant | None = Field(default=None, description="with offset; none: still there")
    reading_at_fitting: float | None = Field(
        default=None, description="register when fitted, m³", examples=[12.6]
    )
    reading_at_removal: float | None = Field(
        default=None, description="register when removed, m³", examples=[211480233.4]
    )
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
    site: Id = Field(description="whose stream it is")
    name: Name | None = Field(
        default=None, description="shown instead of the id", examples=["Outlet"]
    )
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
        examples=["oran"],
        description="who receives this water (`oran`, `mascara`); may stand on `produced` and `delivered`",
    )
    totalizer: Id | None = Field(
        default=None, description="tag of kind totalizer", examples=["mactaa.outlet.oran.totalizer"]
    )
    flow: Id | None = Field(
        default=None,
        description="tag of kind flow; the second method, or the only one",
        examples=["mactaa.outlet.oran.flow"],
    )
    maximum_flow_m3_per_h: FlowM3PerH = Field(
        alias="maximum_flow", description="what the meter can pass at most"
    )
    accuracy_95_ratio: Ratio = Field(
        default=0.01,
        alias="accuracy",
        description="95 % of readings are within this, of the reading",
    )
    installations: list[Installation] = Field(
        default_factory=list[Installation],
        description="the physical meters that have stood there; none: one, since ever",
    )


class Compartment(Described):
    """One basin of a reservoir. Its volume is that of `curve`, or of a shape with `area` or `diameter`."""

    id: Id
    level: Id | None = Field(
        default=None, description="tag of kind level", examples=["belgaid.c1.level"]
    )
    curve: list[tuple[float, float]] | None = Field(
        default=None,
        description="rows of level in m and volume in m³, rising to `height`",
        examples=["[[0, 0], [4, 24000], [8, 50000]]"],
    )
    area_m2: float | None = Field(
        default=None,
        gt=0,
        alias="area",
        description="m², of an upright basin",
        examples=[3125],
    )
    diameter_m: Metres | None = Field(
        default=None, alias="diameter", description="of an upright cylinder"
    )
    height_m: Metres = Field(alias="height", description="level at which it overflows")


LevelLimit = Annotated[Metres, Field(description="a level, in m above the sill")]


class Limits(Described):
    """Levels in metres, LL < L < H < HH ≤ height of the lowest compartment."""

    low_low_m: LevelLimit | None = Field(default=None, alias="low_low", description="empty is near")
    low_m: LevelLimit | None = Field(default=None, alias="low", description="lower than usual")
    high_m: LevelLimit | None = Field(default=None, alias="high", description="fuller than usual")
    high_high_m: LevelLimit | None = Field(
        default=None, alias="high_high", description="overflow is near"
    )


class Reservoir(Described):
    """Storage at a site."""

    id: Id = Field(description="the id of its site", examples=["belgaid"])
    compartments: list[Compartment] = Field(min_length=1, description="its basins")
    minimum_level_m: Metres = Field(
        default=0.0, alias="minimum_level", description="below it nothing may be drawn in service"
    )
    limits: Limits = Field(default=Limits(), description="levels at which somebody should know")
    emergency_reserve_m3: VolumeM3 = Field(
        default=0.0, alias="emergency_reserve", description="kept for fire and emergencies"
    )
    inflow: list[Id] = Field(
        default_factory=list[str],
        description="meters that measure inflow",
        examples=["[belgaid.inlet]"],
    )
    outflow: list[Id] = Field(
        default_factory=list[str],
        description="meters that measure outflow",
        examples=["[belgaid.outlet]"],
    )
    zones: list[Id] = Field(
        default_factory=list[str], description="zones that it serves", examples=["[oran_centre]"]
    )


class Zone(Described):
    """A district that is supplied together."""

    id: Id
    name: Name = Field(description="as people call it", examples=["Oran centre"])
    share_of_demand: Ratio | None = Field(
        default=None, description="of the city's demand; all together 100 %", examples=["12 %"]
    )
    customers: int | None = Field(default=None, ge=0, description="how many", examples=[24000])


class Works(Described):
    """A dated operation on a reservoir that takes storage away while it lasts."""

    id: Id
    reservoir: Id = Field(description="the id of a reservoir", examples=["belgaid"])
    name: Name = Field(description="what is done", examples=["sealing of basin 2"])
    compartments: list[Id] = Field(
        default_factory=list[str],
        description="out of service meanwhile",
        examples=["[belgaid.c2]"],
    )
    capacity_offline_m3: VolumeM3 | None = Field(
        default=None, alias="capacity_offline", description="default: that of the compartments"
    )
    start: Date = Field(description="first day out of service")
    end: Date | None = Field(
        default=None, description="last day out of service; none: not known yet"
    )
    status: Literal["planned", "running", "done", "cancelled"] = Field(
        default="planned", description="what is known of it; cancelled works take nothing away"
    )
    illustrative: bool = Field(
        default=False, description="true for an example that no public source names"
    )


class Main(Described):
    """A transfer main: water goes from one site to another, never faster than its capacity."""

    id: Id
    name: Name | None = Field(
        default=None, description="shown instead of the id", examples=["Outlet"]
    )
    origin: Id = Field(alias="from", description="site that the water comes from")
    destination: Id = Field(
        alias="to", description="site that the water goes to", examples=["araba"]
    )
    capacity_m3_per_h: FlowM3PerH = Field(
        alias="capacity", description="the most that it can carry"
    )
    meter: Id | None = Field(
        default=None,
        description="the meter that measures this stream, if any",
        examples=["hassi_ben_okba.outlet"],
    )
    priority: int = Field(
        default=1, ge=1, description="1 is filled first where there is not enough"
    )
