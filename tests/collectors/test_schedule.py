import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.schedule import Schedule

S = 1_000_000_000
times = st.integers(0, 4_000_000_000 * S)
intervals = st.integers(1, 3600 * S)


@given(times, intervals)
def test_a_tick_is_the_next_multiple_of_the_interval(now_ns, interval_ns):
    tick = Schedule(interval_ns).after(now_ns)
    assert tick % interval_ns == 0
    assert now_ns < tick <= now_ns + interval_ns


@given(times, intervals, st.integers(0, 50))
def test_ticks_passed_over_are_counted(now_ns, interval_ns, passed):
    schedule = Schedule(interval_ns)
    tick = schedule.after(now_ns)
    later = tick + (passed + 1) * interval_ns
    assert schedule.skipped(tick, later, passed * interval_ns) == passed


def test_a_jump_of_the_wall_clock_is_no_missed_scan():
    schedule = Schedule(S)
    assert schedule.skipped(1000 * S, 4601 * S, elapsed_ns=S // 10) <= 1
    assert schedule.skipped(4600 * S, 1001 * S, elapsed_ns=S // 10) == 0


@pytest.mark.parametrize(
    ("interval_ns", "delay_ms", "late"),
    [(S, 99, False), (S, 101, True), (S // 5, 19, False), (S // 5, 21, True), (60 * S, 101, True)],
)
def test_late_is_more_than_a_tenth_of_the_interval_or_100_ms(interval_ns, delay_ms, late):
    tick = Schedule(interval_ns).after(0)
    assert Schedule(interval_ns).is_late(tick, tick + delay_ms * 1_000_000) is late


def test_an_interval_of_nothing_is_refused():
    with pytest.raises(ValueError, match="interval"):
        Schedule(0)
