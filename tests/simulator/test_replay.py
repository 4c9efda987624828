"""Recordings: what is read, what is refused and where, and what instruments show of them."""

import asyncio
import datetime as dt
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simulator.errors import BadRecording
from simulator.recording import Recording, of_table, read_recording
from simulator.replay import Between, Replayed, ReplaySource

H = 3_600_000_000_000
NAN = math.nan


def ns(text):
    return int(dt.datetime.fromisoformat(text).timestamp()) * 10**9


def recording(flows):
    return Recording("field", np.arange(len(flows)) * H, {"q": np.array(flows, float)})


def test_csv_with_holes_and_a_zone(tmp_path):
    path = tmp_path / "inflow.csv"
    path.write_text(
        "when;DMA 1;other\n2021-01-01 00:00;8.4;x\n2021-01-01 01:00;;x\n2021-01-01 02:00;-;x\n"
    )
    read = read_recording(
        path, ["DMA 1"], time_column="when", time_zone="Europe/Rome", delimiter=";"
    )
    assert read.time_ns[0] == ns("2021-01-01T00:00+01:00")
    assert read.columns["DMA 1"].tolist()[0] == 8.4
    assert np.isnan(read.columns["DMA 1"][1:]).all()


def test_the_hour_that_comes_twice_in_autumn(tmp_path):
    path = tmp_path / "autumn.csv"
    hours = ("01:00", "02:00", "02:00", "03:00")
    path.write_text("time,q\n" + "".join(f"2021-10-31 {hour},1\n" for hour in hours))
    read = read_recording(path, ["q"], time_zone="Europe/Rome")
    assert np.diff(read.time_ns).tolist() == [H, H, H]


WRONG = {
    "a cell that is no number": ("time,q\n2021-01-01T00:00Z,1\n2021-01-01T01:00Z,wet\n", 3, "q"),
    "a time that is none": ("time,q\nyesterday,1\n", 2, "time"),
    "a time without offset": ("time,q\n2021-01-01T00:00,1\n", 2, "time"),
    "times that fall": ("time,q\n2021-01-01T01:00Z,1\n2021-01-01T00:00Z,1\n", 3, "time"),
    "times twice": ("time,q\n2021-01-01T01:00Z,1\n2021-01-01T01:00Z,1\n", 3, "time"),
    "a column that is not there": ("time,flow\n2021-01-01T00:00Z,1\n", 1, "q"),
    "too few cells": ("time,q,r\n2021-01-01T00:00Z,1,1\n2021-01-01T01:00Z,1\n", 3, None),
    "nothing": ("", None, None),
    "a header only": ("time,q\n", None, None),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said_with_file_line_and_column(tmp_path, what):
    text, line, column = WRONG[what]
    path = tmp_path / "wrong.csv"
    path.write_text(text)
    with pytest.raises(BadRecording) as refused:
        read_recording(path, ["q"])
    assert (refused.value.file, refused.value.line, refused.value.column) == (
        str(path),
        line,
        column,
    )
    assert str(refused.value).startswith(str(path) if line is None else f"{path}:{line}:")


def test_a_missing_file_and_a_strange_one_are_refused(tmp_path):
    (tmp_path / "a.xls").write_text("")
    (tmp_path / "a.parquet").write_text("no parquet")
    for name in ("none.csv", "a.xls", "a.parquet"):
        with pytest.raises(BadRecording, match=name):
            read_recording(tmp_path / name, ["q"])


def test_parquet_is_read_as_csv_is(tmp_path):
    times = pa.array([0, H // 10**6], pa.timestamp("ms", "UTC"))
    pq.write_table(
        pa.table({"time": times, "q": pa.array([1, None], pa.int32())}), tmp_path / "f.parquet"
    )
    read = read_recording(tmp_path / "f.parquet", ["q"])
    assert read.time_ns.tolist() == [0, H]
    assert read.columns["q"][0] == 1
    assert math.isnan(read.columns["q"][1])


def test_a_table_with_words_for_numbers_is_refused():
    table = pa.table({"time": pa.array([0, H]), "q": pa.array(["1", "2"])})
    with pytest.raises(BadRecording, match="q: string is no number"):
        of_table(table, ["q"])


def test_a_held_flow_is_counted_exactly():
    source = ReplaySource(
        recording([10, 20, 0, 40]),
        show={"q": Replayed("flow")},
        totalize={"q": Replayed("total")},
        counters_begin_m3=100,
    )
    assert source.tags == ("flow", "total")
    wanted = {0: (10, 100), 0.5: (10, 105), 1: (20, 110), 2.25: (0, 130), 3.5: (40, 150)}
    for hour, (flow, count) in wanted.items():
        assert source.at(round(hour * H)).tolist() == pytest.approx([flow, count])
    assert source.at(4 * H).tolist() == pytest.approx([40, 170])
    assert np.isnan(source.at(4 * H + 1)).all()


def test_a_flow_between_rows_may_be_a_line():
    source = ReplaySource(
        recording([0, 10, NAN, 10, 30]),
        show={"q": Replayed("flow", 2)},
        totalize={"q": Replayed("total", 2)},
        between=Between.LINE,
    )
    assert source.at(H // 2).tolist() == pytest.approx([10, 2.5])
    assert source.at(H).tolist() == pytest.approx([20, 10])
    assert np.isnan(source.at(H + H // 2)).all()
    assert source.at(3 * H).tolist() == pytest.approx([20, 10])
    assert source.at(4 * H).tolist() == pytest.approx([60, 50])


def test_a_hole_shows_nothing_while_it_lasts():
    source = ReplaySource(
        recording([10, NAN, 10]), show={"q": Replayed("flow")}, totalize={"q": Replayed("total")}
    )
    known = []
    for quarter in range(12):
        flow, count = source.at(quarter * H // 4)
        known.append((not math.isnan(flow), not math.isnan(count)))
    # the count is still known at the instant in which the hole begins
    assert known == [(True, True)] * 4 + [(False, True)] + [(False, False)] * 3 + [(True, True)] * 4
    assert source.at(3 * H)[1] == pytest.approx(20)


def test_time_never_goes_back():
    source = ReplaySource(recording([10, 20]), totalize={"q": Replayed("total")})
    later = source.at(H).tolist()
    assert source.at(0).tolist() == later


def test_served_over_both_protocols(kit):
    plant = kit.plant_of(
        kit.modbus(
            tags=[kit.tag("total", 0, kind="totalizer", unit="m3", data="uint32", register="input")]
        ),
        kit.opcua(tags=[kit.node("flow", "nsu=http://field;s=Q", unit="L/s")]),
    )
    source = ReplaySource(
        recording([1, NAN, 3]),
        show={"q": Replayed("flow", 3.6)},
        totalize={"q": Replayed("total", 3.6)},
    )

    async def run():
        seen = []
        async with (
            kit.simulate(plant, source, begin_ns=0) as simulation,
            kit.modbus_client(simulation, "plc") as wire,
            kit.opcua_client(simulation, "scada") as client,
        ):
            for half in (1, 3, 5):
                await simulation.step(half * H // 2)
                count = await wire.read_input_registers(0, count=2)
                flow = await client.get_node("ns=2;s=Q").read_data_value(raise_on_bad_status=False)
                shown = count.exception_code if count.isError() else count.registers[1]
                seen.append((shown, flow.Value.Value, flow.StatusCode.is_good()))
        return seen

    assert asyncio.run(run()) == [(1, 1.0, True), (4, None, False), (9, 3.0, True)]
