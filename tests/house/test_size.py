"""A file fits in the head, and a function does one thing."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("api", "collectors", "config", "foggara", "jobs", "simulator", "storage", "water")
FILES = [p for room in ROOMS for p in sorted((ROOT / room).rglob("*.py"))]
MOST_LINES = 400
USUAL_LINES = 300
MOST_FUNCTION_LINES = 60


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_file_or_function_is_too_long(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= MOST_FUNCTION_LINES, f"{node.name} has {lines} lines"


def test_nine_files_in_ten_are_of_usual_length() -> None:
    long = [p for p in FILES if p.read_text(encoding="utf-8").count("\n") > USUAL_LINES]
    assert len(long) <= len(FILES) / 10, [str(p.relative_to(ROOT)) for p in long]


def test_no_path_of_a_machine_is_written_down() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert "/work/" not in text, path
        assert "/root/" not in text, path
