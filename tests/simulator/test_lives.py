"""Trains, demand and the network's shape."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from config.loading import load
from config.plant import Peak, Plant
from simulator.demand import Demand
from simulator.network import network
from simulator.sizing import mean_demand
from simulator.storages import joint_curve, shut_basins, storages
from simulator.trains import TrainLife, TrainState
from simulator.waves import Waves, generator, season

CONFIG = Path(__file__).parents[2] / "config"
ALGIERS = ZoneInfo("Africa/Algiers")
START_S = 1_750_000_000.0
DAY_S = 86_400.0


@pytest.fixture(scope="module")
def oran() -> Plant:
    return load(CONFIG / "oran.yaml").plant


def _life(seed: int = 1) -> TrainLife:
    return TrainLife(generator(seed, "train", "a", "b"), START_S)


def test_a_train_runs_trips_is_cleaned_and_comes_back() -> None:
    times = START_S + np.arange(0, 400 * DAY_S, 300)
    life = _life()
    output, states = life.output(times), life.state(times)
    assert 0.9 < output.mean() < 0.99
    assert set(states) == {
        TrainState.RUNNING,
        TrainState.STARTING,
        TrainState.CLEANING,
        TrainState.FAULT,
    }
    assert (output[states == TrainState.RUNNING] > 0.85).all()
    assert (output[states == TrainState.STARTING] < 1).all()
    assert life.fouling(times).max() < 1.3


def test_a_life_does_not_depend_on_how_it_is_asked() -> None:
    times = START_S + np.arange(0, 100 * DAY_S, 900)
    at_once, piecewise = _life(), _life()
    pieces = [piecewise.output(part) for part in np.array_split(times, 37)]
    np.testing.assert_array_equal(at_once.output(times), np.concatenate(pieces))


def test_fouling_lowers_output_until_the_cleaning() -> None:
    times = START_S + np.arange(0, 200 * DAY_S, 900)
    life = _life(4)
    fouling, output, states = life.fouling(times), life.output(times), life.state(times)
    steady = states == TrainState.RUNNING
    assert np.corrcoef(fouling[steady], output[steady])[0, 1] < -0.9
    cleaned = np.flatnonzero(np.diff(fouling) < -0.01)
    assert len(cleaned) > 0
    assert (states[cleaned] == TrainState.CLEANING).all()


def _day(date: dt.date, peaks: list[Peak] | None = None) -> np.ndarray:
    """The demand of a local date by hour."""
    begin = dt.datetime.combine(date, dt.time(), ALGIERS).timestamp()
    return Demand(ALGIERS, peaks or [], 1).factor(begin + np.arange(24) * 3600.0)


def test_demand_follows_the_hours() -> None:
    day = _day(dt.date(2026, 4, 14))
    assert day[3] < 0.5 * day[8]
    assert 0.8 < day.mean() < 1.15


def test_summer_draws_more_than_winter() -> None:
    assert _day(dt.date(2026, 7, 28)).mean() > 1.12 * _day(dt.date(2026, 1, 27)).mean()


def test_ramadan_shifts_the_day() -> None:
    fasting, usual = _day(dt.date(2026, 2, 24)), _day(dt.date(2026, 2, 10))
    assert fasting[3] > 2 * usual[3]
    assert fasting[8] < usual[8]


def test_friday_and_the_feast_have_their_own_hours() -> None:
    friday, thursday = _day(dt.date(2026, 4, 17)), _day(dt.date(2026, 4, 16))
    assert friday[12] / thursday[12] > 1.1
    assert _day(dt.date(2026, 5, 27))[9] > 1.8 * _day(dt.date(2026, 5, 20))[9]


@pytest.mark.parametrize(
    ("peak", "inside", "outside"),
    [
        (
            {"start": dt.date(2026, 6, 25), "end": dt.date(2026, 7, 6)},
            dt.date(2026, 7, 6),
            dt.date(2026, 7, 7),
        ),
        ({"rule": "ramadan"}, dt.date(2026, 2, 20), dt.date(2026, 2, 10)),
        ({"rule": "ramadan", "shift_days": 1}, dt.date(2026, 2, 19), dt.date(2026, 2, 18)),
        ({"rule": "aid_el_fitr"}, dt.date(2026, 3, 20), dt.date(2026, 3, 23)),
        ({"rule": "aid_el_adha"}, dt.date(2026, 5, 27), dt.date(2026, 5, 30)),
    ],
)
def test_peaks_raise_their_days(peak: dict, inside: dt.date, outside: dt.date) -> None:
    raised = Peak(id="p", name="p", demand_factor=1.2, **peak)
    assert _day(inside, [raised]).sum() == pytest.approx(1.2 * _day(inside).sum(), rel=0.02)
    assert _day(outside, [raised]).sum() == pytest.approx(_day(outside).sum(), rel=0.02)


def test_waves_are_bounded_and_centred() -> None:
    waves = Waves(generator(1, "x"), 5, 3600, 86_400).at(START_S + np.arange(0, 50 * DAY_S, 600))
    assert np.abs(waves.mean(axis=0)).max() < 0.2
    assert np.abs(waves).max() <= np.sqrt(6)
    peak = dt.datetime(2026, 8, 3, tzinfo=dt.UTC).timestamp()
    assert season(np.array([peak]), 215)[0] > 0.999


def test_the_network_of_oran_reaches_every_reservoir(oran: Plant) -> None:
    net = network(oran)
    assert {s.id for s in net.storages if not s.inner} == {r.id for r in oran.reservoirs}
    assert {b.id for b in net.branches} == {m.id for m in oran.mains}
    demand = mean_demand(oran, net)
    assert 450_000 < demand.sum() * 24 < 700_000
    for i, storage in enumerate(net.storages):
        coming = sum(b.capacity_m3_per_h for b in net.branches if b.destination == i)
        assert storage.inner or 0 < demand[i] < coming


def test_works_shut_basins_but_never_all(oran: Plant) -> None:
    works = next(w for w in oran.works if w.compartments)
    shut = shut_basins(oran, works.start)
    whole = {r.id: {c.id for c in r.compartments} for r in oran.reservoirs}
    for reservoir, basins in shut.items():
        assert basins < whole[reservoir]


def test_joined_basins_hold_the_sum(oran: Plant) -> None:
    belgaid = next(s for s in storages(oran, set()) if s.id == "belgaid")
    joint = joint_curve(belgaid.basins)
    assert joint.volume_m3[-1] == pytest.approx(belgaid.full_m3)
    level = joint.level(np.array([0.5 * belgaid.full_m3]))
    assert joint.volume(float(level[0])) == pytest.approx(0.5 * belgaid.full_m3)
