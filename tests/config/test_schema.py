"""The schema that editors read and the reference that people read are those of the models."""

from __future__ import annotations

from pathlib import Path

import yaml

from config.reference import sections
from config.schema import SCHEMA_FILE, json_schema, json_schema_text, reference_markdown

ROOT = Path(__file__).parents[2]
OUTDATED = "run: python -m config.schema"


def test_the_schema_file_is_up_to_date():
    assert SCHEMA_FILE.read_text(encoding="utf-8") == json_schema_text(), OUTDATED


def test_the_reference_is_up_to_date():
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == reference_markdown(), OUTDATED


def test_every_setting_is_in_the_reference_with_its_meaning():
    schema, page = json_schema(), reference_markdown()
    models = {name: d for name, d in schema["$defs"].items() if "properties" in d}
    assert set(models) | {"Plant"} == set(sections())
    for model in (schema, *models.values()):
        for name, setting in model["properties"].items():
            assert f"| `{name}` |" in page
            assert setting.get("description"), name
            if "$ref" not in setting:
                assert "title" not in setting


def test_every_description_names_the_schema_it_is_written_by():
    for path in [*(ROOT / "config").glob("*.yaml"), *(ROOT / "config").glob("oran/*.yaml")]:
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith("# yaml-language-server: $schema="), path
        named = path.parent / first.partition("$schema=")[2]
        assert named.resolve() == SCHEMA_FILE


def test_quantities_in_the_schema_are_those_that_can_be_read():
    import re

    limits = json_schema()["$defs"]["Server"]["properties"]["live_tick"]
    (text, zero) = limits["anyOf"]
    assert zero == {"const": 0}
    for good in ("5s", "250 ms", "1_000 s", "2h", "1.5e3 min"):
        assert re.search(text["pattern"], good), good
    for bad in ("5", "5 m", "s", "5 s s"):
        assert not re.search(text["pattern"], bad), bad


def test_the_schema_is_no_yaml_surprise():
    assert yaml.safe_load(json_schema_text()) == json_schema()
