"""The watcher is killed twenty times while the plant goes on.

At 0 s the simulator serves; it is never stopped. Twenty times: the house starts, readings are seen
over its API, and at a moment that the seed says it is killed at once (SIGKILL). What the API shows
has been committed, so after each start all that was ever seen must be in the history. After the
last start nothing is there twice, and the volume so far is the simulator's to 0.1 %: its meters
are of 0.005 %, so that hardly any of that is theirs.
"""

import datetime as dt
from random import Random

import numpy as np
import pytest

KILLS = 20
LONGEST_S = 0.5
COUNTERS = ("works.a.totalizer", "works.b.totalizer")
TICK_NS = 500_000_000
LEAD_NS = 50_000_000
"""the simulator shows an instant each half second, 50 ms before it"""


def nanoseconds(text):
    return round(dt.datetime.fromisoformat(text).timestamp() * 1e3) * 1_000_000


def watch(house, simulator, seconds, eventually, seen, truth):
    """Gather what the API shows, for so long and until it has shown anything at all."""

    def look():
        for tag, latest in house.tags().items():
            if latest is not None:
                seen.setdefault(tag, {})[latest["time"]] = (latest["value"], latest["quality"])

    def note_truth():
        told = simulator.truth()
        truth[told["time_ns"]] = told["sites"]["works"]["total_m3"]

    note_truth()
    look()
    eventually(look, seconds, every_s=0.1)
    note_truth()


def missing_of(house, seen):
    """Readings that were seen and are not in the history, and those that are there twice."""
    lost, doubled = [], []
    for tag, readings in seen.items():
        history = house.history(tag)
        kept = {row["time"]: (row["value"], row["quality"]) for row in history}
        doubled += [tag] * (len(history) - len(kept))
        lost += [(tag, time) for time, what in readings.items() if kept.get(time) != what]
    return lost, doubled


def true_growth_m3(house, truth):
    """What the simulator's water has grown by between the first and the last reading of each
    counter, as the instrument showed it: at the instant before each reading's stamp.

    The simulator tells the truth of the site; both outlets see half of it.
    """
    at = np.array(sorted(truth))
    total = np.array([truth[ns] for ns in at.tolist()])
    grown = 0.0
    for tag in COUNTERS:
        rows = [row for row in house.history(tag) if row["quality"] == "good"]
        ends = [nanoseconds(rows[0]["time"]), nanoseconds(rows[-1]["time"])]
        shown = [(ns + LEAD_NS) // TICK_NS * TICK_NS - LEAD_NS for ns in ends]
        first, last = np.interp(shown, at, total)
        grown += (last - first) / len(COUNTERS)
    return grown


def silent(house):
    tags = house.tags()
    return all(tags[tag]["quality"] == "bad" for tag in COUNTERS)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_twenty_kills_lose_and_double_nothing(described, commands, eventually):
    plant = described("small")
    moments = Random(20)
    simulator = commands.simulator(plant)
    seen, truth = {}, {}
    told = simulator.truth()
    truth[told["time_ns"]] = told["sites"]["works"]["total_m3"]
    for _ in range(KILLS):
        house = commands.house(plant)
        assert missing_of(house, seen) == ([], [])
        watch(house, simulator, moments.uniform(0.0, LONGEST_S), eventually, seen, truth)
        house.kill()

    house = commands.house(plant)
    assert eventually(house.all_good, 15)
    watch(house, simulator, 2.0, eventually, seen, truth)
    assert missing_of(house, seen) == ([], [])
    assert sum(map(len, seen.values())) > 5 * KILLS, "hardly anything was seen"
    assert all(gap["to"] is not None for gap in house.gaps())

    # both outlets fall silent, so that the figures stand still while they are compared
    for device in ("plc-a", "opc-b"):
        simulator.fault(device, "refuse")
    assert eventually(lambda: silent(house), 10), house.tags()
    # a meter's volume is renewed every two seconds at most, so the last readings are in after four
    watch(house, simulator, 4.0, eventually, seen, truth)
    today = house.production()["works"]["today_m3"]
    true = true_growth_m3(house, truth)
    assert today == pytest.approx(true, rel=1e-3)
    assert house.stop()[0] == 0
