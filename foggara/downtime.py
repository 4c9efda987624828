"""What was not read while no process ran: told in the ledger, once, at the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from config.plant import Plant
from storage.last_values import LastValues
from storage.records import Gaps
from water.batch import NS_PER_S
from water.device import Gap

NOT_RUNNING = "foggara was not running"
_LEAST_SCANS = 3


def record_downtime(
    plant: Plant, numbers: Mapping[str, int], last: LastValues, gaps: Gaps, now_ns: int
) -> None:
    """End the gaps that a killed process left open, and enter the time since it last read.

    A device that was never read has no gap: nothing is known to be missing.
    """
    for gap in gaps.gaps(0, now_ns):
        if gap.to_ns is None:
            gaps.record_gap(replace(gap, to_ns=now_ns))
    for device in plant.devices:
        latest = [last.of(numbers[tag.id]) for tag in device.tags]
        from_ns = max((one.time_ns for one in latest if one is not None), default=now_ns)
        scans = int((now_ns - from_ns) / NS_PER_S / device.scan_interval_s)
        if scans < _LEAST_SCANS:
            continue
        tags = tuple(tag.id for tag in device.tags)
        gap = Gap(device.id, from_ns, now_ns, tags, scans * len(tags), NOT_RUNNING)
        gaps.record_gap(gap)
