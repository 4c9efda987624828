"""config/minimal.yaml: one counter and one level are enough for every answer.

At 0 s the plant is simulated and watched. Within 15 s both readings are good. 3 s later production,
the day, the reservoir and the page say what is known, and null for what is not.
"""

import datetime as dt
import time


def test_one_counter_and_one_level_are_answered_for(described, commands, eventually):
    plant = described("minimal")
    commands.simulator(plant)
    house = commands.house(plant)
    assert eventually(house.all_good, 15), house.tags()
    time.sleep(3)

    (now,) = house.get("/production/now")
    assert now["site"] == "outlet"
    assert now["today_m3"] is not None
    assert now["target_m3_per_day"] is None
    assert now["projected_attainment"] is None
    # a counter read for the first time in mid-day tells part of today, and says so
    assert now["quality"] == "uncertain", now
    assert now["projected_today_m3"] is None

    today = dt.datetime.now(dt.UTC).date()
    span = {"from": today - dt.timedelta(days=1), "to": today + dt.timedelta(days=1)}
    days = house.get("/production/daily", **{k: v.isoformat() for k, v in span.items()})["days"]
    counted = [day for day in days if day["volume_m3"] is not None]
    assert counted, days
    assert all(day["method"] == "totalizer" and day["volume_m3"] >= 0 for day in counted)
    assert all(day["target_m3"] is None and day["status"] == "provisional" for day in counted)

    (tank,) = house.get("/reservoirs")
    assert tank["id"] == "tank"
    assert tank["capacity_m3"] == 2500
    assert 0 < tank["level_m"] < 5
    assert abs(tank["volume_m3"] - 500 * tank["level_m"]) < 1
    assert 0 < tank["fill"] < 1
    assert tank["quality"] == "good"

    page = house.client.get("/")
    assert page.status_code == 200
    assert "Outlet" in page.text
    assert house.client.get("/health/ready").status_code == 200
    assert house.stop()[0] == 0
