"""The whole description of a plant: one YAML file, or several joined by `include`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from config.base import Date, Described, Id, Name, Time
from config.devices import AddressedTag, Device
from config.quantities import M3PerDay, Ratio, Seconds
from config.sites import Main, Meter, Reservoir, Site, Works, Zone


class ProductionDay(Described):
    """From which local hour a production day runs, from a date on."""

    start: Time = Field(default=dt.time(0, 0), description="local time at which the day begins")
    valid_from: Date = Field(default=dt.date(1970, 1, 1), description="first date that begins so")


class PlantHeader(Described):
    """What the whole is called, its clock and its days."""

    id: Id
    name: Name = Field(description="shown on every page", examples=["Oran water"])
    city: Id | None = Field(
        default=None,
        examples=["oran"],
        description="the destination that counts as the city's own; other destinations are others",
    )
    time_zone: str = Field(default="Africa/Algiers", description="IANA name")
    production_day: list[ProductionDay] = Field(
        default_factory=lambda: [ProductionDay()],
        description="when the production day begins, by date; default midnight since ever",
    )
    late_data_window_s: Seconds = Field(
        default=6 * 3600.0,
        alias="late_data_window",
        examples=["6h"],
        description="how long after its end a day stays provisional; at least 1h",
    )


class Capacity(Described):
    """What a site can or should produce, of one kind, while it is in force."""

    site: Id = Field(description="whose output it bounds")
    kind: Literal["design", "contractual", "declared_available", "target"] = Field(
        description="what kind of promise it is"
    )
    m3_per_day: M3PerDay = Field(alias="volume", description="of one production day")
    valid_from: Date = Field(description="first day in force")
    valid_to: Date | None = Field(default=None, description="last day in force")
    source: str | None = Field(
        default=None, description="who said so", examples=["announced on 24 December 2021"]
    )


class Peak(Described):
    """A period of higher demand: dated, or by a rule."""

    id: Id
    name: Name = Field(description="as people call it", examples=["Ramadan"])
    rule: Literal["ramadan", "aid_el_fitr", "aid_el_adha", "mawlid", "summer"] | None = Field(
        default=None, description="a period that comes every year; else start and end"
    )
    start: Date | None = Field(default=None, description="first day of a dated peak")
    end: Date | None = Field(default=None, description="last day of a dated peak")
    shift_days: int = Field(
        default=0, ge=-2, le=2, description="for Hijri rules: the sighting's shift"
    )
    demand_factor: float = Field(
        default=1.0, gt=0, le=5, description="a day's demand as a multiple of a usual day's"
    )


class Retention(Described):
    """How long each resolution is kept; none is for ever."""

    raw_s: Seconds | None = Field(
        default=None,
        alias="raw",
        description="every reading; at least 48h and late_data_window",
        examples=["1825d"],
    )
    minute_s: Seconds | None = Field(
        default=None, alias="minute", description="rollups of a minute", examples=["3650d"]
    )
    hour_s: Seconds | None = Field(
        default=None, alias="hour", description="rollups of an hour", examples=["7300d"]
    )
    drop_oldest_raw_when_full: bool = Field(
        default=False, description="may the oldest raw days be dropped when the disk is nearly full"
    )
    disk_warning_ratio: Ratio = Field(
        default=0.15, alias="disk_warning", description="announce when less of the disk is free"
    )
    disk_critical_ratio: Ratio = Field(
        default=0.05, alias="disk_critical", description="act when less of the disk is free"
    )


class Store(Described):
    """Where data is kept, and how long."""

    data: str = Field(default="data", description="folder of journal, history and records")
    retention: Retention = Field(default=Retention(), description="how long what is kept")


class Server(Described):
    """Where pages and API answer. The command line and the environment override it."""

    host: str = Field(default="127.0.0.1", description="address that the server listens on")
    port: int = Field(default=8080, ge=0, le=65535, description="0: any free one")
    auth: Literal["off", "keys"] = Field(
        default="keys", description="`off` is refused on any address but loopback"
    )
    live_tick_s: Seconds = Field(
        default=1.0, alias="live_tick", gt=0, description="how often the live stream sends"
    )


class Plant(Described):
    """The root of the description."""

    plant: PlantHeader = Field(description="what the whole is called, and its days")
    include: list[str] = Field(
        default_factory=list[str],
        examples=["[oran/sites.yaml]"],
        description="files whose lists are joined to these, relative to this file",
    )
    server: Server = Field(default=Server(), description="pages and API")
    store: Store = Field(default=Store(), description="where data is kept, and how long")
    sites: list[Site] = Field(min_length=1, description="every place")
    zones: list[Zone] = Field(
        default_factory=list[Zone], description="districts that are supplied together"
    )
    devices: list[Device] = Field(
        min_length=1, description="what is polled or subscribed, with its tags"
    )
    meters: list[Meter] = Field(default_factory=list[Meter], description="measuring points")
    reservoirs: list[Reservoir] = Field(default_factory=list[Reservoir], description="storage")
    mains: list[Main] = Field(
        default_factory=list[Main], description="where water goes from and to"
    )
    works: list[Works] = Field(
        default_factory=list[Works], description="dated operations that take storage away"
    )
    capacities: list[Capacity] = Field(
        default_factory=list[Capacity], description="dated capacities and targets"
    )
    peaks: list[Peak] = Field(default_factory=list[Peak], description="periods of higher demand")

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.plant.time_zone)

    @cached_property
    def tags(self) -> dict[str, AddressedTag]:
        """Every tag by its id, in the order described."""
        return {tag.id: tag for device in self.devices for tag in device.tags}

    @cached_property
    def device_of_tag(self) -> dict[str, Device]:
        return {tag.id: device for device in self.devices for tag in device.tags}

    def with_devices(self, devices: Sequence[Device]) -> Plant:
        """The same plant with other devices; nothing derived from the old ones is carried over."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in Plant.model_fields}
        fields["devices"] = list(devices)
        return Plant(**fields)
