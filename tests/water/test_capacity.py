from __future__ import annotations

import datetime as dt

import pytest

from water.capacity import Capacity, CapacityKind, DayVolume, Run, in_force, standing, summary
from water.errors import BadDescription

D = dt.date
TARGET, DESIGN = CapacityKind.TARGET, CapacityKind.DESIGN
ROWS = [
    Capacity("mactaa", DESIGN, 500_000, D(2014, 1, 1)),
    Capacity("mactaa", TARGET, 350_000, D(2022, 3, 1)),
    Capacity("mactaa", TARGET, 500_000, D(2024, 1, 1), D(2024, 1, 10)),
    Capacity("kahrama", TARGET, 90_000, D(2005, 1, 1)),
]


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (D(2022, 2, 28), None),
        (D(2022, 3, 1), 350_000),
        (D(2023, 12, 31), 350_000),
        (D(2024, 1, 1), 500_000),
        (D(2024, 1, 10), 500_000),
        (D(2024, 1, 11), 350_000),  # the later row has ended, the earlier still holds
    ],
)
def test_the_row_in_force_on_a_date(date, expected):
    row = in_force(ROWS, "mactaa", TARGET, date)
    assert (None if row is None else row.m3_per_day) == expected


def test_of_rows_that_begin_on_one_date_the_last_given_holds():
    rows = [*ROWS, Capacity("mactaa", TARGET, 380_000, D(2022, 3, 1))]
    assert in_force(rows, "mactaa", TARGET, D(2022, 6, 1)).m3_per_day == 380_000


def test_a_day_against_its_target_and_capacities():
    found = standing(343_000, ROWS, "mactaa", D(2023, 6, 1))
    assert found.target_m3 == 350_000
    assert found.attainment == pytest.approx(0.98)
    assert found.shortfall_m3 == 7_000
    assert found.capacity_m3 == {DESIGN: 500_000, TARGET: 350_000}
    assert found.utilisation[DESIGN] == pytest.approx(0.686)


def test_a_day_above_target_has_no_shortfall():
    found = standing(360_000, ROWS, "mactaa", D(2023, 6, 1))
    assert found.shortfall_m3 == 0
    assert found.attainment == pytest.approx(360 / 350)


def test_an_unknown_volume_has_a_target_but_no_attainment():
    found = standing(None, ROWS, "mactaa", D(2023, 6, 1))
    assert (found.target_m3, found.attainment, found.shortfall_m3) == (350_000, None, None)
    assert found.utilisation == {DESIGN: None, TARGET: None}


def test_a_target_is_of_a_day_whatever_its_hours():
    for date in (D(2025, 3, 30), D(2025, 10, 26)):  # 23 and 25 h in Europe/Rome
        assert standing(350_000, ROWS, "mactaa", date).attainment == 1.0


def test_a_target_of_zero_gives_no_ratio():
    rows = [Capacity("works", TARGET, 0, D(2020, 1, 1))]
    found = standing(0.0, rows, "works", D(2020, 1, 1))
    assert (found.attainment, found.shortfall_m3) == (None, 0)


@pytest.mark.parametrize("volume", [-1.0])
def test_a_capacity_below_zero_is_refused(volume):
    with pytest.raises(BadDescription, match="volume"):
        Capacity("s", TARGET, volume, D(2020, 1, 1))


def test_a_capacity_that_ends_before_it_begins_is_refused():
    with pytest.raises(BadDescription, match="valid_to"):
        Capacity("s", TARGET, 1, D(2020, 1, 2), D(2020, 1, 1))


def days(first, *volumes):
    return [DayVolume(first + dt.timedelta(n), v) for n, v in enumerate(volumes)]


def test_a_summary_of_days():
    span = days(D(2023, 6, 1), 350_000, 340_000, 330_000, None, 300_000, 360_000)
    found = summary(span, ROWS, "mactaa")
    assert (found.days, found.days_known) == (6, 5)
    assert found.total_m3 == 1_680_000
    assert found.mean_m3_per_day == 336_000
    assert found.best == span[5]
    assert found.worst == span[4]
    assert (found.days_with_target, found.days_on_target) == (5, 2)
    assert found.longest_below == Run(2, D(2023, 6, 2), D(2023, 6, 3))  # the unknown day ends it
    assert found.utilisation[DESIGN] == pytest.approx(1_680_000 / 2_500_000)
    assert found.utilisation[CapacityKind.CONTRACTUAL] is None


def test_a_missing_date_ends_a_run_below_target():
    span = [DayVolume(D(2023, 6, n), 1.0) for n in (1, 2, 4, 5, 6)]
    assert summary(span, ROWS, "mactaa").longest_below == Run(3, D(2023, 6, 4), D(2023, 6, 6))


def test_a_summary_of_nothing_is_unknown():
    found = summary(days(D(2023, 6, 1), None, None), ROWS, "mactaa")
    assert (found.total_m3, found.mean_m3_per_day, found.best, found.worst) == (None,) * 4
    assert found.longest_below == Run(0)
    assert summary([], ROWS, "mactaa").days == 0


def test_days_before_the_target_do_not_count_against_it():
    found = summary(days(D(2022, 2, 27), 1.0, 1.0, 1.0), ROWS, "mactaa")
    assert (found.days_known, found.days_with_target) == (3, 1)


def test_a_day_known_in_part_is_in_the_total_and_no_worst_day_nor_below_target():
    days = [
        DayVolume(D(2023, 6, 1), 15_000, in_part=True),
        DayVolume(D(2023, 6, 2), 340_000),
        DayVolume(D(2023, 6, 3), 360_000),
    ]
    found = summary(days, ROWS, "mactaa")
    assert (found.days, found.days_known, found.days_in_part) == (3, 3, 1)
    assert found.total_m3 == 715_000
    assert found.mean_m3_per_day == 350_000
    assert found.worst == days[1]
    assert found.longest_below == Run(1, D(2023, 6, 2), D(2023, 6, 2))
    assert (found.days_with_target, found.days_on_target) == (2, 1)
    assert found.utilisation[TARGET] == pytest.approx(1.0)
