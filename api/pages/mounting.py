"""NiceGUI joined to the application, its own files included: nothing comes from a CDN."""

from __future__ import annotations

import asyncio
from importlib.resources import files
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from nicegui import ui
from starlette.responses import Response

from api.access import COOKIE, known_key
from api.context import Context
from api.pages.overview import build_overview
from api.pages.sign_in import build_sign_in
from config.messages import chosen

STATIC = "/static"
_LONGEST_FORM = 4096
"""bytes; nobody has shown a key yet"""


def mount_pages(app: FastAPI, context: Context) -> None:
    """The first page at ``/``; with keys wanted, ``/sign-in`` before it."""
    app.mount(STATIC, StaticFiles(directory=str(files("api.pages") / "static")), "static")

    @app.post("/sign-in", include_in_schema=False)
    async def sign_in(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        language = _language(request)
        secret = await _key_given(request)
        known = context.records.keys.verify
        if not secret or await asyncio.to_thread(known, secret) is None:
            return RedirectResponse(f"/sign-in?lang={language}&wrong=1", 303)
        answer = RedirectResponse(f"/?lang={language}", 303)
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, secret, httponly=True, samesite="strict", secure=secure)
        return answer

    @ui.page("/")
    async def overview(request: Request) -> Response | None:  # pyright: ignore[reportUnusedFunction]
        if await known_key(context, request) is None:
            return RedirectResponse(f"/sign-in?lang={_language(request)}", 303)
        build_overview(context, _language(request))
        return None

    @ui.page("/sign-in")
    async def sign_in_page(request: Request) -> None:  # pyright: ignore[reportUnusedFunction]
        build_sign_in(_language(request), wrong="wrong" in request.query_params)

    ui.run_with(app, title="Foggara", dark=None, tailwind=False, show_welcome_message=False)


def _language(request: Request) -> str:
    return chosen(request.query_params.get("lang"), request.headers.get("accept-language"))


async def _key_given(request: Request) -> str:
    """The key in the posted form; empty where there is none or the form is no form of ours."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            return ""
    fields = parse_qs(body.decode("utf-8", "replace"))
    return fields.get("key", [""])[0].strip()
