import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.checks import Checks, check_times
from config.devices import ModbusTag
from water.quality import BAD, GOOD, UNCERTAIN, Reason, quality

S = 1_000_000_000


def tag(name="t", unit="m3/h", kind="flow", **settings):
    return ModbusTag.model_validate(
        {"id": name, "kind": kind, "unit": unit, "address": 0, **settings}
    )


def apply(checks, index, seconds, values, came=None):
    n = len(index)
    value, code = checks.apply(
        np.array(index, np.intp),
        (np.array(seconds, float) * S).astype(np.int64),
        np.array(values, float),
        np.zeros(n, np.uint8) if came is None else np.array(came, np.uint8),
    )
    return value, code


OUT = quality(BAD, Reason.OUT_OF_RANGE)
NAN = quality(BAD, Reason.NOT_A_NUMBER)
RATE = quality(UNCERTAIN, Reason.RATE_OF_CHANGE)
STUCK = quality(UNCERTAIN, Reason.STUCK)


def test_out_of_range_is_bad_and_the_value_stays():
    checks = Checks([tag(range=[0, 10], unit="L/s")])  # 0 to 36 m3/h
    value, code = apply(checks, [0] * 5, range(5), [-0.1, 0, 36, 36.1, 20])
    assert code.tolist() == [OUT, GOOD, GOOD, OUT, GOOD]
    assert value.tolist() == [-0.1, 0, 36, 36.1, 20]


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_bad_and_has_no_value(number):
    value, code = apply(Checks([tag(range=[0, 10])]), [0], [0], [number])
    assert code.tolist() == [NAN]
    assert np.isnan(value[0])


def test_faster_than_the_rate_limit_is_uncertain():
    checks = Checks([tag(rate_limit=2)])
    assert apply(checks, [0], [0], [10])[1].tolist() == [GOOD]
    assert apply(checks, [0], [1], [12])[1].tolist() == [GOOD]
    assert apply(checks, [0], [2], [14.1])[1].tolist() == [RATE]
    assert apply(checks, [0], [12], [30])[1].tolist() == [GOOD]  # 10 s: 20 are allowed


def test_the_rate_is_in_the_tags_unit():
    checks = Checks([tag(rate_limit=1, unit="L/s")])  # 3.6 m3/h a second
    _, code = apply(checks, [0, 0, 0], [0, 1, 2], [0, 3.5, 7.2])
    assert code.tolist() == [GOOD, GOOD, RATE]


def test_a_bad_reading_is_no_base_for_the_rate():
    checks = Checks([tag(rate_limit=1, range=[0, 100])])
    _, code = apply(checks, [0] * 4, range(4), [50, 5000, np.nan, 50.5])
    assert code.tolist() == [GOOD, OUT, NAN, GOOD]


def test_the_very_same_value_for_too_long_is_stuck_until_it_moves():
    checks = Checks([tag(stuck_after="5s")])
    codes = [apply(checks, [0], [t], [7.0])[1][0] for t in range(8)]
    assert codes == [GOOD] * 6 + [STUCK] * 2
    assert apply(checks, [0], [8], [7.1])[1].tolist() == [GOOD]


def test_a_lost_device_is_not_stuck_when_it_returns():
    checks = Checks([tag(stuck_after="5s", rate_limit=1)])
    apply(checks, [0], [0], [7.0])
    checks.forget()
    assert apply(checks, [0], [60], [7.0])[1].tolist() == [GOOD]
    checks.forget()
    assert apply(checks, [0], [61], [700.0])[1].tolist() == [GOOD]


def test_the_worse_quality_stays():
    checks = Checks([tag(range=[0, 10])])
    refused = quality(BAD, Reason.REFUSED)
    assert apply(checks, [0], [0], [5], [refused])[1].tolist() == [refused]
    assert apply(checks, [0], [1], [np.nan], [refused])[1].tolist() == [refused]


def test_time_running_backwards_has_no_rate():
    checks = Checks([tag(rate_limit=1)])
    apply(checks, [0], [100], [0])
    assert apply(checks, [0], [50], [500])[1].tolist() == [GOOD]


readings = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from([0.0, 1.0, 2.0, 5.0, 50.0, 500.0, float("nan"), float("inf")]),
    ),
    min_size=1,
    max_size=40,
)


@given(readings, st.integers(1, 7))
def test_columns_at_once_and_readings_one_by_one_agree(rows, at_once):
    """However a stream is cut into batches, each reading gets the same quality; none is dropped."""
    tags = [
        tag("a", rate_limit=3, stuck_after="2s"),
        tag("b", range=[0, 40]),
        tag("c", rate_limit=1),
    ]
    singly, together = Checks(tags), Checks(tags)
    one = [apply(singly, [i], [t], [v])[1][0] for t, (i, v) in enumerate(rows)]
    many = []
    for start in range(0, len(rows), at_once):
        part = rows[start : start + at_once]
        seconds = range(start, start + len(part))
        many += apply(together, [i for i, _ in part], seconds, [v for _, v in part])[1].tolist()
    assert many == one


def test_times_too_old_are_stale_and_times_to_come_are_skewed():
    came = np.zeros(3, np.uint8)
    code = check_times(np.array([0, 99, 110]) * S, 100 * S, 5 * S, came)
    assert code.tolist() == [
        quality(UNCERTAIN, Reason.STALE),
        GOOD,
        quality(UNCERTAIN, Reason.CLOCK_SKEW),
    ]
