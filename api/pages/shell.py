"""What every page has: title, language, direction, style."""

from __future__ import annotations

from nicegui import ui

from config.messages import LANGUAGES, messages

_LANGUAGE_NAMES = {"fr": "Français", "ar": "العربية", "en": "English"}


def shell(language: str, title: str) -> None:
    """Title, style and direction of a page in one language."""
    direction = messages(language)["direction"]
    ui.page_title(title)
    ui.add_head_html('<link rel="stylesheet" href="/static/foggara.css">')
    ui.add_head_html(
        f"<script>document.documentElement.lang='{language}';"
        f"document.documentElement.dir='{direction}';</script>"
    )


def languages(current: str) -> str:
    """Links to the same page in each language."""
    return " ".join(
        f'<a href="?lang={code}" lang="{code}"{" aria-current=true" if code == current else ""}>'
        f"{_LANGUAGE_NAMES[code]}</a>"
        for code in LANGUAGES
    )
