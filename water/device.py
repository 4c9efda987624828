"""How a device is doing, as its collector sees it and the API tells it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DeviceState(StrEnum):
    ONLINE = "online"
    DEGRADED = "degraded"
    """it answers, but not every tag or not in time"""
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """A device now. Times in ns UTC; latencies in ms over the latest answers, None before the first."""

    id: str
    protocol: str
    state: DeviceState
    last_reading_ns: int | None
    scans: int
    scans_missed: int
    scans_late: int
    reconnects: int
    errors: int
    last_error: str | None
    latency_ms_p50: float | None
    latency_ms_p99: float | None
    tags: int
    tags_bad: int


@dataclass(frozen=True, slots=True)
class Gap:
    """What was not read, or late: ``[from_ns, to_ns)``, which tags, how many readings, and why.

    to_ns : None while it lasts
    """

    device: str
    from_ns: int
    to_ns: int | None
    tags: tuple[str, ...]
    readings: int
    cause: str
    backfilled: bool = False
