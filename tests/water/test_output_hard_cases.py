"""The table of hard cases, each as a named test: the day of a meter that something happened to."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from water.day import Calendar
from water.meter import Meter, MeterInstallation
from water.output import Method, Series, meter_volume

FLOW = 350_000 / 24  # m³/h, 4.05 m³/s


def kinds(volume):
    return [event.kind for event in volume.events]


def event(volume, kind):
    found = [e for e in volume.events if e.kind == kind]
    assert len(found) == 1, volume.events
    return found[0]


def without(series, *holes_s, origin):
    keep = np.ones(series.time_ns.size, bool)
    second = (series.time_ns - origin) / 1e9
    for begin, end in holes_s:
        keep &= (second <= begin) | (second >= end)
    return Series(series.time_ns[keep], series.value[keep], series.quality[keep])


def changed(series, change):
    value = series.value.copy()
    change(value)
    return Series(series.time_ns, value, series.quality)


def day_of(bench, meter, totalizer, flow=None):
    return meter_volume(meter, totalizer, flow, bench.begin, bench.end)


@pytest.fixture
def minute_register(bench):
    return bench.register(bench.minutes, bench.constant(FLOW))


@pytest.fixture
def minute_flow(bench):
    return bench.series(bench.minutes, np.full(bench.minutes.size, FLOW))


@pytest.fixture
def minute_meter(bench):
    return bench.meter(sample_interval_s=60.0, flow_max_gap_s=180.0)


def test_a_plain_day_is_the_difference_of_its_boundary_readings(
    bench, minute_meter, minute_register, minute_flow
):
    day = day_of(bench, minute_meter, minute_register, minute_flow)
    assert day.volume_m3 == 350_000
    assert day.method is Method.TOTALIZER
    assert (day.coverage, day.boundary_ok, day.estimated_m3, day.events) == (1.0, True, 0.0, ())
    assert day.cross_check_m3 == pytest.approx(350_000)
    assert day.disagreement == pytest.approx(0, abs=1e-9)
    assert day.u95_m3 == pytest.approx(3_500, rel=1e-3)


def test_rollover_of_a_16_bit_register_of_10_m3_at_500_000_a_day_is_exact(bench):
    """A uint16 of 10 m³ wraps every 31 h at this rate; polled each minute nothing is lost."""
    meter = bench.meter(
        modulus_m3=655_360.0, resolution_m3=10.0, sample_interval_s=60.0, flow_max_gap_s=180.0
    )
    passed = bench.constant(500_000 / 24)
    register = bench.register(bench.minutes, passed, start=400_000, count=10, modulus=655_360.0)
    day = day_of(bench, meter, register)
    assert day.volume_m3 == 500_000
    assert day.method is Method.TOTALIZER
    assert event(day, "rollover").volume_m3 == pytest.approx(350, abs=10)


def test_rollover_that_may_have_happened_twice_within_a_gap_is_quarantined(bench):
    """32 h without a reading at 500,000 m³/d: the register may have wrapped once or not at all."""
    meter = bench.meter(
        modulus_m3=655_360.0, resolution_m3=10.0, sample_interval_s=60.0, flow_max_gap_s=180.0
    )
    minutes = np.arange(-30 * 3600, 40 * 3600, 60.0)
    full = bench.register(
        minutes, bench.constant(500_000 / 24), start=400_000 + 625_000, count=10, modulus=655_360.0
    )
    register = without(full, (-4 * 3600, 28 * 3600), origin=bench.T0)
    day = day_of(bench, meter, register)
    assert day.volume_m3 is None
    assert day.u95_m3 is None
    assert day.coverage == 0
    assert event(day, "ambiguous_rollover").volume_m3 is None


def test_a_gap_in_which_half_the_modulus_may_have_passed_is_ambiguous_even_if_one_wrap_fits(bench):
    meter = bench.meter(
        modulus_m3=655_360.0, resolution_m3=10.0, sample_interval_s=60.0, flow_max_gap_s=180.0
    )
    full = bench.register(
        bench.minutes, bench.constant(FLOW), start=400_000, count=10, modulus=655_360.0
    )
    register = without(full, (3_600, 20 * 3_600), origin=bench.T0)
    day = day_of(bench, meter, register)
    assert day.volume_m3 is None
    assert "ambiguous_rollover" in kinds(day)


def test_an_ambiguous_gap_that_the_flow_covers_is_estimated_from_it(bench, minute_flow):
    meter = bench.meter(
        modulus_m3=655_360.0, resolution_m3=10.0, sample_interval_s=60.0, flow_max_gap_s=180.0
    )
    full = bench.register(
        bench.minutes, bench.constant(FLOW), start=400_000, count=10, modulus=655_360.0
    )
    register = without(full, (3_600, 20 * 3_600), origin=bench.T0)
    day = day_of(bench, meter, register, minute_flow)
    assert day.volume_m3 == pytest.approx(350_000, abs=20)
    assert day.method is Method.MIXED
    assert day.estimated_m3 == pytest.approx(FLOW * 19, abs=20)


def test_a_fall_within_a_short_gap_is_one_rollover(bench):
    """Four hours cannot hold half of 655,360 m³ at the greatest flow, so one wrap is certain."""
    meter = bench.meter(
        modulus_m3=655_360.0, resolution_m3=10.0, sample_interval_s=60.0, flow_max_gap_s=180.0
    )
    full = bench.register(
        bench.minutes, bench.constant(FLOW), start=620_000, count=10, modulus=655_360.0
    )
    day = day_of(bench, meter, without(full, (3_600, 5 * 3_600), origin=bench.T0))
    assert day.volume_m3 == 350_000
    assert set(kinds(day)) == {"rollover", "gap"}


def test_a_reset_counts_what_passed_since_and_estimates_the_lost_part_from_the_flow(
    bench, minute_meter, minute_register, minute_flow
):
    """Reset at 10:00:30, read each minute: 30 s are on the new count, 30 s on none."""
    at = 36_030.0
    lost_from = int(np.searchsorted(bench.minutes, at))

    def reset(value):
        value[lost_from:] -= np.floor(1e6 + at * FLOW / 3600)

    day = day_of(bench, minute_meter, changed(minute_register, reset), minute_flow)
    assert day.volume_m3 == pytest.approx(350_000, abs=2)
    assert day.estimated_m3 == pytest.approx(30 * FLOW / 3600, abs=2)
    assert day.method is Method.MIXED
    assert event(day, "reset").volume_m3 == pytest.approx(30 * FLOW / 3600, abs=2)


def test_a_reset_within_a_long_gap_without_flow_leaves_the_day_unknown(
    bench, minute_meter, minute_register
):
    def reset(value):
        value[700:] -= value[650]

    register = without(changed(minute_register, reset), (600 * 60, 720 * 60), origin=bench.T0)
    day = day_of(bench, minute_meter, register)
    assert day.volume_m3 is None
    assert "reset" in kinds(day)


def test_a_replaced_meter_is_bridged_by_its_removal_and_fitting_readings(bench):
    """Removed at 12:00:20 with 1,175,081 on it; the new one fitted 40 s later with 17 on it."""
    removed, fitted = bench.at(43_220), bench.at(43_260)
    per_s = FLOW / 3600
    noted = float(np.floor(1e6 + 43_220 * per_s))
    meter = Meter(
        "m",
        20_833,
        installations=(
            MeterInstallation(removed_ns=removed, reading_at_removal_m3=noted, serial="A"),
            MeterInstallation(fitted_ns=fitted, reading_at_fitting_m3=17.0, serial="B"),
        ),
        flow_max_gap_s=180.0,
        sample_interval_s=60.0,
    )
    time_s = bench.minutes
    value = np.where(
        time_s < 43_240,
        np.floor(1e6 + time_s * per_s),
        17 + np.floor((time_s - 43_260) * per_s + 1e-9),
    )
    day = day_of(bench, meter, bench.series(time_s, value))
    true = (noted - 1e6) + np.floor((86_400 - 43_260) * per_s + 1e-9)
    assert day.volume_m3 - day.estimated_m3 == true  # exact to the registers' count
    assert set(kinds(day)) == {"replaced", "unmetered"}
    assert day.estimated_m3 == pytest.approx(40 * per_s, abs=1)


def test_a_meter_replaced_at_one_instant_is_exact(bench):
    swap, per_s = bench.at(43_230), FLOW / 3600
    noted = float(np.floor(1e6 + 43_230 * per_s))
    meter = Meter(
        "m",
        20_833,
        installations=(
            MeterInstallation(removed_ns=swap, reading_at_removal_m3=noted),
            MeterInstallation(fitted_ns=swap, reading_at_fitting_m3=99_990.0, modulus_m3=1e5),
        ),
    )
    time_s = bench.minutes
    new = np.mod(99_990 + np.floor((time_s - 43_230) * per_s + 1e-9), 1e5)
    value = np.where(time_s < 43_230, np.floor(1e6 + time_s * per_s), new)
    day = day_of(bench, meter, bench.series(time_s, value))
    assert day.volume_m3 == noted - 1e6 + np.floor((86_400 - 43_230) * per_s + 1e-9)
    assert day.estimated_m3 == 0
    assert day.method is Method.TOTALIZER


def test_a_replaced_meter_without_noted_readings_is_held_back_and_filled_from_flow(
    bench, minute_flow
):
    swap = bench.at(43_230)
    meter = Meter(
        "m",
        20_833,
        installations=(MeterInstallation(removed_ns=swap), MeterInstallation(fitted_ns=swap)),
        flow_max_gap_s=180.0,
        sample_interval_s=60.0,
    )
    time_s, per_s = bench.minutes, FLOW / 3600
    value = np.where(time_s < 43_230, 1e6 + time_s * per_s, 500_000 + time_s * per_s)
    day = day_of(bench, meter, bench.series(time_s, np.floor(value)), minute_flow)
    assert day.volume_m3 == pytest.approx(350_000, abs=2)
    assert day.estimated_m3 == pytest.approx(60 * per_s, abs=1)
    assert event(day, "replaced").volume_m3 is None


def test_a_backstep_of_one_or_two_counts_is_zero_and_is_not_counted_again(
    bench, minute_meter, minute_register
):
    stopped = changed(minute_register, lambda v: v.__setitem__(slice(700, None), v[700]))
    jitter = changed(stopped, lambda v: v.__setitem__(slice(750, 1400, 3), v[700] - 2))
    assert day_of(bench, minute_meter, jitter).volume_m3 == (
        day_of(bench, minute_meter, stopped).volume_m3
    )
    assert "backstep" in kinds(day_of(bench, minute_meter, jitter))


def test_a_register_that_runs_backwards_is_quarantined(bench, minute_meter, minute_register):
    def reverse(value):
        value[700:760] = value[700] - 1.5 * np.arange(60)
        value[760:] -= value[760] - value[759]

    day = day_of(bench, minute_meter, changed(minute_register, reverse))
    assert day.volume_m3 is None
    assert event(day, "quarantined").volume_m3 is None


def test_a_spike_that_reverts_is_left_out(bench, minute_meter, minute_register):
    spoiled = changed(minute_register, lambda v: v.__setitem__(700, v[700] + 9_000))
    day = day_of(bench, minute_meter, spoiled)
    assert day.volume_m3 == 350_000
    assert event(day, "spike").volume_m3 == 0
    assert day.coverage == pytest.approx(1 - 1 / 1440)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_torn_32_bit_word_is_left_out(bench, minute_meter, minute_register, sign):
    """High and low word from two instants: off by 65,536 counts for one reading."""
    torn = changed(minute_register, lambda v: v.__setitem__(700, v[700] + sign * 65_536))
    day = day_of(bench, minute_meter, torn)
    assert day.volume_m3 == 350_000
    assert kinds(day) == ["torn"]


def test_a_jump_that_stays_is_quarantined_and_never_counted(
    bench, minute_meter, minute_register, minute_flow
):
    jumped = changed(minute_register, lambda v: v.__setitem__(slice(700, None), v[700:] + 50_000))
    alone = day_of(bench, minute_meter, jumped)
    with_flow = day_of(bench, minute_meter, jumped, minute_flow)
    for day in (alone, with_flow):
        assert day.volume_m3 == pytest.approx(350_000, abs=2)
        assert day.estimated_m3 == pytest.approx(60 * FLOW / 3600, abs=2)
        assert event(day, "quarantined").volume_m3 is None
    assert with_flow.method is Method.MIXED


def test_a_jump_after_a_long_gap_without_flow_leaves_the_day_unknown(
    bench, minute_meter, minute_register, minute_flow
):
    jumped = changed(minute_register, lambda v: v.__setitem__(slice(700, None), v[700:] + 500_000))
    register = without(jumped, (9 * 3600, 13 * 3600), origin=bench.T0)
    assert day_of(bench, minute_meter, register).volume_m3 is None
    filled = day_of(bench, minute_meter, register, minute_flow)
    assert filled.volume_m3 == pytest.approx(350_000, abs=2)


def test_a_float32_totalizer_at_1e8_is_overruled_by_the_flow(bench):
    """A PLC that adds 4.05 m³ each second to a float32 of step 8: it shows 691,200 for 350,000."""
    meter = bench.meter(float32=True, modulus_m3=1e9)
    value = np.full(bench.seconds.size, 0, np.float32)
    value[0] = 1e8
    added = np.float32(FLOW / 3600)
    for i in range(1, value.size):
        value[i] = value[i - 1] + added
    register = bench.series(bench.seconds, value.astype(np.float64))
    flow = bench.series(bench.seconds, np.full(bench.seconds.size, FLOW))
    day = day_of(bench, meter, register, flow)
    assert day.volume_m3 == pytest.approx(350_000, rel=1e-6)
    assert day.method is Method.FLOW_INTEGRAL
    assert day.cross_check_m3 == pytest.approx(691_200)
    assert day.disagreement == pytest.approx(1 - 691_200 / 350_000)
    assert "float32" in kinds(day)
    alone = day_of(bench, meter, register)
    assert alone.method is Method.ESTIMATED
    assert alone.estimated_m3 == alone.volume_m3
    assert alone.u95_m3 >= 345_600


def test_a_float32_totalizer_that_the_flow_confirms_is_believed(bench, minute_flow):
    meter = bench.meter(float32=True, sample_interval_s=60.0, flow_max_gap_s=180.0)
    register = bench.register(bench.minutes, bench.constant(FLOW))
    day = day_of(bench, meter, register, minute_flow)
    assert (day.volume_m3, day.method) == (350_000, Method.TOTALIZER)
    assert day.cross_check_m3 == pytest.approx(350_000)


def test_a_float32_meter_that_was_replaced_before_the_day_does_not_taint_it(bench):
    old = MeterInstallation(removed_ns=bench.begin, float32=True)
    new = MeterInstallation(fitted_ns=bench.begin)
    meter = Meter(
        "m", 20_833, installations=(old, new), flow_max_gap_s=180.0, sample_interval_s=60.0
    )
    register = bench.register(bench.minutes, bench.constant(FLOW))
    day = day_of(bench, meter, register)
    assert (day.volume_m3, day.method) == (350_000, Method.TOTALIZER)


def test_a_gap_within_a_day_costs_nothing(bench, minute_meter, minute_register, minute_flow):
    """Five hours of lost communication: the same volume, 79 % of the samples."""
    hole = (8 * 3600, 13 * 3600)
    day = day_of(
        bench,
        minute_meter,
        without(minute_register, hole, origin=bench.T0),
        without(minute_flow, hole, origin=bench.T0),
    )
    assert day.volume_m3 == 350_000
    assert day.coverage == pytest.approx(19 / 24, abs=1e-3)
    assert day.boundary_ok
    assert day.method is Method.TOTALIZER
    assert day.estimated_m3 == 0
    assert event(day, "gap").volume_m3 == pytest.approx(5 * FLOW, abs=1)
    assert day.disagreement == pytest.approx(0, abs=1e-4)  # compared where both measured


def test_a_gap_over_midnight_is_shared_by_time_and_both_days_say_so(bench, minute_meter):
    minutes = np.arange(-60, 2 * 86_400 + 60, 60.0)
    register = without(
        bench.register(minutes, bench.constant(FLOW)), (82_800, 97_200), origin=bench.T0
    )  # 23:00 to 03:00
    midnight, next_end = bench.end, bench.at(2 * 86_400)
    first = meter_volume(minute_meter, register, None, bench.begin, midnight)
    second = meter_volume(minute_meter, register, None, midnight, next_end)
    gap_m3 = float(np.floor(97_200 * FLOW / 3600) - np.floor(82_800 * FLOW / 3600))
    for day, share, hours in ((first, 0.25, 1), (second, 0.75, 3)):
        assert day.volume_m3 == pytest.approx(350_000, abs=2)
        assert not day.boundary_ok
        assert day.estimated_m3 == pytest.approx(share * gap_m3, abs=2)
        assert event(day, "gap_over_boundary").volume_m3 == pytest.approx(share * gap_m3, abs=2)
        assert day.coverage == pytest.approx(1 - hours / 24, abs=1e-3)
        assert day.u95_m3 > 3_500 * 2
    assert first.volume_m3 + second.volume_m3 == 700_000


def test_a_day_wholly_within_a_gap_is_an_estimate(bench, minute_meter):
    minutes = np.arange(-86_400, 2 * 86_400 + 60, 60.0)
    register = without(
        bench.register(minutes, bench.constant(FLOW)), (-3_600, 90_000), origin=bench.T0
    )
    day = day_of(bench, minute_meter, register)
    assert day.volume_m3 == pytest.approx(350_000, abs=2)
    assert day.method is Method.ESTIMATED
    assert day.estimated_m3 == day.volume_m3
    assert day.coverage == 0
    assert not day.boundary_ok


@pytest.mark.parametrize("jump_s", [3_600.3, -3_600.3, 3_600, -3_600])
def test_a_device_clock_that_jumps_and_returns_does_not_change_the_volume(bench, jump_s):
    """For ten minutes the device stamps an hour off; its readings lie among the right ones."""
    time_s = bench.seconds.copy()
    passed = bench.constant(FLOW)
    wrong = (time_s >= 40_000) & (time_s < 40_600)
    register = bench.register(time_s, passed)
    stamped = np.where(wrong, time_s + jump_s, time_s)
    jumped = bench.series(stamped, register.value)
    day = day_of(bench, bench.meter(), jumped)
    # where a stray reading takes the place of a right one, a second at each end is held back
    assert day.volume_m3 == pytest.approx(350_000, abs=2)
    assert day.events
    if jump_s != round(jump_s):
        assert "clock_jump" in kinds(day)


def test_a_duplicate_reading_counts_once_and_the_later_arrival_wins(bench, minute_meter):
    register = bench.register(bench.minutes, bench.constant(FLOW))
    again = 800
    twice = Series(
        np.append(register.time_ns, register.time_ns[again]),
        np.append(register.value, register.value[again] + 1),
        np.append(register.quality, 0).astype(np.uint8),
    )
    day = meter_volume(minute_meter, twice, None, bench.begin, int(register.time_ns[again]))
    once = meter_volume(minute_meter, register, None, bench.begin, int(register.time_ns[again]))
    assert day.volume_m3 == once.volume_m3 + 1


def test_readings_out_of_order_are_sorted(bench, minute_meter, minute_register):
    late = np.r_[np.arange(500), np.arange(600, minute_register.time_ns.size), np.arange(500, 600)]
    shuffled = Series(
        minute_register.time_ns[late], minute_register.value[late], minute_register.quality[late]
    )
    assert day_of(bench, minute_meter, shuffled) == day_of(bench, minute_meter, minute_register)


def test_without_a_totalizer_the_flow_is_integrated(bench, minute_meter, minute_flow):
    day = day_of(bench, minute_meter, None, minute_flow)
    assert day.volume_m3 == pytest.approx(350_000)
    assert (day.method, day.coverage, day.boundary_ok) == (Method.FLOW_INTEGRAL, 1.0, True)
    assert (day.cross_check_m3, day.disagreement) == (None, None)


def test_a_hole_in_the_flow_is_uncovered_and_never_interpolated(bench, minute_meter, minute_flow):
    day = day_of(bench, minute_meter, None, without(minute_flow, (7_200, 14_400), origin=bench.T0))
    assert day.volume_m3 == pytest.approx(350_000 * 22 / 24)
    assert day.coverage == pytest.approx(22 / 24)
    assert day.u95_m3 > 2 * 20_000  # anything up to the greatest flow may have passed
    assert event(day, "gap").volume_m3 is None


def test_both_methods_disagreeing_is_told_and_widens_the_uncertainty(
    bench, minute_meter, minute_register
):
    low = bench.series(bench.minutes, np.full(bench.minutes.size, 0.93 * FLOW))
    day = day_of(bench, minute_meter, minute_register, low)
    assert day.volume_m3 == 350_000
    assert day.method is Method.TOTALIZER
    assert day.cross_check_m3 == pytest.approx(0.93 * 350_000)
    assert day.disagreement == pytest.approx(0.07)
    assert day.u95_m3 == pytest.approx(0.07 * 350_000, rel=1e-3)


@pytest.mark.parametrize(
    ("date", "hours"),
    [(dt.date(2025, 3, 30), 23), (dt.date(2025, 10, 26), 25), (dt.date(2025, 6, 1), 24)],
)
def test_days_of_23_and_25_hours_count_their_own_hours(bench, date, hours):
    day = Calendar(ZoneInfo("Europe/Rome")).day(date)
    assert day.hours == hours
    seconds = np.arange(
        (day.begin_ns - bench.T0) / 1e9 - 60, (day.end_ns - bench.T0) / 1e9 + 61, 60
    )
    meter = bench.meter(sample_interval_s=60.0, flow_max_gap_s=180.0)
    register = bench.register(seconds, bench.constant(3_600.0), start=1e8)
    found = meter_volume(meter, register, None, day.begin_ns, day.end_ns)
    assert found.volume_m3 == hours * 3_600
    assert found.coverage == 1.0


def test_readings_at_both_sides_of_local_midnight_are_of_two_days():
    calendar = Calendar(ZoneInfo("Africa/Algiers"))
    late = dt.datetime(2026, 1, 1, 22, 59, 59, tzinfo=dt.UTC)
    early = dt.datetime(2026, 1, 1, 23, 0, 0, tzinfo=dt.UTC)
    assert calendar.day_of(int(late.timestamp()) * 10**9).date == dt.date(2026, 1, 1)
    assert calendar.day_of(int(early.timestamp()) * 10**9).date == dt.date(2026, 1, 2)


@pytest.mark.parametrize("empty", [None, "none good"])
def test_a_day_with_no_data_is_unknown_and_never_zero(bench, minute_meter, empty):
    series = None if empty is None else bench.series([10.0, 70.0], [5.0, 6.0], [0x89, 0x89])
    day = day_of(bench, minute_meter, series, series)
    assert (day.volume_m3, day.u95_m3, day.coverage, day.method) == (None, None, 0.0, None)
    assert not day.boundary_ok


def test_a_day_that_begins_before_the_first_reading_has_only_what_was_measured(
    bench, minute_meter, minute_register
):
    started = without(minute_register, (-100, 10 * 3600), origin=bench.T0)
    day = day_of(bench, minute_meter, started)
    assert day.volume_m3 == pytest.approx(FLOW * 14, abs=1)
    assert not day.boundary_ok
    assert day.coverage == pytest.approx(14 / 24, abs=1e-3)
    assert day.u95_m3 > 10 * 20_000


def test_a_slow_plc_refresh_is_not_a_jump(bench):
    """A register refreshed every 20 s and read every second stands still, then rises by 81."""
    time_s = bench.seconds
    refreshed = np.floor(time_s / 20) * 20
    register = bench.series(time_s, np.floor(1e6 + refreshed * FLOW / 3600))
    for first in range(3):  # also where the series begins just before a refresh
        cut = Series(register.time_ns[first:], register.value[first:], register.quality[first:])
        day = day_of(bench, bench.meter(), cut)
        assert day.volume_m3 == 350_000
        assert day.events == ()


def test_negative_and_missing_readings_of_bad_quality_are_nothing(bench, minute_meter):
    register = bench.register(bench.minutes, bench.constant(FLOW))
    value, quality = register.value.copy(), register.quality.copy()
    value[500:510], quality[500:510] = np.nan, 0x89
    value[600], quality[600] = -5.0, 0x42
    day = day_of(bench, minute_meter, Series(register.time_ns, value, quality))
    assert day.volume_m3 == 350_000
    assert day.coverage == pytest.approx(1 - 11 / 1440)
