"""What is written when a device is lost and when it is back: silence is not data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import structlog

from collectors.delivery import Delivery
from collectors.statistics import Statistics
from water.batch import NS_PER_MS, Batch
from water.device import Gap
from water.quality import BAD, Reason, quality

_log = structlog.get_logger(__name__)


class Losses:
    """One device's losses: each is told once when it begins and once when it ends."""

    def __init__(
        self,
        device: str,
        tags: Sequence[str],
        numbers: Mapping[str, int],
        interval_ns: int,
        delivery: Delivery,
        statistics: Statistics,
    ) -> None:
        self._device = device
        self._tags = tuple(tags)
        self._tag_id = np.array([numbers[tag] for tag in tags], np.int32)
        self._interval_ns = interval_ns
        self._delivery = delivery
        self._statistics = statistics
        self._open: Gap | None = None

    @property
    def lasting(self) -> bool:
        """Whether the device is lost now."""
        return self._open is not None

    def begin(self, now_ns: int, cause: str, reason: Reason = Reason.COMM_FAILURE) -> None:
        """The device is lost: one bad reading without a value for each tag, and a gap begins.

        Said while it is lost already, it changes nothing.
        """
        if self._open is not None:
            return
        # The millisecond after, so that it takes the place of no reading got just before.
        at_ns = (now_ns // NS_PER_MS + 1) * NS_PER_MS
        code = quality(BAD, reason)
        self._statistics.all_bad(code)
        n = len(self._tags)
        self._delivery.put(
            self._device,
            Batch(
                self._tag_id,
                np.full(n, at_ns, np.int64),
                np.full(n, np.nan),
                np.full(n, code, np.uint8),
            ),
        )
        self._open = Gap(self._device, at_ns, None, self._tags, 0, cause)
        self._delivery.put_gap(self._open)
        _log.warning("device lost", device=self._device, cause=cause)

    def end(self, now_ns: int, readings: int | None = None) -> None:
        """The device is back, or the collector stops: the gap ends; without one, nothing happens.

        readings : how many were not read; None: one a tag for every scan interval of the gap
        """
        gap = self._open
        if gap is None:
            return
        self._open = None
        to_ns = max(now_ns // NS_PER_MS * NS_PER_MS, gap.from_ns)
        if readings is None:
            readings = (to_ns - gap.from_ns) // self._interval_ns * len(self._tags)
        self._delivery.put_gap(
            Gap(gap.device, gap.from_ns, to_ns, gap.tags, readings, gap.cause, gap.backfilled)
        )
        _log.info(
            "gap ended",
            device=self._device,
            lasted_s=(to_ns - gap.from_ns) / 1e9,
            readings=readings,
        )
