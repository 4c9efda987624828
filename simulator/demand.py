"""How much a city draws: by hour, weekday, season, Ramadan and feasts, and heat."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from hijridate import Gregorian

from config.plant import Peak
from simulator.waves import DAY_S, Array, Waves, generator, season

_EVERYDAY: Final = np.array(
    [
        [0.55, 0.45, 0.40, 0.40, 0.50, 0.75, 1.10, 1.40, 1.45, 1.35, 1.25, 1.20],
        [1.25, 1.20, 1.05, 0.95, 1.00, 1.10, 1.25, 1.35, 1.30, 1.15, 0.90, 0.70],
    ]
).ravel()
_RAMADAN: Final = np.array(
    [
        [1.10, 1.00, 1.15, 1.30, 0.90, 0.60, 0.50, 0.60, 0.80, 1.00, 1.10, 1.10],
        [1.15, 1.10, 1.10, 1.15, 1.30, 1.45, 1.20, 0.80, 1.10, 1.30, 1.30, 1.20],
    ]
).ravel()
_FRIDAY_NOON: Final = np.array([1.0] * 6 + [0.85] * 4 + [1.0, 1.15, 1.25, 1.2] + [1.0] * 10)
_SACRIFICE_MORNING: Final = np.array([1.0] * 7 + [2.2] * 6 + [1.2] * 2 + [0.8] * 9)
_NIGHT_HOURS: Final = 24
_SUMMER_PEAK_DAY: Final = 215
_SEASON_SHARE: Final = 0.10
_HEAT_PER_DEG: Final = 0.015
_HOT_DEG_C: Final = 29.0
_RAMADAN_MONTH: Final = 9


@dataclass(frozen=True, slots=True)
class _DayShape:
    """A date's factor and its 24 hourly multipliers, first and last joined."""

    hourly: Array


class Demand:
    """The city's demand as a multiple of its yearly mean, at any time."""

    def __init__(self, zone: ZoneInfo, peaks: list[Peak], seed: int) -> None:
        self._zone = zone
        self._peaks = peaks
        self._weather = Waves(generator(seed, "heat"), 1, 3 * DAY_S, 12 * DAY_S)
        self._shapes: dict[int, _DayShape] = {}

    def factor(self, times_s: Array) -> Array:
        """(n_times,) multiples of the mean, at seconds since 1970, rising."""
        local = times_s + self._offset_s(float(times_s[0]))
        day = np.floor(local / DAY_S).astype(np.int64)
        hour = (local - day * DAY_S) / 3600
        shape = np.empty(len(times_s))
        for ordinal in np.unique(day):
            of_day = day == ordinal
            hourly = self._shape(int(ordinal)).hourly
            shape[of_day] = np.interp(hour[of_day], np.arange(_NIGHT_HOURS + 1), hourly)
        return shape * self.year(times_s)

    def year(self, times_s: Array) -> Array:
        """The season's and the weather's part alone."""
        warmth = season(times_s, _SUMMER_PEAK_DAY)
        air_deg_c = 24 + 7 * warmth + 2.5 * self._weather.at(times_s)[:, 0]
        heat = 1 + _HEAT_PER_DEG * np.maximum(air_deg_c - _HOT_DEG_C, 0)
        return (1 + _SEASON_SHARE * warmth) * heat

    def _offset_s(self, time_s: float) -> float:
        offset = dt.datetime.fromtimestamp(time_s, self._zone).utcoffset()
        return 0.0 if offset is None else offset.total_seconds()

    def _shape(self, ordinal: int) -> _DayShape:
        known = self._shapes.get(ordinal)
        if known is None:
            date = dt.date(1970, 1, 1) + dt.timedelta(days=ordinal)
            known = self._shapes[ordinal] = _DayShape(self._hourly(date))
        return known

    def _hourly(self, date: dt.date) -> Array:
        hijri = Gregorian(date.year, date.month, date.day).to_hijri()
        fasting = hijri.month == _RAMADAN_MONTH
        hourly = _RAMADAN if fasting else _EVERYDAY
        hourly = hourly / hourly.mean()
        if date.weekday() == 4:
            hourly = hourly * _FRIDAY_NOON
        if (hijri.month, hijri.day) == (12, 10):
            hourly = hourly * _SACRIFICE_MORNING
        hourly = hourly * self._peak_factor(date)
        return np.append(hourly, hourly[0])

    def _peak_factor(self, date: dt.date) -> float:
        return float(np.prod([peak.demand_factor for peak in self._peaks if _holds(peak, date)]))


def _holds(peak: Peak, date: dt.date) -> bool:
    """Is the date in the peak period? Summer is left out: the season's curve has it already."""
    if peak.start is not None and peak.end is not None:
        return peak.start <= date <= peak.end
    shifted = date - dt.timedelta(days=peak.shift_days)
    hijri = Gregorian(shifted.year, shifted.month, shifted.day).to_hijri()
    match peak.rule:
        case "ramadan":
            return hijri.month == _RAMADAN_MONTH
        case "aid_el_fitr":
            return hijri.month == 10 and hijri.day <= 2
        case "aid_el_adha":
            return hijri.month == 12 and 9 <= hijri.day <= 11
        case "mawlid":
            return hijri.month == 3 and hijri.day == 12
        case _:
            return False
