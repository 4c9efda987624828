"""The page that asks for a key where keys are wanted."""

from __future__ import annotations

from html import escape

from nicegui import ui

from api.pages.shell import languages, shell
from config.messages import messages


def build_sign_in(language: str, *, wrong: bool) -> None:
    """A plain form: the key goes into a cookie that scripts cannot read."""
    texts = messages(language)
    shell(language, f"{texts['sign_in']} · {texts['title']}")
    complaint = f'<p class="bad" role="alert">■ {escape(texts["wrong_key"])}</p>' if wrong else ""
    ui.html(
        f"<header><h1>{escape(texts['title'])}</h1><nav>{languages(language)}</nav></header>"
        f'<form class="sign-in" method="post" action="/sign-in?lang={language}">'
        f"<h1>{escape(texts['sign_in'])}</h1>{complaint}"
        f'<label>{escape(texts["key"])} <input name="key" type="password" required autofocus '
        'autocomplete="current-password"></label>'
        f"<button>{escape(texts['sign_in'])}</button></form>",
        sanitize=False,
    )
