"""What of a server's values is news, when it was, and what it is worth: from values to readings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import structlog
from numpy.typing import NDArray

from collectors.checks import Checks
from collectors.delivery import Delivery
from collectors.opcua.decoding import Values, qualities
from collectors.statistics import Statistics
from config.devices import OpcUaDevice
from config.resolving import wire_scaling
from water.batch import NS_PER_MS, NS_PER_S, Batch
from water.quality import BAD, GOOD, Reason, quality

_log = structlog.get_logger(__name__)

SKEW_TOLD_NS = 5 * NS_PER_S
SKEW_NS = 60 * NS_PER_S
"""a clock that is further from ours is not believed: its readings get our time"""
OLDEST_NS = 24 * 3600 * NS_PER_S
"""a value that stood longer when we first saw it is no reading of back then"""
_NONE = np.empty(0, np.intp)
OUR_TIME = np.uint8(quality(GOOD, Reason.CLOCK_SKEW))
"""the value is as good as any and the time is ours, as it always is with Modbus"""
REFUSED = np.uint8(quality(BAD, Reason.REFUSED))
_CODE = np.uint32(0xFFFF_0000)
_OVERFLOW = np.uint32(0x0480)
"""info bits of a value before which the server's queue lost others; Part 4, 7.39"""
_NO_STATUS = np.uint32(0xFFFF_FFFF)

Index = NDArray[np.intp]
Times = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Readings:
    """One device's readings. Tags are known by their position in the description.

    A value whose source time has moved is a reading at that time. One that was read again with the
    same source time is a *confirmation*: a reading at the server's time, when one is due.
    """

    def __init__(
        self,
        device: OpcUaDevice,
        numbers: Mapping[str, int],
        delivery: Delivery,
        statistics: Statistics,
    ) -> None:
        n = len(device.tags)
        self._device = device
        self._delivery = delivery
        self._statistics = statistics
        self._checks = Checks(device.tags)
        self._tag_id = np.array([numbers[tag.id] for tag in device.tags], np.int32)
        scaling = np.array([wire_scaling(tag) for tag in device.tags])
        self._factor, self._offset = scaling[:, 0], scaling[:, 1]
        self._sent = np.full(n, np.nan)  # raw value that the subscription sent last
        self._doubts = np.zeros(n, np.int64)
        sampling_s = device.sampling_interval_s or device.scan_interval_s
        self._most_doubts = 1 + int(2 * sampling_s / device.refresh_s)
        self._deadband = np.array([tag.deadband or 0.0 for tag in device.tags])
        self._refresh_ns = round(device.refresh_s * NS_PER_S)
        self._stamp = np.zeros(n, np.int64)  # source time as last seen
        self._raw = np.full(n, np.nan)
        self._status = np.full(n, _NO_STATUS, np.uint32)
        self._taken_ns = np.zeros(n, np.int64)  # our time of the latest reading
        self._time_ns = np.zeros(n, np.int64)  # its own time, confirmations apart
        self._first = np.ones(n, np.bool_)  # nothing yet in this session
        self._lost_ns = 0
        self._skewed = False
        self.skew_ns = 0
        """the server's clock against ours at its latest answer; the way here counts as behind"""
        self.values_lost = 0
        """times that the server said its queue had overflowed"""

    def begin(self, now_ns: int) -> None:
        """A new session: every tag's first value in it is a reading, moved or not."""
        self._first.fill(True)
        self._taken_ns.fill(now_ns)
        self._sent.fill(np.nan)
        self._doubts.fill(0)

    def lost(self, now_ns: int) -> None:
        """The device is lost; what it says next is not compared with what it said before."""
        self._lost_ns = now_ns
        self._checks.forget()

    def due(self, now_ns: int) -> Index:
        """The tags without a reading for ``refresh_s``."""
        if now_ns - int(self._taken_ns.min()) < self._refresh_ns:
            return _NONE
        return np.flatnonzero(now_ns - self._taken_ns >= self._refresh_ns)

    def unreported(self, index: Index, values: Values) -> int:
        """How many values that were read have stood apart from what the subscription last sent for
        several reads, although it said nothing since. One that works would have sent them.
        """
        with np.errstate(invalid="ignore"):  # infinity less infinity
            difference = np.abs(values.value - self._sent[index])
        apart = difference > self._deadband[index]  # false where nothing was sent yet
        self._doubts[index] = np.where(apart, self._doubts[index] + 1, 0)
        return int(np.count_nonzero(self._doubts[index] > self._most_doubts))

    def refuse(self, index: Index, now_ns: int) -> None:
        """These tags cannot be had: one bad reading each, without a value."""
        n = index.size
        at_ns = np.full(n, _whole_ms(now_ns), np.int64)
        self._first[index] = False
        self._taken_ns[index] = now_ns
        self._status[index] = _NO_STATUS
        self._put(index, at_ns, np.full(n, np.nan), np.full(n, REFUSED, np.uint8))

    def notified(self, values: Values, server_ns: int, now_ns: int) -> None:
        """Values that a subscription sent; the handles are the tags' positions."""
        known = (values.handle >= 0) & (values.handle < self._tag_id.size)
        if not known.all():
            _log.warning("values for unknown handles", device=self._device.id)
            values = values.where(known)
        index = values.handle.astype(np.intp)
        self._sent[index] = values.value
        self._doubts[index] = 0
        self._take(index, values, server_ns, now_ns, due_only=False)

    def polled(self, index: Index, values: Values, server_ns: int, now_ns: int) -> None:
        """Values that were read, of the tags of ``index``; those with nothing new wait until due."""
        self._take(index, values, server_ns, now_ns, due_only=True)

    def _take(
        self, index: Index, values: Values, server_ns: int, now_ns: int, *, due_only: bool
    ) -> None:
        self._watch_clock(server_ns, now_ns)
        stamp = np.where(values.source_ns > 0, values.source_ns, values.server_ns)
        code = values.status & _CODE
        same_value = (values.value == self._raw[index]) | (
            np.isnan(values.value) & np.isnan(self._raw[index])
        )
        moved = (stamp != self._stamp[index]) & (stamp > 0)
        first = self._first[index]
        keep = moved | first | ~same_value | (code != self._status[index])
        if due_only:
            keep |= now_ns - self._taken_ns[index] >= self._refresh_ns
        server_time_ns = self._server_time(server_ns, now_ns)
        times, ours = self._times(index, stamp, moved, server_time_ns, now_ns)
        again = self._too_old_alone(stamp, moved & first, server_time_ns)
        keep &= ~(again & (now_ns - stamp > OLDEST_NS))
        worth = qualities(values.status, values.value)
        np.maximum(worth, OUR_TIME, out=worth, where=ours)
        self._count_overflows(values.status)
        self._remember(index, stamp, values.value, code, moved, times)
        taken = np.concatenate((np.flatnonzero(keep), np.flatnonzero(again)))
        if not taken.size:
            return
        index = index[taken]
        times = times[taken]
        times[np.count_nonzero(keep) :] = server_time_ns
        self._taken_ns[index] = now_ns
        self._put(index, times, values.value[taken], worth[taken])

    def _server_time(self, server_ns: int, now_ns: int) -> int:
        """The whole ms for what is true at the time of an answer: the server's, where believed."""
        believed = server_ns > 0 and abs(server_ns - now_ns) <= SKEW_NS
        # Never before the readings that told the loss: the device is back, and the last value says so.
        return max(
            _whole_ms(server_ns if believed else now_ns), _whole_ms(self._lost_ns) + NS_PER_MS
        )

    def _times(
        self, index: Index, stamp: Times, moved: Mask, server_time_ns: int, now_ns: int
    ) -> tuple[Times, Mask]:
        """The readings' times, and which of them are ours because the source's is not believed."""
        unbelieved = moved & ((stamp - now_ns > SKEW_NS) | (self._time_ns[index] - stamp > SKEW_NS))
        if self._skewed:
            unbelieved = moved
        times = np.where(moved, stamp, np.where(stamp > 0, server_time_ns, _whole_ms(now_ns)))
        if unbelieved.any():
            # The newest of a tag gets our time, the others keep their distance from it.
            newest = np.zeros(self._tag_id.size, np.int64)
            np.maximum.at(newest, index[unbelieved], stamp[unbelieved])
            distance = np.minimum(newest[index] - stamp, self._refresh_ns)
            times = np.where(unbelieved, _whole_ms(now_ns) - distance, times)
        return times, unbelieved

    def _too_old_alone(self, stamp: Times, first_moved: Mask, server_time_ns: int) -> Mask:
        """Which first values of a session tell of long ago, and need a confirmation beside them."""
        since = max(server_time_ns - self._refresh_ns, self._lost_ns)
        return first_moved & (stamp < since)

    def _remember(
        self,
        index: Index,
        stamp: Times,
        raw: NDArray[np.float64],
        code: NDArray[np.uint32],
        moved: Mask,
        times: Times,
    ) -> None:
        """numpy keeps the last of several writes to one place: the newest of a tag."""
        self._first[index] = False
        self._stamp[index] = stamp
        self._raw[index] = raw
        self._status[index] = code
        np.maximum.at(self._time_ns, index[moved], times[moved])

    def _put(
        self,
        index: Index,
        times: Times,
        raw: NDArray[np.float64],
        worth: NDArray[np.uint8],
    ) -> None:
        with np.errstate(over="ignore", invalid="ignore"):  # infinity is no number either
            value = raw * self._factor[index] + self._offset[index]
        value, checked = self._checks.apply(index, times, value, worth)
        worth = np.where(worth >= BAD, worth, checked)  # why the server says bad stays the reason
        self._statistics.read(index, times, worth)
        self._delivery.put(self._device.id, Batch(self._tag_id[index], times, value, worth))

    def _watch_clock(self, server_ns: int, now_ns: int) -> None:
        """Measures the server's clock against ours; said when it is wrong, and when it is right."""
        if not server_ns:
            return
        skew_ns = server_ns - now_ns
        told = abs(self.skew_ns) > SKEW_TOLD_NS
        self.skew_ns = skew_ns
        self._skewed = abs(skew_ns) > SKEW_NS
        if (abs(skew_ns) > SKEW_TOLD_NS) != told:
            if told:
                _log.info("clock right again", device=self._device.id)
            else:
                _log.warning("clock is wrong", device=self._device.id, ahead_s=skew_ns / NS_PER_S)

    def _count_overflows(self, status: NDArray[np.uint32]) -> None:
        overflows = int(np.count_nonzero((status & _OVERFLOW) == _OVERFLOW))
        if overflows:
            if not self.values_lost:
                _log.warning("the server's queue overflowed", device=self._device.id)
            self.values_lost += overflows
            self._statistics.failed(f"queue overflow at the server, {self.values_lost} in all")


def _whole_ms(time_ns: int) -> int:
    return time_ns // NS_PER_MS * NS_PER_MS
