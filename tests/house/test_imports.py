"""The rooms keep their order: imports run one way, and every room is in the contract."""

from __future__ import annotations

import ast
import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ROOMS = PROJECT["tool"]["importlinter"]["root_packages"]


def test_every_top_level_package_is_in_the_contract() -> None:
    found = {p.parent.name for p in ROOT.glob("*/__init__.py")}
    assert found - {"benchmarks"} == set(ROOMS)


def test_import_contracts_are_kept() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_other_distribution_owns_a_rooms_name() -> None:
    owners = importlib.metadata.packages_distributions()
    for room in ROOMS:
        assert set(owners.get(room, ["foggara"])) == {"foggara"}, room


def test_the_product_cannot_import_its_tests() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_water_asks_no_clock_and_throws_no_dice() -> None:
    forbidden = {"now", "today", "utcnow", "time", "time_ns", "monotonic", "perf_counter"}
    for path in sorted((ROOT / "water").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            owner = ast.unparse(node.func.value)
            clock = node.func.attr in forbidden and owner in {"time", "dt.datetime", "dt.date"}
            dice = owner.startswith(("random", "np.random"))
            assert not clock, f"{path.name}:{node.lineno} reads a clock"
            assert not dice, f"{path.name}:{node.lineno} throws dice"
