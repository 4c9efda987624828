"""What every page has: language, direction, style."""

from __future__ import annotations

from nicegui import ui

from config.messages import messages


def shell(language: str) -> None:
    """Style and direction of a page in one language."""
    direction = messages(language)["direction"]
    ui.add_head_html('<link rel="stylesheet" href="/static/foggara.css">')
    ui.add_head_html(
        f"<script>document.documentElement.lang='{language}';"
        f"document.documentElement.dir='{direction}';</script>"
    )
