"""The description in the words of the rules of water."""

from __future__ import annotations

import datetime as dt

import pytest

from config.devices import ModbusDevice, ModbusTag
from config.loading import load
from config.resolving import calendar, max_gap_s, meters, stale_after_s, wire_scaling
from water.units import Kind

PLANT = """
plant: {{ id: p, name: P, time_zone: {zone}, production_day: {days} }}
sites: [{{ id: s, name: S, type: desalination_plant }}]
devices:
  - id: d
    site: s
    protocol: modbus
    host: h
    scan_interval: {scan}
    tags:
      - {{ id: t, kind: totalizer, unit: "{unit}", address: 0, data: {data} }}
      - {{ id: f, kind: flow, unit: L/s, address: 10{gap} }}
meters:
  - {{ id: m, site: s, measures: produced, totalizer: t, flow: f, maximum_flow: 10 m3/h{more} }}
"""


def plant(tmp_path, **given):
    values = {
        "zone": "Africa/Algiers",
        "days": "[{}]",
        "scan": "1s",
        "unit": "m3",
        "data": "uint32",
        "gap": "",
        "more": "",
    }
    path = tmp_path / "plant.yaml"
    path.write_text(PLANT.format(**{**values, **given}), encoding="utf-8")
    return load(path).plant


def tag(**given):
    return ModbusTag.model_validate({"id": "t", "address": 0, **given}, by_alias=True)


@pytest.mark.parametrize(
    ("described", "raw", "base"),
    [
        ({"kind": "flow", "unit": "L/s"}, 10, 36),
        ({"kind": "flow", "unit": "MLD"}, 24, 1000),
        ({"kind": "temperature", "unit": "K"}, 300, 26.85),
        ({"kind": "temperature", "unit": "degF"}, 212, 100),
        ({"kind": "totalizer", "unit": "10 m3"}, 7, 70),
        ({"kind": "level", "unit": "cm", "scaling": ((0, 27648), (0, 1000))}, 13824, 5),
        ({"kind": "pressure", "unit": "mH2O", "scaling": ((4, 20), (-10, 150))}, 4, -0.980665),
        ({"kind": "ratio", "unit": "%"}, 42, 0.42),
    ],
)
def test_raw_numbers_to_base_units(described, raw, base):
    if "scaling" in described:
        raws, values = described["scaling"]
        described = {**described, "scaling": {"raw": raws, "value": values}}
    factor, offset = wire_scaling(tag(**described))
    assert raw * factor + offset == pytest.approx(base)


@pytest.mark.parametrize(
    ("data", "unit", "modulus_m3", "resolution_m3"),
    [
        ("uint16", "m3", 65_536, 1),
        ("uint16", "100 m3", 6_553_600, 100),
        ("uint32", "m3", 2**32, 1),
        ("uint32", "L", 2**32 / 1000, 0.001),
        ("int32", "0.1 m3", 2**31 / 10, 0.1),
        ("uint64", "hL", 2**64 / 10, 0.1),
        ("float32", "m3", 2**53, 8),
    ],
)
def test_a_register_rolls_over_where_its_type_and_unit_say(
    tmp_path, data, unit, modulus_m3, resolution_m3
):
    (meter,) = meters(plant(tmp_path, data=data, unit=unit)).values()
    (one,) = meter.installations
    assert one.modulus_m3 == pytest.approx(modulus_m3)
    assert one.resolution_m3 == pytest.approx(resolution_m3)
    assert one.float32 is (data == "float32")


def test_installations_follow_each_other_in_time(tmp_path):
    rows = (
        ', installations: [{ serial: B, fitted: "2024-05-14T11:00+01:00", reading_at_fitting: 3 },'
        ' { serial: A, removed: "2024-05-14T09:30+01:00", reading_at_removal: 900, factor: 1.01,'
        " modulus: 1000 m3, resolution: 0.1 m3 }]"
    )
    (meter,) = meters(plant(tmp_path, more=rows)).values()
    first, second = meter.installations
    assert (first.serial, second.serial) == ("A", "B")
    at = dt.datetime(2024, 5, 14, 10, 0, tzinfo=dt.UTC)
    assert second.fitted_ns == int(at.timestamp()) * 1_000_000_000
    assert (first.modulus_m3, first.resolution_m3, first.factor) == (1000, 0.1, 1.01)
    assert (second.modulus_m3, second.reading_at_fitting_m3) == (2**32, 3)


def test_gaps_and_staleness_follow_the_scan(tmp_path):
    quick = plant(tmp_path)
    assert max_gap_s(quick.tags["f"], quick.devices[0]) == 60
    assert stale_after_s(quick.devices[0]) == 5
    slow = plant(tmp_path, scan="5min")
    assert max_gap_s(slow.tags["f"], slow.devices[0]) == 900
    assert stale_after_s(slow.devices[0]) == 900
    (meter,) = meters(slow).values()
    assert (meter.flow_max_gap_s, meter.sample_interval_s) == (900, 300)
    told = plant(tmp_path, gap=", max_gap: 20s")
    (meter,) = meters(told).values()
    assert meter.flow_max_gap_s == 20


def test_production_days_change_their_hour(tmp_path):
    days = "[{ start: 06:00, valid_from: 2027-01-01 }, { start: 00:00 }]"
    found = calendar(plant(tmp_path, days=days))
    assert found.day(dt.date(2026, 12, 30)).hours == 24
    assert found.day(dt.date(2026, 12, 31)).hours == 30
    assert found.day(dt.date(2027, 1, 1)).hours == 24


def test_plain_words_are_those_of_yaml_1_2(tmp_path):
    found = plant(tmp_path, days="[{ start: 12:30 }]")
    assert found.plant.production_day[0].start == dt.time(12, 30)


def test_a_counter_that_turns_too_fast_warns(tmp_path):
    path = tmp_path / "fast.yaml"
    text = PLANT.format(
        zone="UTC", days="[{}]", scan="30min", unit="m3", data="uint16", gap="", more=""
    )
    path.write_text(text.replace("10 m3/h", "50000 m3/h"), encoding="utf-8")
    (warning,) = load(path).warnings
    assert warning.field == "meters[m].totalizer"
    assert "the register turns in" in warning.message
    path.write_text(text.replace("10 m3/h", "300000 m3/h"), encoding="utf-8")
    assert "can turn twice unseen" in load(path).warnings[0].message


def test_a_float32_totalizer_warns(tmp_path):
    path = tmp_path / "float.yaml"
    text = PLANT.format(
        zone="UTC", days="[{}]", scan="1s", unit="m3", data="float32", gap="", more=""
    )
    path.write_text(text, encoding="utf-8")
    (warning,) = load(path).warnings
    assert (warning.line, warning.field) == (11, "devices[d].tags[t].data")


def test_models_may_be_made_by_their_python_names():
    device = ModbusDevice(
        id="d",
        site="s",
        protocol="modbus",
        host="h",
        scan_interval_s="2s",
        tags=[ModbusTag(id="t", kind=Kind.FLOW, unit="m3/h", address=0)],
    )
    assert device.scan_interval_s == 2
