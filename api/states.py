"""How a device and a calendar job are told."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from api.answers import iso, number
from api.context import JobState
from water.device import DeviceStatus


def device_answer(status: DeviceStatus, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "id": status.id,
        "protocol": status.protocol,
        "state": status.state,
        "last_reading_at": iso(status.last_reading_ns, zone),
        "scans": status.scans,
        "scans_missed": status.scans_missed,
        "scans_late": status.scans_late,
        "reconnects": status.reconnects,
        "errors": status.errors,
        "last_error": status.last_error,
        "latency_ms_p50": number(status.latency_ms_p50, 3),
        "latency_ms_p99": number(status.latency_ms_p99, 3),
        "tags": status.tags,
        "tags_bad": status.tags_bad,
    }


def job_answer(state: JobState, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "id": state.id,
        "next_run_at": iso(state.next_run_ns, zone),
        "last_run_at": iso(state.last_run_ns, zone),
        "last_end_at": iso(state.last_end_ns, zone),
        "outcome": state.outcome,
        "detail": state.detail,
        "missed": state.missed,
        "overlapped": state.overlapped,
        "running": state.running,
    }
