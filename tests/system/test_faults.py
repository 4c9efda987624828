"""Devices fall sick one after the other while `foggara run` watches the small plant.

One timetable for two devices that do not answer, one for four that answer wrongly.
"""

import datetime as dt
import time

import pytest

BEFORE_S = 20.0
"""the house was started less long before the test's 0 s"""


def moment(text):
    return dt.datetime.fromisoformat(text)


def now():
    return dt.datetime.now(dt.UTC)


def online(house, *devices):
    states = house.devices()
    return all(states[device]["state"] == "online" for device in devices)


def good(house, *tags):
    latest = house.tags()
    return all(latest[tag] and latest[tag]["quality"] == "good" for tag in tags)


def good_between(house, tag, begin, end):
    rows = house.history(tag)
    return [r for r in rows if r["quality"] == "good" and begin <= moment(r["time"]) < end]


@pytest.mark.slow
def test_two_silent_devices_harm_nobody_and_come_back(described, commands, eventually):
    """At 0 s plc-a hangs and rtu-outlet refuses, for 10 s. Within 10 s more both are well.

    Meanwhile no other device misses a scan, and nothing is invented for these two.
    """
    plant = described("small")
    simulator = commands.simulator(plant)
    house = commands.house(plant)
    assert eventually(house.all_good, 15), house.tags()
    sick = {"plc-a": "works.a.totalizer", "rtu-outlet": "tank.outlet.totalizer"}
    well = set(house.devices()) - set(sick)
    missed_before = {d: house.devices()[d]["scans_missed"] for d in well}

    begun = now()
    faults = [simulator.fault("plc-a", "hang"), simulator.fault("rtu-outlet", "refuse")]
    # at 4 s both are told to be offline, and their tags to be bad
    assert eventually(lambda: not online(house, "plc-a") and not online(house, "rtu-outlet"), 8)
    time.sleep(max(0.0, 10 - (now() - begun).total_seconds()))
    tags = house.tags()
    for tag in sick.values():
        assert tags[tag]["quality"] == "bad"
        assert tags[tag]["value"] is None
        assert tags[tag]["reason"] == "comm_failure"
    assert house.get("/reservoirs")[0]["level_m"] is not None
    ended = now()
    for fault in faults:
        simulator.heal(fault)

    # at 10 s the line is well again: within 10 s so are they
    back = eventually(lambda: online(house, *sick) and good(house, *sick.values()), 10)
    took_s = (now() - ended).total_seconds()
    assert back, house.devices()
    print(f"back and good after {took_s:.1f} s")  # noqa: T201 - a measured figure, for -s

    devices = house.devices()
    assert {d: devices[d]["scans_missed"] for d in well} == missed_before
    assert all(devices[d]["errors"] == 0 for d in well)
    # the second that was being read when the fault began may have been answered still
    for tag in sick.values():
        assert good_between(house, tag, begun + dt.timedelta(seconds=1), ended) == []
    gaps = house.gaps()
    assert sorted(gap["device"] for gap in gaps) == sorted(sick)
    for gap in gaps:
        assert gap["cause"]
        assert abs((moment(gap["from"]) - begun).total_seconds()) < 5
        assert 0 <= (moment(gap["to"]) - ended).total_seconds() <= 10
        assert gap["readings"] > 0
        assert sick[gap["device"]] in gap["tags"]
    assert house.stop()[0] == 0


@pytest.mark.slow
def test_wrong_answers_make_no_wrong_volume(described, commands, eventually):
    """At 0 s garbage from plc-a, a clock jump of three hours in opc-b, a frozen outlet flow.

    At 4 s they end; a second after all is well the counter of plc-a starts again at 0. What is shown as the day's
    volume never falls, never leaps, and the reset stands in the day's events.
    """
    plant = described("small")
    simulator = commands.simulator(plant)
    house = commands.house(plant)
    assert eventually(house.all_good, 15), house.tags()
    begun = now()
    shown = []
    most_m3_per_s = 24_000 / 3600

    def look():
        shown.append((now(), house.production()["works"]["today_m3"]))

    def watch(seconds):
        eventually(look, seconds, every_s=0.2)

    watch(1.0)
    faults = [
        simulator.fault("plc-a", "garbage"),
        simulator.fault("opc-b", "clock_jump", parameters={"offset_s": 10_800.0}),
        simulator.fault("rtu-outlet", "frozen", tag="tank.outlet.flow"),
    ]
    watch(4.0)
    for fault in faults:
        simulator.heal(fault)
    assert eventually(lambda: good(house, "works.a.totalizer"), 12), house.devices()
    watch(1.0)
    simulator.fault("plc-a", "meter_reset")
    watch(4.0)

    # never back, never faster than both meters can pass: from the first figure on, before which
    # it is unknown, for a counter has counted nothing before its second reading
    known = [(at, figure) for at, figure in shown if figure is not None]
    assert len(known) > len(shown) / 2
    assert [figure for _, figure in known] == sorted(figure for _, figure in known)
    for at, figure in known:
        assert 0 <= figure <= ((at - begun).total_seconds() + BEFORE_S) * most_m3_per_s

    # every reading that is called good is a plausible one: garbage never passed for a figure
    for row in house.history("works.a.flow"):
        assert row["quality"] != "good" or 0 <= row["value"] <= 20_000
    rows = [r for r in house.history("works.a.totalizer") if r["quality"] == "good"]
    assert rows[0]["value"] > 1_000_000
    assert rows[-1]["value"] < 100, "the counter was not reset"
    # no source time of the future is taken as one
    for row in house.history("works.b.flow"):
        if row["quality"] == "good":
            assert moment(row["time"]) < now() + dt.timedelta(minutes=1)

    day = day_of(house, begun)
    assert "reset" in [event["kind"] for event in day["events"]]
    assert (
        0
        <= day["volume_m3"]
        <= (now() - begun).total_seconds() * most_m3_per_s + BEFORE_S * most_m3_per_s
    )
    assert house.stop()[0] == 0


def day_of(house, at):
    """The running production day as it is accounted now."""
    span = {"from": at.date() - dt.timedelta(days=1), "to": at.date() + dt.timedelta(days=1)}
    days = house.get("/production/daily", **{k: v.isoformat() for k, v in span.items()})["days"]
    return [day for day in days if day["status"] == "provisional" and day["volume_m3"]][-1]
