"""How a device has been doing: counters and the latest latencies, told as a ``DeviceStatus``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from water.device import DeviceState, DeviceStatus
from water.quality import BAD

LATENCIES_KEPT = 512


class Statistics:
    """One device's counters. Tags are known by their position in the device's description.

    Every tag counts as bad until its first reading that is not.
    """

    def __init__(self, device: str, protocol: str, tags: int) -> None:
        self.device = device
        self.protocol = protocol
        self.scans = 0
        self.scans_missed = 0
        self.scans_late = 0
        self.reconnects = 0
        self.errors = 0
        self.last_error: str | None = None
        self.last_reading_ns: int | None = None
        self.online = False
        """whether the device answers; set by its collector"""
        self.behind = False
        """whether its latest scan could not start on its tick or was missed"""
        self._quality = np.full(tags, BAD, np.uint8)
        self._latencies_ms: NDArray[np.float64] = np.zeros(LATENCIES_KEPT)
        self._answers = 0

    def answered(self, latency_ms: float) -> None:
        """An answer came; ms from request to answer."""
        self._latencies_ms[self._answers % LATENCIES_KEPT] = latency_ms
        self._answers += 1

    def failed(self, cause: str) -> None:
        """Something went wrong once; ``cause`` stays as the last error until the next."""
        self.errors += 1
        self.last_error = cause

    def read(
        self,
        index: NDArray[np.intp],
        time_ns: NDArray[np.int64],
        quality: NDArray[np.uint8],
    ) -> None:
        """Readings were taken: ``index`` their tags' positions, in the order of their times."""
        if not index.size:
            return
        self._quality[index] = quality
        latest = int(time_ns.max())
        if self.last_reading_ns is None or latest > self.last_reading_ns:
            self.last_reading_ns = latest

    def all_bad(self, code: int) -> None:
        """The device is gone: every tag's latest quality is this."""
        self._quality[:] = code
        self.online = False

    def status(self) -> DeviceStatus:
        tags_bad = int(np.count_nonzero(self._quality >= BAD))
        p50, p99 = self._percentiles()
        return DeviceStatus(
            id=self.device,
            protocol=self.protocol,
            state=self._state(tags_bad),
            last_reading_ns=self.last_reading_ns,
            scans=self.scans,
            scans_missed=self.scans_missed,
            scans_late=self.scans_late,
            reconnects=self.reconnects,
            errors=self.errors,
            last_error=self.last_error,
            latency_ms_p50=p50,
            latency_ms_p99=p99,
            tags=self._quality.size,
            tags_bad=tags_bad,
        )

    def _state(self, tags_bad: int) -> DeviceState:
        if not self.online:
            return DeviceState.OFFLINE
        return DeviceState.DEGRADED if tags_bad or self.behind else DeviceState.ONLINE

    def _percentiles(self) -> tuple[float | None, float | None]:
        kept = self._latencies_ms[: min(self._answers, LATENCIES_KEPT)]
        if not kept.size:
            return None, None
        p50, p99 = np.percentile(kept, (50, 99))
        return float(p50), float(p99)
