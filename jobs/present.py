"""The last readings as they count at an instant: what is stale is said to be, what is dead is unknown."""

from __future__ import annotations

from collections.abc import Mapping

from config.devices import Device, OpcUaDevice
from config.plant import Plant
from config.resolving import stale_after_s
from jobs.clock import NS_PER_S
from storage.last_values import LastValues, Latest
from water.quality import BAD, UNCERTAIN, Reason

DEAD_AFTER = 10
"""a last value this many times older than stale no longer says how things stand"""
_DEAD_LEAST_NS = 60 * NS_PER_S
_AHEAD_NS = 60 * NS_PER_S
"""a last value this far ahead of our clock may hide those that came after it: a clock was set back"""
NEVER = BAD | Reason.STALE
"""the quality of a tag that has no reading at all"""


def stale_after_ns(plant: Plant) -> dict[str, int]:
    """By tag: the age from which its last value is stale."""
    return {
        tag.id: round(_stale_after_s(device) * NS_PER_S)
        for device in plant.devices
        for tag in device.tags
    }


def _stale_after_s(device: Device) -> float:
    """Under an OPC UA subscription an unchanged tag is confirmed every ``refresh`` only."""
    given_s = stale_after_s(device)
    if device.stale_after_s is None and isinstance(device, OpcUaDevice):
        return max(given_s, 2.5 * device.refresh_s) if device.mode == "subscribe" else given_s
    return given_s


class Present:
    """Reads the last-value table by the tags' ids."""

    def __init__(self, plant: Plant, numbers: Mapping[str, int], last: LastValues) -> None:
        self._numbers = numbers
        self._last = last
        self._stale_ns = stale_after_ns(plant)

    def quality(self, tag: str, now_ns: int) -> int:
        """The quality of a tag's last reading with its age taken into account."""
        return self._judged(tag, self._latest(tag), now_ns)

    def value(self, tag: str | None, now_ns: int) -> float | None:
        """A tag's last value unless it is bad or dead; None where there is no tag."""
        latest = None if tag is None else self._latest(tag)
        if latest is None or tag is None or self._judged(tag, latest, now_ns) >= BAD:
            return None
        return latest.value

    def time_ns(self, tag: str) -> int | None:
        latest = self._latest(tag)
        return None if latest is None else latest.time_ns

    def _latest(self, tag: str) -> Latest | None:
        return self._last.of(self._numbers[tag])

    def _judged(self, tag: str, latest: Latest | None, now_ns: int) -> int:
        if latest is None:
            return NEVER
        age_ns, stale_ns = now_ns - latest.time_ns, self._stale_ns[tag]
        if age_ns < -_AHEAD_NS:
            return max(latest.quality, UNCERTAIN | Reason.CLOCK_SKEW)
        if age_ns > max(DEAD_AFTER * stale_ns, _DEAD_LEAST_NS):
            return max(latest.quality, BAD | Reason.STALE)
        if age_ns > stale_ns:
            return max(latest.quality, UNCERTAIN | Reason.STALE)
        return latest.quality
