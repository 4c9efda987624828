"""The first page: production now against target, today's curve, reservoirs, devices.

Built once by NiceGUI; from then on ``overview.js`` follows the live stream by itself, so a viewer
costs the server the same few microseconds whatever the page shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import orjson
from nicegui import ui

from api.context import Context
from api.pages.shell import languages, shell
from config.base import text
from config.devices import Device
from config.messages import messages
from config.sites import Site


def build_overview(context: Context, language: str) -> None:
    """The page of one viewer, in one language."""
    texts = messages(language)
    plant = text(context.plant.plant.name, language)
    shell(language, f"{plant} · {texts['title']}")
    ui.html(_header(plant, language), sanitize=False)
    site, chart = _first_site(context), None
    names = _names(context.plant.sites, language)
    with ui.element("div").classes("overview"):  # the library brings the main element
        ui.html(_section("production", texts["production"]), sanitize=False).classes("production")
        if site is not None:
            with ui.element("section").classes("today"):
                title = f"{texts['against_target']} · {names[site]}"
                ui.html(f"<h2>{escape(title)}</h2>", sanitize=False)
                chart = ui.echart({}).props("id=curve role=img").classes("curve")
        for name in ("reservoirs", "devices"):
            ui.html(_section(name, texts[name]), sanitize=False).classes(name)
    settings = {
        "language": language,
        "texts": dict(texts),
        "time_zone": context.plant.plant.time_zone,
        "live_tick_s": context.plant.server.live_tick_s,
        "chart": chart and chart.id,
        "site": site,
        # a device may have the id of its site, and another name
        "sites": names,
        "devices": _names(context.plant.devices, language),
    }
    # the blob cannot end its own script element: < is written as an escape
    blob = orjson.dumps(settings).decode().replace("<", "\\u003c")
    ui.add_body_html(
        f'<script type="application/json" id="settings">{blob}</script>'
        '<script type="module" src="/static/overview.js"></script>'
    )


def _names(parts: Iterable[Site | Device], language: str) -> dict[str, str]:
    return {part.id: text(part.name, language) if part.name else part.id for part in parts}


def _header(plant: str, language: str) -> str:
    texts = messages(language)
    return (
        f"<header><h1>{escape(texts['title'])} · <bdi>{escape(plant)}</bdi></h1>"
        f'<span id="connection" role="status">{escape(texts["connecting"])}</span>'
        '<time id="clock"></time>'
        f'<nav>{languages(language)} <a href="/docs">{escape(texts["api_docs"])}</a></nav></header>'
    )


def _section(name: str, title: str) -> str:
    return (
        f'<section aria-labelledby="{name}-title">'
        f'<h2 id="{name}-title">{escape(title)} <small id="{name}-count"></small></h2>'
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
