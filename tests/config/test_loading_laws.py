"""Whatever is in the file: a description that can be used, or ConfigErrors, and nothing else."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.errors import ConfigErrors
from config.loading import load
from config.resolving import calendar, capacities, meters, reservoirs, wire_scaling

SMALL = (Path(__file__).parent / "small.yaml").read_text(encoding="utf-8")
LINES = SMALL.splitlines(keepends=True)
NASTY = [
    "-1", "0", "1e308", "-1e308", ".inf", ".nan", "null", "[]", "{}", "[[]]", "[1, 2]", "true",
    '"2024-02-30"', "2024-01-01", "0001-01-01", "9999-12-31", '"0001-01-01T00:00+14:00"',
    '"9999-12-31T23:59-14:00"', "*a", "&a [*a]", "&a { b: *a }", "9" * 5000, "0x10", "!!set {a}",
    '"\\0"', "<<", "{<<: 3}", "? [a]", "no", "off", "12:00", "1e-320 m3", "9e307 m3/h", "5 s", "٣ m",
    "5 %", "-5 m", "é", "#", "\t", "'", '"', "tank", "out.flow", "mactaa..x", "x-y: 1", "1 000 MLD",
]  # fmt: skip
WORDS = st.one_of(st.sampled_from(NASTY), st.text(max_size=12), st.integers().map(str))


@st.composite
def mutated(draw):
    """The small description with a few lines dropped, doubled, moved, or given another value."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 6))):
        n = draw(st.integers(0, len(lines) - 1))
        match draw(
            st.sampled_from(["drop", "double", "move", "value", "value", "value", "splice"])
        ):
            case "drop":
                del lines[n]
            case "double":
                lines.insert(n, lines[n])
            case "move":
                lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(n))
            case "value":
                key, colon, _ = lines[n].partition(": ")
                lines[n] = f"{key}{colon}{draw(WORDS)}\n"
            case _:
                at = draw(st.integers(0, len(lines[n])))
                lines[n] = lines[n][:at] + draw(WORDS) + lines[n][at:]
        if not lines:
            break
    return "".join(lines)


def read(folder, text):
    path = folder / "plant.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        return load(path).plant
    except ConfigErrors as err:
        problems = err.problems
    assert problems
    assert all(p.line >= 1 and p.column >= 1 and p.field and p.message for p in problems)
    return None


def test_the_small_description_is_right(tmp_path):
    assert read(tmp_path, SMALL) is not None


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=mutated())
def test_a_mutated_description_is_used_or_refused(tmp_path, text):
    plant = read(tmp_path, text)
    if plant is None:
        return
    calendar(plant).day(dt.date(2026, 1, 1))
    assert len(meters(plant)) == len(plant.meters)
    assert len(reservoirs(plant, dt.date(2025, 2, 1))) == len(plant.reservoirs)
    assert len(capacities(plant)) == len(plant.capacities)
    assert all(wire_scaling(tag)[0] for tag in plant.tags.values())


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.one_of(st.text(), st.binary().map(lambda b: b.decode("latin-1"))))
def test_any_text_is_refused(tmp_path, text):
    assert read(tmp_path, text) is None


def test_deep_nesting_and_laughing_anchors_are_refused_quickly(tmp_path):
    assert read(tmp_path, "[" * 20_000) is None
    assert read(tmp_path, "a: " + "{a: " * 500 + "1" + "}" * 500) is None
    rows = ["x-0: &a0 [x, x]"] + [f"x-{n}: &a{n} [{f'*a{n - 1}, ' * 9}]" for n in range(1, 30)]
    assert read(tmp_path, "\n".join([*rows, "sites: *a29", "devices: *a29"])) is None
