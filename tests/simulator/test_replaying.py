"""The description of a replay: units, tags, and what is wrong with it."""

import pytest

from simulator.errors import BadRecording
from simulator.replaying import load_replay

H = 3_600_000_000_000


@pytest.fixture
def plant(kit):
    return kit.plant_of(
        kit.modbus(
            tags=[
                kit.tag("q", 0),
                kit.tag("total", 2, kind="totalizer", unit="m3", data="uint32"),
                kit.tag("t", 4, kind="temperature", unit="degC"),
            ]
        )
    )


def described(tmp_path, text):
    (tmp_path / "field.csv").write_text("time,inflow,heat\n1970-01-01T00:00Z,10,68\n")
    path = tmp_path / "replay.yaml"
    path.write_text(text)
    return path


def test_columns_are_shown_and_counted_in_base_units(tmp_path, plant):
    path = described(
        tmp_path,
        """
        file: field.csv
        counters_begin_m3: 100
        columns:
          inflow: {unit: L/s, show: q, count: total}
          heat: {unit: degF, show: t}
        """,
    )
    source = load_replay(path, plant)
    figures = dict(zip(source.tags, source.at(0).tolist(), strict=True))
    assert figures == pytest.approx({"q": 36, "t": 20, "total": 100})


WRONG = {
    "file: none.csv\ncolumns: {q: {unit: L/s, show: q}}": "none.csv: no such file",
    "file: field.csv\ncolumns: {inflow: {unit: L/s, show: nowhere}}": "no tag 'nowhere'",
    "file: field.csv\ncolumns: {inflow: {unit: bar, show: q}}": "inflow: 'bar' is no unit of flow",
    "file: field.csv\ncolumns: {inflow: {unit: L/s, count: q}}": "inflow: 'q' is no totalizer",
    "file: field.csv\ncolumns: {inflow: {unit: L/s}}": "inflow: is neither shown nor counted",
    "file: field.csv\ncolour: red\ncolumns: {inflow: {unit: L/s, show: q}}": "colour: Extra",
    "file: field.csv\ncolumns: {}": "columns: ",
    "file: [": "no YAML",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_said(tmp_path, plant, text):
    with pytest.raises(BadRecording) as refused:
        load_replay(described(tmp_path, text), plant)
    assert WRONG[text] in str(refused.value)
    assert str(refused.value).startswith(str(tmp_path))
