"""The running day: today's volume, fed as readings come, and a site's production now."""

from __future__ import annotations

from collections.abc import Sequence

from water.day import Day
from water.now import ProductionNow
from water.output import Volume, sum_of
from water.running import RunningDay

NS_PER_H = 3.6e12


def production_now(
    site: str,
    as_of_ns: int,
    day: Day,
    volumes: Sequence[Volume],
    flow_m3_per_h: float | None,
    target_m3_per_day: float | None,
    quality: int,
) -> ProductionNow:
    """A producing site at an instant, from the running volumes of its product meters.

    volumes : of the day so far, one a meter; if one is unknown, so is the site's today
    flow_m3_per_h : sum of the meters' present flow, None where one is unknown
    quality : worst of the readings that the figures rest on
    """
    today = sum_of(volumes)
    projected = None
    if today.volume_m3 is not None and flow_m3_per_h is not None:
        rest_h = max(0, day.end_ns - as_of_ns) / NS_PER_H
        projected = today.volume_m3 + flow_m3_per_h * rest_h
    attainment = None
    if projected is not None and target_m3_per_day:
        attainment = projected / target_m3_per_day
    return ProductionNow(
        site=site,
        as_of_ns=as_of_ns,
        flow_m3_per_h=flow_m3_per_h,
        today_m3=today.volume_m3,
        projected_today_m3=projected,
        target_m3_per_day=target_m3_per_day,
        projected_attainment=attainment,
        coverage=today.coverage,
        quality=quality,
    )


__all__ = ["RunningDay", "production_now"]
