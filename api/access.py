"""Who may ask: an API key in ``Authorization: Bearer``, or the page's own cookie for reading.

Roles: a viewer reads, a planner also edits targets, an admin everything. With ``auth: off`` (only
ever on a loopback address, see ``config.checking``) everybody is an admin named ``local``.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Depends, Request

from api.context import Context
from api.errors import NotAllowed
from storage.records import Key

COOKIE = "foggara_key"
_RANK = {"viewer": 0, "planner": 1, "admin": 2}
_LOCAL = Key("local", "local", "admin", 0, None)


def context_of(request: Request) -> Context:
    return request.app.state.context


TheContext = Annotated[Context, Depends(context_of)]


async def known_key(context: Context, request: Request) -> Key | None:
    """The key that a request shows, None where it shows none that counts."""
    if context.auth == "off":
        return _LOCAL
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        # a cookie travels by itself, so it may read and never change anything (no CSRF)
        secret = request.cookies.get(COOKIE, "") if request.method in ("GET", "HEAD") else ""
    if not secret:
        return None
    return await asyncio.to_thread(context.records.keys.verify, secret.strip())


async def viewer(request: Request, context: TheContext) -> Key:
    """Any key. Raises: NotAllowed (401)."""
    key = await known_key(context, request)
    if key is None:
        raise NotAllowed("send an API key: Authorization: Bearer fgr_…", known=False)
    return key


async def planner(key: Annotated[Key, Depends(viewer)]) -> Key:
    """A key that may edit targets. Raises: NotAllowed (401 or 403)."""
    if _RANK[key.role] < _RANK["planner"]:
        raise NotAllowed(f"the key '{key.name}' may only read", known=True)
    return key


Viewer = Annotated[Key, Depends(viewer)]
Planner = Annotated[Key, Depends(planner)]
