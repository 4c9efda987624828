"""What config/oran.yaml has to say: the facts of its sources, and an example of every feature."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter

import pytest

from config.devices import ByteOrder, DataType, ModbusDevice, OpcUaDevice, RegisterType
from config.loading import load
from config.resolving import capacities, meters, reservoirs
from water.capacity import CapacityKind, in_force
from water.units import Kind

BEFORE_WORKS = dt.date(2022, 1, 1)


def test_it_is_clean_and_quickly_read(oran_file):
    load(oran_file)
    begin = time.perf_counter()
    loaded = load(oran_file)
    took_s = time.perf_counter() - begin
    assert loaded.warnings == ()
    assert took_s < 5  # a tenth of a second where nothing else runs


def test_minimal_is_clean_and_minimal(minimal_file):
    loaded = load(minimal_file)
    assert loaded.warnings == ()
    kinds = [tag.kind for tag in loaded.plant.tags.values()]
    assert kinds == [Kind.TOTALIZER, Kind.LEVEL]
    assert len(loaded.plant.devices) == 1
    assert len(meters(loaded.plant)) == 1
    assert reservoirs(loaded.plant, BEFORE_WORKS)["tank"].capacity_m3 == 2500


def test_its_size(oran):
    assert len(oran.devices) == 30
    assert 400 <= len(oran.tags) <= 450
    assert sum(isinstance(d, OpcUaDevice) for d in oran.devices) == 10
    assert len(oran.reservoirs) >= 20
    assert len(oran.works) == 13


@pytest.mark.parametrize(
    ("reservoir", "compartments", "volume_m3"),
    [
        ("belgaid", 4, 300_000),
        ("ain_el_beida", 2, 100_000),
        ("araba", 2, 50_000),
        ("canastel", 2, 100_000),
        ("ain_tassa", 2, 50_000),
        ("bousfer", 1, 30_000),
        ("toumiate", 1, 15_000),
        ("kristel", 1, 10_000),
    ],
)
def test_volumes_of_the_named_reservoirs(oran, reservoir, compartments, volume_m3):
    found = reservoirs(oran, BEFORE_WORKS)[reservoir]
    assert len(found.compartments) == compartments
    assert found.capacity_m3 == pytest.approx(volume_m3)


def test_what_no_source_names_is_marked(oran):
    sites = {site.id: site for site in oran.sites}
    for reservoir in oran.reservoirs:
        site = sites[reservoir.id]
        assert site.illustrative or site.source, reservoir.id
    assert sum(s.illustrative for s in sites.values() if s.type == "water_tower") >= 12
    assert all(works.illustrative for works in oran.works)


def test_targets_of_el_mactaa(oran):
    rows = capacities(oran)
    at = dt.date(2022, 3, 1)
    target = in_force(rows, "mactaa", CapacityKind.TARGET, at)
    assert target is not None
    assert target.m3_per_day == 350_000
    before = at - dt.timedelta(days=1)
    assert in_force(rows, "mactaa", CapacityKind.TARGET, before) is None
    design = in_force(rows, "mactaa", CapacityKind.DESIGN, at)
    assert design is not None
    assert design.m3_per_day == 500_000
    assert {row.site for row in rows} == {
        "mactaa",
        "kahrama",
        "chatt_el_hillal",
        "mao",
        "cap_blanc",
        "wells",
    }
    assert all(row.source for row in rows)


def test_el_mactaa_has_four_modules_that_fit_its_design(oran):
    modules = [m for m in oran.meters if m.site == "mactaa" and m.measures == "train"]
    assert len(modules) == 4
    design_m3_per_h = 125_000 / 24
    assert all(m.maximum_flow_m3_per_h > 1.2 * design_m3_per_h for m in modules)
    intake = [m for m in oran.meters if m.measures == "intake"]
    assert sum(m.maximum_flow_m3_per_h for m in intake) > 500_000 / 24 / 0.42
    outlets = {m.destination for m in oran.meters if m.site == "mactaa" and m.destination}
    assert outlets == {"oran", "mascara"}


def test_every_feature_has_an_example(oran):
    modbus = [d for d in oran.devices if isinstance(d, ModbusDevice)]
    opcua = [d for d in oran.devices if isinstance(d, OpcUaDevice)]
    tags = [tag for device in modbus for tag in device.tags]
    assert {device.byte_order for device in modbus} == set(ByteOrder)
    assert {tag.register_type for tag in tags} == set(RegisterType)
    assert {tag.data for tag in tags} == set(DataType)
    assert {device.mode for device in opcua} == {"subscribe", "poll"}
    assert {tag.kind for tag in oran.tags.values()} == set(Kind)
    for kind in (Kind.FLOW, Kind.TOTALIZER, Kind.LEVEL, Kind.PRESSURE):
        assert len({tag.unit for tag in oran.tags.values() if tag.kind is kind}) >= 3, kind
    assert any(tag.scaling for tag in tags)
    assert any(tag.deadband for device in opcua for tag in device.tags)
    assert any(c.curve for r in oran.reservoirs for c in r.compartments)
    assert any(c.area_m2 for r in oran.reservoirs for c in r.compartments)
    assert any(c.diameter_m for r in oran.reservoirs for c in r.compartments)
    assert any(len(meter.installations) > 1 for meter in oran.meters)


def test_every_device_has_its_own_port_on_loopback(oran):
    doors = [(d.host, d.port) if isinstance(d, ModbusDevice) else d.endpoint for d in oran.devices]
    assert max(Counter(doors).values()) == 1
    assert all("127.0.0.1" in str(door) for door in doors)


def test_water_comes_and_goes(oran):
    filled = {main.destination for main in oran.mains}
    giving = {main.origin for main in oran.mains}
    sources = {s.id for s in oran.sites if s.type not in ("reservoir", "water_tower")}
    assert {reservoir.id for reservoir in oran.reservoirs} <= filled
    assert sources <= giving
    served = {zone for reservoir in oran.reservoirs for zone in reservoir.zones}
    assert served == {zone.id for zone in oran.zones}
    assert sum(zone.share_of_demand or 0 for zone in oran.zones) == pytest.approx(1)


def test_every_measured_value_has_its_credible_range(oran):
    counted = (Kind.TOTALIZER, Kind.ENERGY, Kind.STATE)
    assert [t.id for t in oran.tags.values() if t.kind not in counted and not t.range] == []


def test_the_meters_can_pass_within_their_tags_ranges(oran):
    from config.resolving import wire_scaling
    from water.units import to_base

    for meter in oran.meters:
        if meter.flow is None:
            continue
        tag = oran.tags[meter.flow]
        factor, offset = to_base(tag.kind, tag.unit)
        assert tag.range is not None
        assert tag.range[1] * factor + offset >= meter.maximum_flow_m3_per_h, meter.id
        assert wire_scaling(tag)[0] > 0


def test_works_take_storage_away_while_they_last(oran):
    running = reservoirs(oran, dt.date(2026, 11, 1))["ain_el_beida"]
    assert running.capacity_m3 == pytest.approx(50_000)
    before = reservoirs(oran, dt.date(2025, 3, 1))["toumiate"]
    assert before.capacity_m3 == pytest.approx(10_000)
    cancelled = reservoirs(oran, dt.date(2025, 4, 1))["tour_gdyel"]
    assert cancelled.in_service


def test_the_mediterranean_games(oran):
    games = next(peak for peak in oran.peaks if peak.start)
    assert (games.start, games.end) == (dt.date(2022, 6, 25), dt.date(2022, 7, 6))
    assert {peak.rule for peak in oran.peaks} >= {
        "ramadan",
        "aid_el_fitr",
        "aid_el_adha",
        "mawlid",
        "summer",
    }
