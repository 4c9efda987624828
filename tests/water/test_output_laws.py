"""The laws of a volume, over synthetic flows whose integral is known in closed form."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from water.output import Method, Series, meter_volume, sum_of

seeds = st.integers(0, 2**32 - 1)
HOUR = 3600.0


def passed_of(rng):
    """A flow mean + swing·sin, always positive, m³/h; its integral; bound of its second derivative."""
    mean = rng.uniform(500, 15_000)
    swing = rng.uniform(0, 0.9) * min(mean, 20_000 - mean)
    omega = 2 * np.pi / rng.uniform(2 * HOUR, 24 * HOUR)
    phase = rng.uniform(0, 2 * np.pi)

    def flow(t):
        return mean + swing * np.sin(omega * t + phase)

    def passed(t):
        return (
            mean * t - swing / omega * (np.cos(omega * t + phase) - np.cos(phase))
        ) / HOUR + 20_000

    return flow, passed, swing * omega**2


def times_of(rng, step=30.0, span=4 * HOUR):
    """Readings about every step, never twice at one time, beyond both ends of the span."""
    count = int(span / step) + 20
    return np.cumsum(rng.uniform(0.5 * step, 1.5 * step, count)) - 5 * step


@settings(max_examples=60, deadline=None)
@given(seed=seeds, with_flow=st.booleans(), modulus=st.sampled_from([2.0**32, 65_536.0]))
def test_the_volume_of_a_span_is_the_sum_over_any_split(bench, seed, with_flow, modulus):
    rng = np.random.default_rng(seed)
    flow_at, passed, _ = passed_of(rng)
    time_s = times_of(rng)
    register = bench.register(time_s, passed, modulus=modulus)
    flow = bench.series(time_s, flow_at(time_s)) if with_flow else None
    meter = bench.meter(modulus_m3=modulus)
    cuts = np.sort(rng.uniform(time_s[0], time_s[-1], 6))
    whole = meter_volume(meter, register, flow, bench.at(cuts[0]), bench.at(cuts[-1]))
    parts = [
        meter_volume(meter, register, flow, bench.at(a), bench.at(b))
        for a, b in itertools.pairwise(cuts)
    ]
    assert whole.volume_m3 == pytest.approx(sum(p.volume_m3 for p in parts), rel=1e-9, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(seed=seeds)
def test_a_split_flow_integral_adds_up_whatever_its_holes(bench, seed):
    rng = np.random.default_rng(seed)
    flow_at, _, _ = passed_of(rng)
    time_s = times_of(rng)
    time_s = time_s[rng.random(time_s.size) > 0.4]
    flow = bench.series(time_s, flow_at(time_s))
    cuts = np.sort(rng.uniform(time_s[0], time_s[-1], 5))
    whole = meter_volume(bench.meter(), None, flow, bench.at(cuts[0]), bench.at(cuts[-1]))
    parts = [
        meter_volume(bench.meter(), None, flow, bench.at(a), bench.at(b))
        for a, b in itertools.pairwise(cuts)
    ]
    total = sum(p.volume_m3 or 0.0 for p in parts)
    assert (whole.volume_m3 or 0.0) == pytest.approx(total, rel=1e-9, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(seed=seeds, keep=st.floats(0.01, 1.0), modulus=st.sampled_from([2.0**32, 131_072.0]))
def test_thinning_a_totalizer_leaves_its_volume_unchanged(bench, seed, keep, modulus):
    rng = np.random.default_rng(seed)
    _, passed, _ = passed_of(rng)
    time_s = times_of(rng, span=2 * HOUR)  # no hole may hold half the modulus
    begin, end = rng.uniform(200, HOUR), rng.uniform(HOUR + 1, 2 * HOUR)
    kept = rng.random(time_s.size) < keep
    for edge in (begin, end):  # the boundaries' neighbours stay
        after = int(np.searchsorted(time_s, edge))
        kept[after - 1 : after + 1] = True
    full = bench.register(time_s, passed, modulus=modulus)
    thin = Series(full.time_ns[kept], full.value[kept], full.quality[kept])
    meter = bench.meter(modulus_m3=modulus)
    of_full = meter_volume(meter, full, None, bench.at(begin), bench.at(end))
    of_thin = meter_volume(meter, thin, None, bench.at(begin), bench.at(end))
    assert of_thin.volume_m3 == pytest.approx(of_full.volume_m3, rel=1e-12, abs=1e-6)
    assert of_thin.coverage <= of_full.coverage + 1e-12


@settings(max_examples=60, deadline=None)
@given(seed=seeds, count=st.sampled_from([0.001, 0.1, 1.0, 10.0]))
def test_both_methods_agree_with_the_closed_form_within_the_step(bench, seed, count):
    rng = np.random.default_rng(seed)
    flow_at, passed, bend = passed_of(rng)
    step = 30.0
    time_s = times_of(rng, step)
    begin, end = np.sort(rng.uniform(0, 4 * HOUR, 2))
    end = max(end, begin + 60)
    truth = float(passed(end) - passed(begin))
    span = (bench.at(begin), bench.at(end))
    meter = bench.meter(resolution_m3=count)
    by_register = meter_volume(meter, bench.register(time_s, passed, count=count), None, *span)
    by_flow = meter_volume(meter, None, bench.series(time_s, flow_at(time_s)), *span)
    longest = 1.5 * step
    # at each boundary: a count, and linear interpolation of the running volume within one step
    slope_change = bend / (2 * np.pi / (24 * HOUR))  # |q'| ≤ swing·ω ≤ bend / ω_min
    register_bound = 2 * (count + slope_change / HOUR * longest**2 / 8)
    flow_bound = bend / HOUR * longest**2 / 12 * (end - begin) + 2 * bend / HOUR * longest**3 / 8
    assert abs(by_register.volume_m3 - truth) <= register_bound + 1e-6
    assert abs(by_flow.volume_m3 - truth) <= flow_bound + 1e-6
    assert by_register.method is Method.TOTALIZER
    assert by_flow.method is Method.FLOW_INTEGRAL


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_arrival_order_does_not_matter(bench, seed):
    rng = np.random.default_rng(seed)
    flow_at, passed, _ = passed_of(rng)
    time_s = times_of(rng)
    register, flow = bench.register(time_s, passed), bench.series(time_s, flow_at(time_s))
    mixed = rng.permutation(time_s.size)
    shuffled = [
        Series(s.time_ns[mixed], s.value[mixed], s.quality[mixed]) for s in (register, flow)
    ]
    span = (bench.at(100), bench.at(3 * HOUR))
    assert meter_volume(bench.meter(), *shuffled, *span) == meter_volume(
        bench.meter(), register, flow, *span
    )


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_single_wild_readings_change_nothing(bench, seed):
    rng = np.random.default_rng(seed)
    _, passed, _ = passed_of(rng)
    time_s = times_of(rng)
    register = bench.register(time_s, passed)
    wild = np.sort(rng.choice(np.arange(10, time_s.size - 10, 3), 5, replace=False))
    spoiled = register.value.copy()
    spoiled[wild] += rng.choice([-1, 1], 5) * rng.uniform(5_000, 900_000, 5)
    span = (bench.at(200), bench.at(3.5 * HOUR))
    clean = meter_volume(bench.meter(), register, None, *span)
    found = meter_volume(
        bench.meter(), Series(register.time_ns, spoiled, register.quality), None, *span
    )
    edges = np.searchsorted(time_s, [200, 3.5 * HOUR])
    near = {int(i) for e in edges for i in (e - 1, e)}
    slack = 0.0 if near.isdisjoint(int(i) for i in wild) else 200.0  # a neighbour is left out
    assert found.volume_m3 == pytest.approx(clean.volume_m3, abs=slack + 1e-6)


@settings(max_examples=100, deadline=None)
@given(
    values=st.lists(st.floats(0, 70_000), min_size=2, max_size=60),
    modulus=st.sampled_from([65_536.0, 2.0**32]),
)
def test_no_register_however_mad_shows_more_than_the_meter_can_pass(bench, values, modulus):
    time_s = np.arange(len(values)) * 10.0
    span_s = float(time_s[-1])
    meter = bench.meter(modulus_m3=modulus)
    found = meter_volume(meter, bench.series(time_s, values), None, bench.at(0), bench.at(span_s))
    if found.volume_m3 is not None:
        standing_s = 60  # how long the register stood before the first reading is not known
        most = 20_833 * 1.05 * (span_s + standing_s) / HOUR + 2.001 * len(values)
        assert -1e-6 <= found.volume_m3 - found.estimated_m3 <= most


@settings(max_examples=30, deadline=None)
@given(seed=seeds, factor=st.floats(0.5, 2.0))
def test_a_calibration_factor_scales_the_volume(bench, seed, factor):
    rng = np.random.default_rng(seed)
    _, passed, _ = passed_of(rng)
    register = bench.register(times_of(rng), passed)
    span = (bench.at(100), bench.at(3 * HOUR))
    plain = meter_volume(bench.meter(45_000.0), register, None, *span)
    scaled = meter_volume(bench.meter(45_000.0, factor=factor), register, None, *span)
    assert scaled.volume_m3 == pytest.approx(factor * plain.volume_m3, rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, count=st.integers(2, 5))
def test_a_sum_is_the_sum_and_knows_no_less_than_its_parts(bench, seed, count):
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(count):
        flow_at, passed, _ = passed_of(rng)
        time_s = times_of(rng)
        parts.append(
            meter_volume(
                bench.meter(),
                bench.register(time_s, passed),
                bench.series(time_s, flow_at(time_s)),
                bench.at(0),
                bench.at(2 * HOUR),
            )
        )
    whole = sum_of(parts)
    assert whole.volume_m3 == pytest.approx(sum(p.volume_m3 for p in parts))
    assert max(p.u95_m3 for p in parts) <= whole.u95_m3 <= sum(p.u95_m3 for p in parts) + 1e-9
    assert whole.coverage == min(p.coverage for p in parts)
    assert whole.cross_check_m3 == pytest.approx(sum(p.cross_check_m3 for p in parts))
