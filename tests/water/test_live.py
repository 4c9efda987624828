from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from water.day import Day
from water.live import production_now
from water.meter import Meter
from water.output import Method, Series, Volume, meter_volume
from water.quality import reason_of, status_of

HOUR = 3_600 * 10**9
DAY = Day(dt.date(2026, 1, 1), 0, 24 * HOUR)


def so_far(volume_m3, coverage=1.0):
    return Volume(volume_m3, 1.0, coverage, True, Method.TOTALIZER)


def test_today_is_projected_at_the_present_flow():
    now = production_now(
        "mactaa",
        18 * HOUR,
        DAY,
        [so_far(160_000), so_far(100_000, 0.9)],
        [10_000.0, 10_000.0],
        15_000.0,
        350_000.0,
        0,
    )
    assert now.today_m3 == 260_000
    assert now.projected_today_m3 == 350_000
    assert now.projected_attainment == pytest.approx(1.0)
    assert now.coverage == 0.9


def test_one_unknown_meter_makes_today_unknown():
    unknown = Volume(None, None, 0.4, False, None)
    now = production_now(
        "mactaa", HOUR, DAY, [so_far(1.0), unknown], [9e3, 9e3], 15_000.0, 350_000.0, 0x89
    )
    assert (now.today_m3, now.projected_today_m3, now.projected_attainment) == (None,) * 3
    assert (now.coverage, now.quality, now.flow_m3_per_h) == (0.4, 0x89, 15_000)


def test_without_a_flow_or_a_target_nothing_is_projected():
    now = production_now("mactaa", HOUR, DAY, [so_far(1.0)], [9e3], None, None, 0)
    assert (now.today_m3, now.projected_today_m3, now.projected_attainment) == (1.0, None, None)


def test_after_the_days_end_nothing_is_added():
    now = production_now("mactaa", 25 * HOUR, DAY, [so_far(9.0)], [9e3], 100.0, 18.0, 0)
    assert (now.projected_today_m3, now.projected_attainment) == (9.0, 0.5)


METER = Meter("out", 20_000.0)


def minutes(begin_h, end_h, value_at):
    time_ns = np.arange(int(begin_h * 60), int(end_h * 60) + 1, dtype=np.int64) * 60 * 10**9
    return Series(time_ns, value_at(time_ns / HOUR), np.zeros(time_ns.size, np.uint8))


def now_of(volume, at_h):
    return production_now(
        "mactaa", int(at_h * HOUR), DAY, [volume], [20_000.0], 15_000.0, 350_000.0, 0
    )


def counting(begin_h, end_h):
    return minutes(begin_h, end_h, lambda h: np.floor(1000 + 15_000 * h))


def assert_doubted(now):
    assert (status_of(now.quality), reason_of(now.quality)) == ("uncertain", "incomplete")
    assert (now.projected_today_m3, now.projected_attainment) == (None, None)


def test_a_day_known_since_noon_only_is_told_as_incomplete_and_not_projected():
    now = now_of(meter_volume(METER, counting(12, 18), None, 0, 18 * HOUR), 18)
    assert now.today_m3 == pytest.approx(90_000, abs=1)
    assert_doubted(now)


def test_an_hour_missing_at_the_days_begin_is_doubted_until_the_days_end():
    for at_h in (1.5, 6, 20, 23.9):
        assert_doubted(
            now_of(meter_volume(METER, counting(1, at_h), None, 0, int(at_h * HOUR)), at_h)
        )


def test_a_totalizer_that_stands_still_while_water_flows_is_doubted():
    still = minutes(0, 18, lambda h: 1000 + np.floor(np.minimum(h, 9) * 15_000))
    flow = minutes(0, 18, lambda h: np.full(h.size, 15_000.0))
    assert_doubted(now_of(meter_volume(METER, still, flow, 0, 18 * HOUR), 18))


def test_a_flow_alone_with_hours_missing_is_doubted():
    flow = minutes(0, 18, lambda h: np.full(h.size, 15_000.0))
    kept = (flow.time_ns < 6 * HOUR) | (flow.time_ns > 9 * HOUR)
    holed = Series(flow.time_ns[kept], flow.value[kept], flow.quality[kept])
    assert_doubted(now_of(meter_volume(METER, None, holed, 0, 18 * HOUR), 18))


@pytest.mark.parametrize("at_h", [0.05, 1, 12, 23.9])
def test_a_day_read_from_its_begin_is_good(at_h):
    now = now_of(meter_volume(METER, counting(-1, at_h), None, 0, int(at_h * HOUR)), at_h)
    assert status_of(now.quality) == "good"
    assert now.projected_today_m3 == pytest.approx(360_000, rel=1e-4)


def test_a_gap_that_the_totalizer_bridges_and_a_plant_that_stands_are_good():
    counted = counting(-1, 18)
    kept = (counted.time_ns < 6 * HOUR) | (counted.time_ns > 11 * HOUR)
    bridged = Series(counted.time_ns[kept], counted.value[kept], counted.quality[kept])
    assert status_of(now_of(meter_volume(METER, bridged, None, 0, 18 * HOUR), 18).quality) == "good"
    stands = minutes(-1, 18, lambda h: np.full(h.size, 1000.0))
    now = now_of(meter_volume(METER, stands, None, 0, 18 * HOUR), 18)
    assert (now.today_m3, status_of(now.quality)) == (0.0, "good")
