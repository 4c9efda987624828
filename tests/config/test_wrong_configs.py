"""Wrong descriptions, one file for each mistake, with what is said of it beside it.

Each line of ``wrong/<mistake>.txt`` is ``line:column: field: message``; a line about an included file
begins with that file's name.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import ConfigErrors
from config.loading import load

WRONG = Path(__file__).parent / "wrong"
MISTAKES = sorted(path.stem for path in WRONG.glob("*.yaml"))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_every_problem_is_told_at_its_place(mistake, monkeypatch):
    monkeypatch.chdir(WRONG)
    with pytest.raises(ConfigErrors) as raised:
        load(f"{mistake}.yaml")
    said = [str(p).removeprefix(f"{mistake}.yaml:") for p in raised.value.problems]
    assert said == (WRONG / f"{mistake}.txt").read_text(encoding="utf-8").splitlines()


def test_every_mistake_has_its_words_and_every_words_their_mistake():
    assert sorted(path.stem for path in WRONG.glob("*.txt")) == MISTAKES
    assert len(MISTAKES) > 70


def test_all_at_once_names_every_sort_of_mistake(monkeypatch):
    monkeypatch.chdir(WRONG)
    with pytest.raises(ConfigErrors) as raised:
        load("all_at_once.yaml")
    said = str(raised.value)
    for part in (
        "duplicate id",
        "there is no site 'work'",
        "unknown key; did you mean 'port'?",
        "is no unit of flow",
        "is already in tag 'out.total'",
        "did you mean 'level'?",
        "is not above low_low",
        "is above the height of the lowest compartment",
        "is older than its site",
        "is allowed on loopback only",
    ):
        assert part in said


def test_a_problem_prints_as_file_line_column_field_message(monkeypatch):
    monkeypatch.chdir(WRONG)
    with pytest.raises(ConfigErrors) as raised:
        load("duplicate_site.yaml")
    first = raised.value.problems[0]
    assert (first.file, first.line, first.column) == ("duplicate_site.yaml", 4, 11)
    assert str(first).startswith(
        "duplicate_site.yaml:4:11: sites[works].id: 'works' is a duplicate"
    )


def test_a_file_that_is_not_there():
    with pytest.raises(ConfigErrors, match=r"none\.yaml:1:1: \(file\): there is no file"):
        load("none.yaml")


def test_a_file_that_is_not_utf_8(tmp_path):
    path = tmp_path / "latin.yaml"
    path.write_bytes("plant:\n  name: Béni".encode("latin-1"))
    with pytest.raises(ConfigErrors, match=r"latin\.yaml:2:10: \(file\): this is not UTF-8"):
        load(path)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ConfigErrors, match="cannot be read"):
        load(tmp_path)
