"""What the tests of the series store share: a clock, and history computed the slow way."""

from __future__ import annotations

import numpy as np
import pytest

from water.batch import Batch

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
MIDNIGHT_NS = 20_700 * DAY_NS
"""a UTC midnight in 2026"""


class Clock:
    """A clock that is set."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns


class Truth:
    """What a store ought to hold: one reading a key, the later arrival."""

    def __init__(self) -> None:
        self.readings: dict[int, dict[int, tuple[float, int]]] = {}

    def take(self, batch: Batch) -> None:
        for tag, time, value, quality in zip(
            batch.tag_id.tolist(),
            batch.time_ns.tolist(),
            batch.value.tolist(),
            batch.quality.tolist(),
            strict=True,
        ):
            self.readings.setdefault(tag, {})[time] = (value, quality)

    def read(self, tags, from_ns: int, to_ns: int) -> list[tuple[int, int, float, int]]:
        return [
            (tag, time, *kept)
            for tag in sorted(set(tags))
            for time, kept in sorted(self.readings.get(tag, {}).items())
            if from_ns <= time < to_ns
        ]

    def neighbours(self, tags, from_ns: int, to_ns: int) -> list[tuple[int, int, float, int]]:
        found = []
        for tag in sorted(set(tags)):
            good = sorted((t, *k) for t, k in self.readings.get(tag, {}).items() if k[1] < 0x40)
            found += [(tag, *row) for row in good if from_ns - 8 * DAY_NS <= row[0] < from_ns][-1:]
            found += [(tag, *row) for row in good if to_ns <= row[0] < to_ns + 8 * DAY_NS][:1]
        return found

    def trend(self, tag: int, from_ns: int, to_ns: int, step_ns: int, origin_ns: int):
        """begin, min, max, mean, last, count of each step, one reading after the other."""
        rows = sorted(self.readings.get(tag, {}).items())
        steps: dict[int, list[tuple[float, float]]] = {}
        for n, (time, (value, quality)) in enumerate(rows):
            if not from_ns <= time < to_ns or quality >= 0x40 or not np.isfinite(value):
                continue
            end = (time // HOUR_NS + 1) * HOUR_NS
            if n + 1 < len(rows):
                end = min(end, rows[n + 1][0])
            begin = (time - origin_ns) // step_ns * step_ns + origin_ns
            steps.setdefault(begin, []).append((value, (end - time) / 1e9))
        return [
            (
                max(begin, from_ns),
                min(v for v, _ in kept),
                max(v for v, _ in kept),
                sum(v * w for v, w in kept) / sum(w for _, w in kept),
                kept[-1][0],
                len(kept),
            )
            for begin, kept in sorted(steps.items())
        ]


def as_rows(batch: Batch) -> list[tuple[int, int, float, int]]:
    return list(
        zip(
            batch.tag_id.tolist(),
            batch.time_ns.tolist(),
            batch.value.tolist(),
            batch.quality.tolist(),
            strict=True,
        )
    )


@pytest.fixture
def clock() -> Clock:
    return Clock(MIDNIGHT_NS + 10 * HOUR_NS)


@pytest.fixture
def midnight_ns() -> int:
    return MIDNIGHT_NS


@pytest.fixture(scope="session")
def make_truth():
    return Truth


@pytest.fixture(scope="session")
def make_clock():
    return Clock


@pytest.fixture(scope="session")
def rows_of():
    return as_rows
