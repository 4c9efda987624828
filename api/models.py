"""The shapes of the answers, for the OpenAPI description; each with an example.

The answers themselves are written as bytes by the routes (encoded once, shared by all callers);
``tests/api`` holds every one of them against these shapes.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Quality = Literal["good", "uncertain", "bad"]
Time = Annotated[dt.datetime, Field(examples=["2026-07-01T12:00:00.000+01:00"])]
SiteId = Annotated[str, Field(examples=["mactaa"])]
TagId = Annotated[str, Field(examples=["mactaa.outlet.oran.flow"])]


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FieldError(Answer):
    field: str = Field(examples=["from"])
    message: str = Field(examples=["Field required"])


class Problem(BaseModel):
    """RFC 9457."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["there is no tag 'x'"])
    errors: list[FieldError] = []


class Health(Answer):
    status: Literal["live", "ready", "not ready"] = Field(examples=["ready"])
    not_ready: list[str] = Field(default=[], examples=[[]])


class Position(Answer):
    latitude: float = Field(examples=[35.78])
    longitude: float = Field(examples=[-0.13])


class Site(Answer):
    id: SiteId
    name: str = Field(examples=["El Mactaa"])
    type: str = Field(examples=["desalination_plant"])
    in_service_from: dt.date = Field(examples=["2014-11-10"])
    position: Position | None
    illustrative: bool = Field(examples=[False])


class ProductionDay(Answer):
    start: str = Field(examples=["00:00"])
    valid_from: dt.date = Field(examples=["1970-01-01"])


class Zone(Answer):
    id: str = Field(examples=["oran-est"])
    name: str = Field(examples=["Oran-Est"])


class DescribedDevice(Answer):
    id: str = Field(examples=["mactaa-plc1"])
    name: str = Field(examples=["PLC of module 1"])
    site: SiteId
    protocol: Literal["modbus", "opcua"] = Field(examples=["modbus"])
    address: str = Field(examples=["127.0.0.1:15020"])
    scan_interval_s: float = Field(examples=[1.0])


class Meter(Answer):
    id: str = Field(examples=["mactaa.outlet.oran"])
    site: SiteId
    measures: str = Field(examples=["produced"])
    destination: str | None = Field(examples=["oran"])
    totalizer: str | None = Field(examples=["mactaa.outlet.oran.total"])
    flow: str | None = Field(examples=["mactaa.outlet.oran.flow"])


class TagDescription(Answer):
    id: TagId
    name: str = Field(examples=["Outlet flow to Oran"])
    kind: str = Field(examples=["flow"])
    unit: str = Field(examples=["m3/h"])
    device: str = Field(examples=["mactaa-plc1"])
    site: SiteId
    states: dict[int, str] | None = Field(examples=[None])
    labels: dict[str, str] = Field(examples=[{}])
    illustrative: bool = Field(examples=[False])


class Plant(Answer):
    id: str = Field(examples=["oran"])
    name: str = Field(examples=["Oran"])
    city: str | None = Field(examples=["oran"])
    time_zone: str = Field(examples=["Africa/Algiers"])
    production_day: list[ProductionDay]
    sites: list[Site]
    zones: list[Zone]
    devices: list[DescribedDevice]
    meters: list[Meter]
    tags: list[TagDescription]


class Device(Answer):
    id: str = Field(examples=["mactaa-plc1"])
    protocol: Literal["modbus", "opcua"] = Field(examples=["modbus"])
    state: Literal["online", "degraded", "offline"] = Field(examples=["online"])
    last_reading_at: Time | None
    scans: int = Field(examples=[86400])
    scans_missed: int = Field(examples=[0])
    scans_late: int = Field(examples=[0])
    reconnects: int = Field(examples=[0])
    errors: int = Field(examples=[0])
    last_error: str | None = Field(examples=[None])
    latency_ms_p50: float | None = Field(examples=[1.4])
    latency_ms_p99: float | None = Field(examples=[3.2])
    tags: int = Field(examples=[24])
    tags_bad: int = Field(examples=[0])


class Job(Answer):
    id: str = Field(examples=["close_day"])
    next_run_at: Time | None
    last_run_at: Time | None
    last_end_at: Time | None
    outcome: str | None = Field(examples=["done"])
    detail: str = Field(examples=["2026-06-30"])
    missed: int = Field(examples=[0])
    overlapped: int = Field(examples=[0])
    running: bool = Field(examples=[False])


class ProductionNow(Answer):
    site: SiteId
    as_of: Time
    flow_m3_per_h: float | None = Field(examples=[14600.0])
    today_m3: float | None = Field(examples=[175200.0])
    projected_today_m3: float | None = Field(examples=[350400.0])
    target_m3_per_day: float | None = Field(examples=[350000.0])
    projected_attainment: float | None = Field(examples=[1.001])
    coverage: float | None = Field(examples=[1.0])
    quality: Quality = Field(examples=["good"])
    reason: str | None = Field(examples=[None])


class Reservoir(Answer):
    id: str = Field(examples=["belgaid"])
    name: str = Field(examples=["Belgaïd"])
    capacity_m3: float = Field(examples=[300000.0])
    level_m: float | None = Field(examples=[5.2])
    volume_m3: float | None = Field(examples=[195000.0])
    usable_m3: float | None = Field(examples=[157500.0])
    fill: float | None = Field(examples=[0.65], description="of volume")
    net_flow_m3_per_h: float | None = Field(examples=[-820.0])
    autonomy_h: float | None = Field(examples=[21.4], description="with no inflow")
    hours_to_empty: float | None = Field(examples=[192.0])
    hours_to_full: float | None = Field(examples=[None])
    in_service: bool = Field(examples=[True])
    alarm_state: str | None = Field(examples=[None])
    as_of: Time | None
    quality: Quality = Field(examples=["good"])
    reason: str | None = Field(examples=[None])


class MeterEvent(Answer):
    kind: str = Field(examples=["rollover"])
    time: Time
    volume_m3: float | None = Field(examples=[12.0])
    detail: str = Field(examples=[""])


class Delivered(Answer):
    destination: str = Field(examples=["oran"])
    volume_m3: float | None = Field(examples=[268900.0])
    u95_m3: float | None = Field(examples=[2689.0])
    coverage: float | None = Field(examples=[1.0])


class Day(Answer):
    """One production day of one site; ``volume_m3`` is what it produced."""

    date: dt.date = Field(examples=["2026-06-30"])
    site: SiteId
    volume_m3: float | None = Field(examples=[348211.0])
    u95_m3: float | None = Field(examples=[1741.1])
    target_m3: float | None = Field(examples=[350000.0])
    attainment: float | None = Field(examples=[0.9949])
    shortfall_m3: float | None = Field(examples=[1789.0])
    capacity_m3: dict[str, float] = Field(examples=[{"design": 500000.0, "target": 350000.0}])
    utilisation: dict[str, float | None] = Field(examples=[{"design": 0.6964, "target": 0.9949}])
    coverage: float | None = Field(examples=[1.0])
    boundary_ok: bool = Field(examples=[True])
    method: str | None = Field(examples=["totalizer"])
    cross_check_m3: float | None = Field(examples=[348300.5])
    disagreement: float | None = Field(examples=[-0.0003])
    status: Literal["provisional", "final", "corrected"] = Field(examples=["final"])
    revision: int = Field(examples=[2])
    reason: str = Field(examples=["closed"])
    computed_at: Time
    estimated_m3: float | None = Field(examples=[0.0])
    delivered_to_city_m3: float | None = Field(examples=[268900.0])
    delivered_to_others_m3: float | None = Field(examples=[79311.0])
    delivered: list[Delivered]
    trains_m3: float | None = Field(examples=[348900.0])
    trains_disagreement: float | None = Field(examples=[-0.002])
    events: list[MeterEvent]


class Daily(Answer):
    days: list[Day]
    as_of: Time


class DayVolume(Answer):
    date: dt.date = Field(examples=["2026-06-30"])
    volume_m3: float = Field(examples=[348211.0])


class Run(Answer):
    """Consecutive days below target."""

    days: int = Field(examples=[3])
    first: dt.date = Field(examples=["2026-06-01"])
    last: dt.date = Field(examples=["2026-06-03"])


class Summary(Answer):
    site: SiteId
    first: Annotated[dt.date, Field(alias="from", examples=["2026-06-01"])]
    last: Annotated[dt.date, Field(alias="to", examples=["2026-06-30"])]
    days: int = Field(examples=[30])
    days_with_volume: int = Field(examples=[30])
    days_in_part: int = Field(
        examples=[0], description="of these, measured in part only: in the total and nowhere else"
    )
    days_provisional: int = Field(examples=[0])
    total_m3: float | None = Field(examples=[10446330.0])
    mean_m3: float | None = Field(examples=[348211.0])
    best: DayVolume | None
    worst: DayVolume | None
    days_with_target: int = Field(examples=[30])
    days_on_target: int = Field(examples=[21])
    longest_run_below_target: Run | None
    utilisation: dict[str, float | None] = Field(examples=[{"design": 0.6964}])


class CurvePoint(Answer):
    time: Time
    volume_m3: float | None = Field(examples=[14600.0])


class Curve(Answer):
    """Accumulated output since the day began."""

    site: SiteId
    date: dt.date = Field(examples=["2026-07-01"])
    begin: Time
    end: Time
    target_m3: float | None = Field(examples=[350000.0])
    points: list[CurvePoint]


class Reading(Answer):
    time: Time
    value: float | None = Field(examples=[14612.5])
    quality: Quality = Field(examples=["good"])
    reason: str | None = Field(examples=[None])


class TagNow(TagDescription):
    latest: Reading | None


class Tags(Answer):
    tags: list[TagNow]
    next_cursor: str | None = Field(examples=[None])


class Step(Answer):
    time: Time
    min: float | None = Field(examples=[14500.0])
    max: float | None = Field(examples=[14700.0])
    mean: float | None = Field(examples=[14610.2])
    last: float | None = Field(examples=[14612.5])
    count: int = Field(examples=[60])


class History(Answer):
    tag: TagId
    unit: str = Field(examples=["m3/h"])
    from_: Annotated[Time, Field(alias="from")]
    to: Time
    reduced: bool = Field(examples=[False])
    step_s: float | None = Field(examples=[None])
    readings: list[Reading] | list[Step]


class Gap(Answer):
    device: str = Field(examples=["mactaa-plc1"])
    from_: Annotated[Time, Field(alias="from")]
    to: Time | None
    tags: list[str] = Field(examples=[["mactaa.outlet.oran.flow"]])
    readings: int = Field(examples=[48])
    cause: str = Field(examples=["timeout"])
    backfilled: bool = Field(examples=[False])


class Gaps(Answer):
    gaps: list[Gap]
    next_cursor: str | None = Field(examples=[None])


Kind = Literal["design", "contractual", "declared_available", "target"]


class TargetIn(BaseModel):
    """One dated row, as it is sent."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind = Field(examples=["target"])
    m3_per_day: float = Field(
        ge=0, le=1e8, allow_inf_nan=False, examples=[350000.0], description="m³/d"
    )
    valid_from: dt.date = Field(examples=["2022-03-01"])
    valid_to: dt.date | None = Field(default=None, examples=[None], description="last day in force")
    source: str | None = Field(default=None, max_length=500, examples=["announced December 2021"])


class TargetsIn(BaseModel):
    """A site's whole new list. What it replaces is kept."""

    model_config = ConfigDict(extra="forbid")

    rows: list[TargetIn] = Field(max_length=1000)
    comment: str = Field(default="", max_length=1000, examples=["new contract"])


class Target(Answer):
    site: SiteId
    kind: Kind = Field(examples=["target"])
    m3_per_day: float = Field(examples=[350000.0])
    valid_from: dt.date = Field(examples=["2022-03-01"])
    valid_to: dt.date | None = Field(examples=[None])
    source: str | None = Field(examples=["announced December 2021"])
    recorded_at: Time
    recorded_by: str = Field(examples=["config"])


class Targets(Answer):
    targets: list[Target]
    next_cursor: str | None = Field(examples=[None])


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": what,
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    for status, what in {
        401: "no key, or not one that counts",
        403: "the key's role does not allow it",
        404: "no such thing",
        422: "the request is wrong; `errors` name the fields",
        503: "not ready",
    }.items()
}
