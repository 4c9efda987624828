from __future__ import annotations

import datetime as dt

import pytest

from water.day import Day
from water.live import production_now
from water.output import Method, Volume

HOUR = 3_600 * 10**9
DAY = Day(dt.date(2026, 1, 1), 0, 24 * HOUR)


def so_far(volume_m3, coverage=1.0):
    return Volume(volume_m3, 1.0, coverage, True, Method.TOTALIZER)


def test_today_is_projected_at_the_present_flow():
    now = production_now(
        "mactaa", 18 * HOUR, DAY, [so_far(160_000), so_far(100_000, 0.9)], 15_000.0, 350_000.0, 0
    )
    assert now.today_m3 == 260_000
    assert now.projected_today_m3 == 350_000
    assert now.projected_attainment == pytest.approx(1.0)
    assert now.coverage == 0.9


def test_one_unknown_meter_makes_today_unknown():
    unknown = Volume(None, None, 0.4, False, None)
    now = production_now("mactaa", HOUR, DAY, [so_far(1.0), unknown], 15_000.0, 350_000.0, 0x89)
    assert (now.today_m3, now.projected_today_m3, now.projected_attainment) == (None,) * 3
    assert (now.coverage, now.quality, now.flow_m3_per_h) == (0.4, 0x89, 15_000)


def test_without_a_flow_or_a_target_nothing_is_projected():
    now = production_now("mactaa", HOUR, DAY, [so_far(1.0)], None, None, 0)
    assert (now.today_m3, now.projected_today_m3, now.projected_attainment) == (1.0, None, None)


def test_after_the_days_end_nothing_is_added():
    now = production_now("mactaa", 25 * HOUR, DAY, [so_far(9.0)], 100.0, 18.0, 0)
    assert (now.projected_today_m3, now.projected_attainment) == (9.0, 0.5)
