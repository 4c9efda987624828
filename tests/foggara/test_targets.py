"""The description's targets in the records: adopted while people have not edited them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from config.loading import load
from foggara.targets import adopt_capacities
from storage.records import AuditEntry, CapacityRecord
from storage.sql import open_records

DESCRIPTION = """
plant: {id: p, name: P}
sites: [{id: works, name: Works, type: desalination_plant}]
devices:
  - {id: plc, site: works, protocol: modbus, host: 127.0.0.1, tags: [
      {id: out.total, kind: totalizer, unit: m3, address: 0, data: uint32}]}
"""
TARGET = "capacities: [{site: works, kind: target, volume: %d m3/d, valid_from: 2022-03-01}]"


@pytest.fixture
def described(tmp_path: Path):
    def make(m3_per_day: int):
        file = tmp_path / "plant.yaml"
        file.write_text(DESCRIPTION + TARGET % m3_per_day, encoding="utf-8")
        return load(file).plant

    return make


def edit(records, at_ns: int, *volumes: float) -> None:
    rows = [
        CapacityRecord("works", "target", v, dt.date(2022, 3, 1), None, None, at_ns, "ann")
        for v in volumes
    ]
    records.capacities.replace("works", rows)
    records.audit.write(AuditEntry(at_ns, "ann", "replace_targets", "works", ""))


def in_force(records):
    return [row.m3_per_day for row in records.capacities.rows()]


def test_a_changed_description_is_adopted(tmp_path, described):
    with open_records(tmp_path) as records:
        adopt_capacities(described(1000), records, 10)
        adopt_capacities(described(2000), records, 20)
        assert in_force(records) == [2000]


@pytest.mark.parametrize("volumes", [(3000,), ()])
def test_what_people_edited_outlives_a_restart_even_where_they_left_nothing(
    tmp_path, described, volumes
):
    with open_records(tmp_path) as records:
        adopt_capacities(described(1000), records, 10)
        edit(records, 20, *volumes)
        adopt_capacities(described(1000), records, 30)
        adopt_capacities(described(2000), records, 40)
        assert in_force(records) == list(volumes)
