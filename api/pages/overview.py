"""The first page: production now against target, today's curve, reservoirs, devices.

Built once by NiceGUI; from then on ``overview.js`` follows the live stream by itself, so a viewer
costs the server the same few microseconds whatever the page shows.
"""

from __future__ import annotations

from html import escape
from typing import Any

import orjson
from nicegui import ui

from api.context import Context
from api.pages.shell import shell
from config.base import text
from config.messages import LANGUAGES, messages

_LANGUAGE_NAMES = {"fr": "Français", "ar": "العربية", "en": "English"}


def build_overview(context: Context, language: str) -> None:
    """The page of one viewer, in one language."""
    texts = messages(language)
    shell(language)
    ui.html(_header(context, language), sanitize=False)
    with ui.element("main"):
        ui.html(
            _section("production", texts["production"])
            + f'<h2 class="chart-title">{escape(texts["against_target"])}</h2>',
            sanitize=False,
        )
        chart = ui.echart(_chart(texts)).props("id=curve").classes("curve")
        ui.html(
            _section("reservoirs", texts["reservoirs"]) + _section("devices", texts["devices"]),
            sanitize=False,
        )
    settings = {
        "language": language,
        "texts": dict(texts),
        "time_zone": context.plant.plant.time_zone,
        "chart": chart.id,
        "site": _first_site(context),
        "names": {
            part.id: text(part.name, language) if part.name else part.id
            for part in [*context.plant.sites, *context.plant.devices]
        },
    }
    # the blob cannot end its own script element: < is written as an escape
    blob = orjson.dumps(settings).decode().replace("<", "\\u003c")
    ui.add_body_html(
        f'<script type="application/json" id="settings">{blob}</script>'
        '<script type="module" src="/static/overview.js"></script>'
    )


def _header(context: Context, language: str) -> str:
    texts = messages(language)
    links = " ".join(
        f'<a href="?lang={code}" lang="{code}"{" aria-current=true" if code == language else ""}>'
        f"{_LANGUAGE_NAMES[code]}</a>"
        for code in LANGUAGES
    )
    name = escape(text(context.plant.plant.name, language))
    return (
        f"<header><h1>{escape(texts['title'])} · {name}</h1>"
        '<span id="connection" role="status"></span><time id="clock"></time>'
        f'<nav>{links} <a href="/docs">{escape(texts["api_docs"])}</a></nav></header>'
    )


def _section(name: str, title: str) -> str:
    return (
        f'<section aria-labelledby="{name}-title"><h2 id="{name}-title">{escape(title)}</h2>'
        f'<div id="{name}" class="cards"></div></section>'
    )


def _first_site(context: Context) -> str | None:
    """The producing site with the greatest target: the curve is its own."""
    metered = {meter.site for meter in context.plant.meters if meter.measures == "produced"}
    targets = {c.site: c.m3_per_day for c in context.plant.capacities if c.kind == "target"}
    return max(
        (site.id for site in context.plant.sites if site.id in metered),
        key=lambda site: targets.get(site, 0.0),
        default=None,
    )


def _chart(texts: Any) -> dict[str, Any]:
    """Time always runs left to right, in every language."""
    return {
        "animation": False,
        "grid": {"left": 80, "right": 24, "top": 36, "bottom": 28},
        "legend": {"top": 0},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "time"},
        "yAxis": {"type": "value", "name": texts["m3"]},
        "series": [
            {"name": texts["accumulated"], "type": "line", "showSymbol": False, "data": [],
             "lineStyle": {"width": 3, "color": "#1f5f8b"}, "itemStyle": {"color": "#1f5f8b"}},
            {"name": texts["pace"], "type": "line", "showSymbol": False, "data": [],
             "lineStyle": {"type": "dashed", "color": "#777"}, "itemStyle": {"color": "#777"}},
        ],
    }  # fmt: skip
