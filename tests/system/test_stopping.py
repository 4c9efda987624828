"""SIGTERM in the middle of the work: all that was shown is on disk, and can be taken out.

At 0 s the small plant is watched; at 3 s it is exported while it runs, as CSV and as Parquet; at
some moment after that the house is asked to stop, with a live stream open. What was seen over the
API is in the export that is made after the end.
"""

import csv
import datetime as dt
import time

import pyarrow.parquet as pq


def export(commands, plant, when):
    """All readings as ``foggara export`` tells them, twice at once, as CSV and as Parquet: of each
    (tag, ms) to value.
    """
    today = dt.datetime.now(dt.UTC).date()
    span = ["--from", today - dt.timedelta(days=1), "--to", today + dt.timedelta(days=2)]
    files = [commands.folder / f"{when}.{form}" for form in ("csv", "parquet")]
    exports = [
        commands.command("export", "--config", plant, "--data", commands.data, *span, file)
        for file in files
    ]
    for command in exports:
        assert command.process.wait(30) == 0, command.err
    return [rows_of(file, command) for file, command in zip(files, exports, strict=True)]


def rows_of(file, command):
    if file.suffix == ".csv":
        with file.open(newline="") as lines:
            rows = list(csv.DictReader(lines))
    else:
        rows = [{**row, "time": row["time"].isoformat()} for row in pq.read_table(file).to_pylist()]
    assert f"{len(rows)} readings" in command.out
    found = {(row["tag"], milliseconds(row["time"])): number(row["value"]) for row in rows}
    assert len(found) == len(rows), "a reading is there twice"
    return found


def number(text):
    return None if text in ("", None) else float(text)


def milliseconds(text):
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


def see(house, seen):
    for tag, latest in house.tags().items():
        if latest is not None:
            seen[tag, milliseconds(latest["time"])] = latest["value"]


def lost(seen, found):
    """What was seen and is not there; the API rounds to six places."""
    nothing = object()
    return [
        key
        for key, value in seen.items()
        if (kept := found.get(key, nothing)) is nothing
        or (kept is None) != (value is None)
        or (value is not None and abs(kept - value) > 1e-5)
    ]


def test_what_was_shown_is_on_disk(described, commands, eventually):
    plant = described("small")
    commands.simulator(plant)
    house = commands.house(plant)
    assert eventually(house.all_good, 15), house.tags()
    seen = {}
    eventually(lambda: see(house, seen), 2, every_s=0.1)

    before = dict(seen)
    for found in export(commands, plant, "running"):
        assert lost(before, found) == []

    with house.client.stream("GET", "/api/v1/live") as stream:
        chunks = stream.iter_text()
        assert "event: snapshot" in next(chunk for chunk in chunks if "event" in chunk)
        eventually(lambda: see(house, seen), 1.3, every_s=0.1)
        began = time.monotonic()
        code, took_s = house.stop()
        assert not any("event: snapshot" in chunk for chunk in chunks)  # it ends in good order
    assert code == 0
    assert took_s < 8
    assert time.monotonic() - began < 10
    assert "everything is on disk" in house.err
    print(f"ended after {took_s:.2f} s")  # noqa: T201 - a measured figure, for -s

    assert len(seen) > len(before)
    of_csv, of_parquet = export(commands, plant, "ended")
    assert lost(seen, of_csv) == []
    assert lost(seen, of_parquet) == []
    assert of_csv.keys() == of_parquet.keys()
