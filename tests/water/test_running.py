"""The running day equals ``meter_volume`` over the same readings, however they are fed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from water.meter import Meter, MeterInstallation
from water.output import Series, meter_volume
from water.running import CONTEXT, TAIL, RunningDay

seeds = st.integers(0, 2**32 - 1)


def part(series, first, last):
    return Series(series.time_ns[first:last], series.value[first:last], series.quality[first:last])


def fed_in_batches(rng, state, register, flow, greatest=90):
    at = 0
    while at < register.time_ns.size:
        step = int(rng.integers(1, greatest))
        state = state.fed(
            part(register, at, at + step), None if flow is None else part(flow, at, at + step)
        )
        at += step
    return state


def same(found, expected):
    assert (found.volume_m3 is None) == (expected.volume_m3 is None)
    if expected.volume_m3 is not None:
        assert found.volume_m3 == pytest.approx(expected.volume_m3, rel=1e-9, abs=1e-6)
        assert found.u95_m3 == pytest.approx(expected.u95_m3, rel=1e-6, abs=1e-6)
    assert found.coverage == pytest.approx(expected.coverage, abs=1e-9)
    assert found.estimated_m3 == pytest.approx(expected.estimated_m3, rel=1e-6, abs=1e-5)
    assert (found.cross_check_m3 is None) == (expected.cross_check_m3 is None)
    if expected.cross_check_m3 is not None:
        assert found.cross_check_m3 == pytest.approx(expected.cross_check_m3, rel=1e-9, abs=1e-5)
    assert (found.method, found.boundary_ok) == (expected.method, expected.boundary_ok)
    assert [(e.kind, e.time_ns) for e in found.events] == [
        (e.kind, e.time_ns) for e in expected.events
    ]


def troubled(rng, bench, size):
    """A register and a flow with holes, spikes, rollovers, backsteps, a jump and bad readings."""
    time_s = np.cumsum(rng.uniform(0.6, 1.4, size)) - 5
    passed = bench.constant(rng.uniform(100, 15_000))
    modulus = float(rng.choice([2.0**32, 40_000.0]))
    register = bench.register(time_s, passed, modulus=modulus)
    value, quality = register.value.copy(), register.quality.copy()
    for _ in range(int(rng.integers(0, 4))):
        value[int(rng.integers(5, size))] += float(rng.choice([-3_000, 5_000]))
    for _ in range(int(rng.integers(0, 4))):
        value[int(rng.integers(5, size)) :] += float(rng.choice([0, -1, -2, 700]))
    for _ in range(int(rng.integers(0, 3))):
        begin = int(rng.integers(0, size))
        quality[begin : begin + int(rng.integers(1, 150))] = 0x89
    value = np.mod(value, modulus)
    register = Series(register.time_ns, value, quality)
    flow = bench.series(time_s, passed(time_s + 1) * 3600 - passed(time_s) * 3600, quality)
    installation = MeterInstallation(modulus_m3=modulus)
    return Meter("m", 20_833, installations=(installation,)), register, flow


@settings(max_examples=60, deadline=None)
@given(seed=seeds, with_flow=st.booleans())
def test_a_running_day_equals_the_volume_of_all_its_readings(bench, seed, with_flow):
    rng = np.random.default_rng(seed)
    meter, register, flow = troubled(rng, bench, 1_500)
    chosen = flow if with_flow else None
    state = fed_in_batches(rng, RunningDay.of(meter, bench.begin, None, None), register, chosen)
    until = int(register.time_ns[-1])
    same(state.volume(until), meter_volume(meter, register, chosen, bench.begin, until))
    assert not state.late


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_a_running_day_of_flow_alone_equals_its_integral(bench, seed):
    rng = np.random.default_rng(seed)
    meter, _, flow = troubled(rng, bench, 1_200)
    state = RunningDay.of(meter, bench.begin, None, None)
    for at in range(0, 1_200, 37):
        state = state.fed(None, part(flow, at, at + 37))
    until = int(flow.time_ns[-1]) + 10**9
    same(state.volume(until), meter_volume(meter, None, flow, bench.begin, until))


def test_a_day_resumed_from_the_store_goes_on_alike(bench):
    meter = bench.meter()
    time_s = np.arange(-1, 3_600.0)
    register = bench.register(time_s, bench.constant(12_000.0))
    flow = bench.series(time_s, np.full(time_s.size, 12_000.0))
    state = RunningDay.of(meter, bench.begin, part(register, 0, 3_000), part(flow, 0, 3_000))
    state = state.fed(part(register, 3_000, 3_601), part(flow, 3_000, 3_601))
    until = int(register.time_ns[-1])
    same(state.volume(until), meter_volume(meter, register, flow, bench.begin, until))


def test_only_a_short_tail_is_kept(bench):
    meter = bench.meter()
    time_s = np.arange(-1, 7_200.0)
    register = bench.register(time_s, bench.constant(12_000.0))
    state = RunningDay.of(meter, bench.begin, None, None)
    for at in range(0, time_s.size, 10):
        state = state.fed(part(register, at, at + 10), None)
        assert len(state.totalizer) <= TAIL + 10
    assert state.settled_ns > bench.at(7_000)
    assert len(state.totalizer) >= CONTEXT


def test_a_standing_plant_settles_too(bench):
    meter = bench.meter()
    time_s = np.arange(-1, 3_600.0)
    register = bench.series(time_s, np.full(time_s.size, 5_000.0))
    state = RunningDay.of(meter, bench.begin, None, None)
    for at in range(0, time_s.size, 10):
        state = state.fed(part(register, at, at + 10), None)
    assert len(state.totalizer) <= TAIL
    assert state.volume(bench.at(3_599)).volume_m3 == 0


def test_out_of_order_readings_within_the_tail_are_taken(bench):
    meter = bench.meter()
    time_s = np.arange(-1, 1_000.0)
    register = bench.register(time_s, bench.constant(12_000.0))
    order = np.r_[np.arange(900), np.arange(950, 1_001), np.arange(900, 950)]
    state = RunningDay.of(meter, bench.begin, None, None)
    for at in range(0, order.size, 50):
        pick = order[at : at + 50]
        state = state.fed(
            Series(register.time_ns[pick], register.value[pick], register.quality[pick]), None
        )
    until = bench.at(999)
    same(state.volume(until), meter_volume(meter, register, None, bench.begin, until))


def test_a_reading_of_the_settled_part_asks_for_a_new_beginning(bench):
    meter = bench.meter()
    time_s = np.arange(-1, 1_000.0)
    register = bench.register(time_s, bench.constant(12_000.0))
    state = RunningDay.of(meter, bench.begin, register, None)
    late = state.fed(bench.series([100.5], [1e6]), None)
    assert not state.late
    assert late.late
