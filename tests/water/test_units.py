from __future__ import annotations

import pytest

from water.errors import BadDescription
from water.units import FACTORS, Kind, base_unit, to_base


@pytest.mark.parametrize(
    ("kind", "unit", "value", "base"),
    [
        (Kind.FLOW, "L/s", 1, 3.6),
        (Kind.FLOW, "MLD", 350, 350_000 / 24),
        (Kind.FLOW, "m3/d", 350_000, 350_000 / 24),
        (Kind.TOTALIZER, "100 m3", 7, 700),
        (Kind.TOTALIZER, "hL", 10, 1),
        (Kind.LEVEL, "ft", 10, 3.048),
        (Kind.PRESSURE, "mH2O", 10, 0.980665),
        (Kind.TEMPERATURE, "degF", 212, 100),
        (Kind.TEMPERATURE, "K", 273.15, 0),
    ],
)
def test_units_to_the_base_unit(kind, unit, value, base):
    factor, offset = to_base(kind, unit)
    assert value * factor + offset == pytest.approx(base)


@pytest.mark.parametrize("kind", list(Kind))
def test_the_base_unit_is_the_first_and_needs_no_conversion(kind):
    assert to_base(kind, base_unit(kind)) == (1, 0)
    assert all(factor > 0 for factor, _ in FACTORS[kind].values())


def test_a_foreign_unit_is_refused_with_those_allowed():
    with pytest.raises(BadDescription, match="allowed: m, cm, mm, ft"):
        to_base(Kind.LEVEL, "bar")
