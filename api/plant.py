"""What the plant is, how its devices do: ``/plant``, ``/devices``, ``/reservoirs``, ``/jobs``."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from api import models
from api.access import TheContext
from api.answers import json_answer
from api.figures import reservoir_answer
from api.live import Live
from api.states import device_answer, job_answer
from api.tags import tag_description
from config.base import text
from config.devices import Device, OpcUaDevice
from config.plant import Plant

router = APIRouter(tags=["plant"])


def _device(device: Device) -> dict[str, Any]:
    place = device.endpoint if isinstance(device, OpcUaDevice) else f"{device.host}:{device.port}"
    return {
        "id": device.id,
        "name": text(device.name) if device.name else device.id,
        "site": device.site,
        "protocol": device.protocol,
        "address": place,
        "scan_interval_s": device.scan_interval_s,
    }


def plant_answer(plant: Plant) -> dict[str, Any]:
    """The description without secrets."""
    return {
        "id": plant.plant.id,
        "name": text(plant.plant.name),
        "city": plant.plant.city,
        "time_zone": plant.plant.time_zone,
        "production_day": [
            {"start": row.start.isoformat("minutes"), "valid_from": row.valid_from.isoformat()}
            for row in plant.plant.production_day
        ],
        "sites": [
            {
                "id": site.id,
                "name": text(site.name),
                "type": site.type,
                "in_service_from": site.in_service_from.isoformat(),
                "position": site.position.model_dump() if site.position else None,
                "illustrative": site.illustrative,
            }
            for site in plant.sites
        ],
        "zones": [{"id": zone.id, "name": text(zone.name)} for zone in plant.zones],
        "devices": [_device(device) for device in plant.devices],
        "meters": [
            {
                "id": meter.id,
                "site": meter.site,
                "measures": meter.measures,
                "destination": meter.destination,
                "totalizer": meter.totalizer,
                "flow": meter.flow,
            }
            for meter in plant.meters
        ],
        "tags": [tag_description(tag, plant) for tag in plant.tags.values()],
    }


@router.get("/plant", response_model=models.Plant)
async def plant(context: TheContext) -> Response:
    """The described plant: sites, devices, meters, tags."""
    return json_answer(plant_answer(context.plant))


@router.get("/devices", response_model=list[models.Device])
async def devices(request: Request, context: TheContext) -> Response:
    """How each device does now."""
    live: Live = request.app.state.live
    zone = context.plant.zone
    body = live.snapshot_bytes(
        "devices", lambda: [device_answer(status, zone) for status in context.devices()]
    )
    return Response(body, media_type="application/json")


@router.get("/reservoirs", response_model=list[models.Reservoir])
async def reservoirs(request: Request, context: TheContext) -> Response:
    """Every reservoir now."""
    live: Live = request.app.state.live
    body = live.snapshot_bytes("reservoirs", lambda: reservoir_answer(context))
    return Response(body, media_type="application/json")


@router.get("/jobs", response_model=list[models.Job])
async def jobs(context: TheContext) -> Response:
    """What the calendar starts: last run, outcome, next run."""
    return json_answer([job_answer(state, context.plant.zone) for state in context.jobs()])
