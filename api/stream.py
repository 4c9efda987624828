"""``/live``: Server-Sent Events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse

from api.live import Live

router = APIRouter(tags=["live"])

_EXAMPLE = (
    "event: readings\n"
    'data: {"as_of":"2026-07-01T12:00:00.000+01:00","readings":[{"tag":"mactaa.outlet.oran.flow",'
    '"time":"2026-07-01T11:59:59.920+01:00","value":10950.2,"quality":"good","reason":null}]}\n'
    "id: 5f2c1a90-42\n\n"
)


@router.get(
    "/live",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "`snapshot` first, then `readings`, `device`, `production`, `reservoirs`",
            "content": {"text/event-stream": {"example": _EXAMPLE}},
        }
    },
)
async def live(
    request: Request, last_event_id: Annotated[str | None, Header()] = None
) -> StreamingResponse:
    """What changes, as it changes. ``Last-Event-ID`` resumes."""
    hub: Live = request.app.state.live
    return StreamingResponse(
        hub.stream(last_event_id),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
