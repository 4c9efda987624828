from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from water.output import DailyOutput, Figure, MeterEvent, Method, Status, Volume
from water.revision import known_at, next_revision, same_volume

HOUR = 3_600 * 10**9
END = 1_000_000 * HOUR
WINDOW_S = 6 * 3_600.0
VOLUME = Volume(350_000.0, 3_500.0, 1.0, True, Method.TOTALIZER)
OTHER = replace(VOLUME, volume_m3=350_123.0)


def output(status, revision=1, volume=VOLUME, computed_at_ns=END):
    return DailyOutput(
        "mactaa", Figure.PRODUCED, "", dt.date(2026, 1, 1), volume, status, revision,
        computed_at_ns, "closed",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("latest", "volume", "hours_after_end", "expected"),
    [
        (None, VOLUME, -1, (Status.PROVISIONAL, 1)),
        (None, VOLUME, 1, (Status.PROVISIONAL, 1)),
        (None, VOLUME, 7, (Status.FINAL, 1)),
        (Status.PROVISIONAL, VOLUME, 1, None),
        (Status.PROVISIONAL, OTHER, 1, (Status.PROVISIONAL, 2)),
        (Status.PROVISIONAL, VOLUME, 6, (Status.FINAL, 2)),
        (Status.PROVISIONAL, OTHER, 7, (Status.FINAL, 2)),
        (Status.FINAL, VOLUME, 7, None),
        (Status.FINAL, OTHER, 7, (Status.CORRECTED, 2)),
        (Status.CORRECTED, VOLUME, 9, None),
        (Status.CORRECTED, OTHER, 9, (Status.CORRECTED, 2)),
    ],
)
def test_which_revision_comes_next(latest, volume, hours_after_end, expected):
    held = None if latest is None else output(latest)
    found = next_revision(held, volume, END, END + hours_after_end * HOUR, WINDOW_S)
    assert (None if found is None else (found.status, found.revision)) == expected


def test_late_data_after_the_day_is_final_corrects_it_and_as_of_gives_the_earlier_answer():
    final = output(Status.FINAL, 1, VOLUME, END + 6 * HOUR)
    found = next_revision(final, OTHER, END, END + 30 * HOUR, WINDOW_S)
    assert (found.status, found.revision, found.reason) == (Status.CORRECTED, 2, "late data")
    corrected = replace(
        final,
        volume=OTHER,
        status=found.status,
        revision=found.revision,
        computed_at_ns=END + 30 * HOUR,
    )
    rows = [corrected, final]
    assert known_at(rows) == [corrected]
    assert known_at(rows, END + 29 * HOUR) == [final]
    assert known_at(rows, END + 30 * HOUR) == [corrected]
    assert known_at(rows, END + 5 * HOUR) == []


def test_a_persons_correction_says_its_reason():
    found = next_revision(
        output(Status.PROVISIONAL), VOLUME, END, END, WINDOW_S, correction="meter tested"
    )
    assert (found.status, found.reason) == (Status.CORRECTED, "correction: meter tested")


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"volume_m3": 350_000.0004}, True),
        ({"volume_m3": 350_001.0}, False),
        ({"volume_m3": None}, False),
        ({"coverage": 0.5}, False),
        ({"boundary_ok": False}, False),
        ({"method": Method.MIXED}, False),
        ({"cross_check_m3": 1.0}, False),
        ({"estimated_m3": 5.0}, False),
        ({"events": (MeterEvent("reset", 1, 1.0),)}, False),
    ],
)
def test_when_two_volumes_say_the_same(change, same):
    assert same_volume(VOLUME, replace(VOLUME, **change)) is same


def test_figures_of_one_day_are_kept_apart():
    produced = output(Status.FINAL)
    oran = replace(produced, figure=Figure.DELIVERED, part="oran")
    assert len(known_at([produced, oran])) == 2
