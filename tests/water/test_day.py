from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from water.day import Calendar, DayStart

dates = st.dates(dt.date(2000, 1, 2), dt.date(2050, 1, 1))
zones = st.sampled_from(["Africa/Algiers", "Europe/Rome", "Asia/Kathmandu", "America/St_Johns"])


def calendar(zone, *starts):
    rows = tuple(DayStart(dt.time(hour), date) for hour, date in starts)
    return Calendar(ZoneInfo(zone), rows or (DayStart(dt.time(0), dt.date.min),))


@given(date=dates, zone=zones, hour=st.integers(0, 23))
def test_days_follow_one_another_without_gap_or_overlap(date, zone, hour):
    days = calendar(zone, (hour, dt.date.min))
    day, following = days.day(date), days.day(date + dt.timedelta(1))
    assert day.end_ns == following.begin_ns
    assert 23 <= day.hours <= 25
    for instant in (day.begin_ns, (day.begin_ns + day.end_ns) // 2, day.end_ns - 1):
        assert days.day_of(instant) == day
    assert days.day_of(day.end_ns) == following


@given(date=dates, zone=zones, before=st.integers(0, 23), after=st.integers(0, 23))
def test_a_changed_start_leaves_no_instant_without_its_day(date, zone, before, after):
    days = calendar(zone, (before, dt.date.min), (after, date))
    last_old, first_new = days.day(date - dt.timedelta(1)), days.day(date)
    assert last_old.end_ns == first_new.begin_ns
    for instant in (last_old.end_ns - 1, first_new.begin_ns, first_new.end_ns - 1):
        day = days.day_of(instant)
        assert day.begin_ns <= instant < day.end_ns


@pytest.mark.parametrize(
    ("date", "hours"),
    [(dt.date(2025, 3, 30), 23), (dt.date(2025, 10, 26), 25), (dt.date(2025, 7, 1), 24)],
)
def test_rome_changes_its_clocks_and_algiers_does_not(date, hours):
    assert calendar("Europe/Rome").day(date).hours == hours
    assert calendar("Africa/Algiers").day(date).hours == 24


def test_the_day_is_named_for_the_date_on_which_it_begins():
    days = calendar("Africa/Algiers", (6, dt.date.min))
    early = dt.datetime(2026, 1, 2, 4, 59, tzinfo=dt.UTC)  # 05:59 local
    assert days.day_of(int(early.timestamp()) * 10**9).date == dt.date(2026, 1, 1)


def test_days_of_a_span_are_those_of_its_dates():
    found = calendar("Africa/Algiers").days(dt.date(2026, 2, 27), dt.date(2026, 3, 2))
    assert [day.date.day for day in found] == [27, 28, 1, 2]
