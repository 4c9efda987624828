"""What a site can and should produce, dated by kind, and how its days stand against that.

A capacity is per production day, whatever the day's length: a day of 23 or 25 h has the same target.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from water.errors import BadDescription


class CapacityKind(StrEnum):
    DESIGN = "design"
    CONTRACTUAL = "contractual"
    DECLARED_AVAILABLE = "declared_available"
    TARGET = "target"


@dataclass(frozen=True, slots=True)
class Capacity:
    """m³ a day of one kind at one site, in force from ``valid_from`` to ``valid_to``, both included."""

    site: str
    kind: CapacityKind
    m3_per_day: float
    valid_from: dt.date
    valid_to: dt.date | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        if self.m3_per_day < 0:
            raise BadDescription("volume", "a capacity is not below 0")
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise BadDescription("valid_to", "a capacity does not end before it begins")

    def holds_on(self, date: dt.date) -> bool:
        return self.valid_from <= date and (self.valid_to is None or date <= self.valid_to)


def in_force(
    rows: Sequence[Capacity], site: str, kind: CapacityKind, date: dt.date
) -> Capacity | None:
    """The row that holds on a date. Of several that hold, the one that began last; of equals the last."""
    found: Capacity | None = None
    for row in rows:
        if row.site != site or row.kind != kind or not row.holds_on(date):
            continue
        if found is None or row.valid_from >= found.valid_from:
            found = row
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """A day's volume against what was in force that day. Unknown, or not in force, is None.

    attainment : volume / target; shortfall_m3 : what lacks to the target, 0 where it is reached
    capacity_m3, utilisation : by kind, the target among them; only kinds in force
    """

    target_m3: float | None
    attainment: float | None
    shortfall_m3: float | None
    capacity_m3: Mapping[CapacityKind, float]
    utilisation: Mapping[CapacityKind, float | None]


def standing(
    volume_m3: float | None, rows: Sequence[Capacity], site: str, date: dt.date
) -> Standing:
    """How a volume of one production day stands against the capacities of that date."""
    capacity_m3: dict[CapacityKind, float] = {}
    for kind in CapacityKind:
        row = in_force(rows, site, kind, date)
        if row is not None:
            capacity_m3[kind] = row.m3_per_day
    target_m3 = capacity_m3.get(CapacityKind.TARGET)
    shortfall_m3 = None
    if target_m3 is not None and volume_m3 is not None:
        shortfall_m3 = max(0.0, target_m3 - volume_m3)
    return Standing(
        target_m3=target_m3,
        attainment=ratio(volume_m3, target_m3),
        shortfall_m3=shortfall_m3,
        capacity_m3=capacity_m3,
        utilisation={kind: ratio(volume_m3, m3) for kind, m3 in capacity_m3.items()},
    )


def ratio(volume_m3: float | None, of_m3: float | None) -> float | None:
    """volume / of, None where either is unknown or there is nothing to divide by."""
    if volume_m3 is None or of_m3 is None or of_m3 == 0:
        return None
    return volume_m3 / of_m3


@dataclass(frozen=True, slots=True)
class DayVolume:
    """The known or unknown volume of one production day.

    in_part : so much of the day was not measured that its volume is only the least that passed
    """

    date: dt.date
    volume_m3: float | None
    in_part: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Days in a row: how many, from the first to the last."""

    days: int
    first: dt.date | None = None
    last: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """A site's days taken together. A day known in part counts in the total, and nowhere as a day:
    the first day of a new meter is no worst day, nor one below target.

    days_known : with a volume; days_in_part : of these, known in part
    total_m3 : of the days with a volume; mean, best and worst : of the wholly known ones
    days_on_target, days_with_target : of wholly known days with a target in force
    longest_below : the longest run of days below target; an unknown day, one known in part, a day
        without a target and a missing date end a run: nobody can say that such a day was below
    utilisation : by kind, volume / capacity of the wholly known days on which it was in force
    """

    days: int
    days_known: int
    days_in_part: int
    total_m3: float | None
    mean_m3_per_day: float | None
    best: DayVolume | None
    worst: DayVolume | None
    days_with_target: int
    days_on_target: int
    longest_below: Run
    utilisation: Mapping[CapacityKind, float | None]


def summary(days: Sequence[DayVolume], rows: Sequence[Capacity], site: str) -> Summary:
    """The summary of days, given by rising date, each date once."""
    known = [day for day in days if day.volume_m3 is not None]
    whole = [day for day in known if not day.in_part]
    standings = {
        day.date: standing(None if day.in_part else day.volume_m3, rows, site, day.date)
        for day in days
    }
    with_target = [day for day in whole if standings[day.date].attainment is not None]
    on_target = [day for day in with_target if standings[day.date].shortfall_m3 == 0]
    return Summary(
        days=len(days),
        days_known=len(known),
        days_in_part=len(known) - len(whole),
        total_m3=sum(_m3(day) for day in known) if known else None,
        mean_m3_per_day=sum(_m3(day) for day in whole) / len(whole) if whole else None,
        best=max(whole, key=_m3, default=None),
        worst=min(whole, key=_m3, default=None),
        days_with_target=len(with_target),
        days_on_target=len(on_target),
        longest_below=_longest_below(days, standings),
        utilisation={kind: _utilisation(kind, whole, standings) for kind in CapacityKind},
    )


def _m3(day: DayVolume) -> float:
    return 0.0 if day.volume_m3 is None else day.volume_m3


def _utilisation(
    kind: CapacityKind, whole: Sequence[DayVolume], standings: Mapping[dt.date, Standing]
) -> float | None:
    held = [day for day in whole if kind in standings[day.date].capacity_m3]
    capacity_m3 = sum(standings[day.date].capacity_m3[kind] for day in held)
    return ratio(sum(_m3(day) for day in held), capacity_m3) if held else None


def _longest_below(days: Sequence[DayVolume], standings: Mapping[dt.date, Standing]) -> Run:
    longest, run = Run(0), Run(0)
    for day in days:
        shortfall_m3 = standings[day.date].shortfall_m3
        if not shortfall_m3:
            run = Run(0)
        elif run.last is not None and day.date - run.last == dt.timedelta(days=1):
            run = Run(run.days + 1, run.first, day.date)
        else:
            run = Run(1, day.date, day.date)
        if run.days > longest.days:
            longest = run
    return longest
