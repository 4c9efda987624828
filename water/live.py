"""The running day: today's volume, fed as readings come, and a site's production now."""

from __future__ import annotations

from collections.abc import Sequence

from water.day import Day
from water.now import ProductionNow
from water.output import Volume, sum_of
from water.quality import UNCERTAIN, Reason
from water.running import RunningDay
from water.volume import is_known

NS_PER_H = 3.6e12
LEAST_H = 1.0
"""What is open in a day's first minutes is measured against what passes in an hour."""


def production_now(
    site: str,
    as_of_ns: int,
    day: Day,
    volumes: Sequence[Volume],
    maximum_flows_m3_per_h: Sequence[float],
    flow_m3_per_h: float | None,
    target_m3_per_day: float | None,
    quality: int,
) -> ProductionNow:
    """A producing site at an instant, from the running volumes of its product meters.

    volumes : of the day so far, one a meter; if one is unknown, so is the site's today
    maximum_flows_m3_per_h : of the same meters
    flow_m3_per_h : sum of the meters' present flow, None where one is unknown
    quality : worst of the readings that the figures rest on

    Where today is not known from its begin, or its methods contradict each other, it is told as
    ``uncertain`` with the reason ``incomplete``, and nothing is projected from it.
    """
    today = sum_of(volumes)
    whole = _is_whole(day, as_of_ns, volumes, maximum_flows_m3_per_h)
    projected = None
    if whole and today.volume_m3 is not None and flow_m3_per_h is not None:
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
        quality=quality if whole else max(quality, UNCERTAIN | Reason.INCOMPLETE),
    )


def _is_whole(
    day: Day, as_of_ns: int, volumes: Sequence[Volume], maximum_flows_m3_per_h: Sequence[float]
) -> bool:
    """Is the day so far known of every meter?"""
    passed_h = max((min(as_of_ns, day.end_ns) - day.begin_ns) / NS_PER_H, LEAST_H)
    return all(
        is_known(volume, maximum * passed_h)
        for volume, maximum in zip(volumes, maximum_flows_m3_per_h, strict=True)
    )


__all__ = ["RunningDay", "production_now"]
