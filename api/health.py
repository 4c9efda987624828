"""``/health/live``, ``/health/ready`` and ``/metrics``."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api import models
from api.access import TheContext, viewer
from api.answers import json_bytes
from api.context import Context
from api.live import Live
from water.quality import UNCERTAIN

router = APIRouter(tags=["health"])
_STATES = ("online", "degraded", "offline")


@router.get("/health/live", response_model=models.Health)
async def alive() -> models.Health:
    """The process answers."""
    return models.Health(status="live")


@router.get(
    "/health/ready", response_model=models.Health, responses={503: {"model": models.Health}}
)
async def ready(context: TheContext) -> Response:
    """200 where readings are taken and kept, else 503 with what is not ready."""
    missing = list(context.not_ready())
    body = models.Health(status="not ready" if missing else "ready", not_ready=missing)
    status = 503 if missing else 200
    return Response(json_bytes(body.model_dump()), status, media_type="application/json")


class HouseMetrics(Collector):
    """Reads the house's own counts at each scrape; nothing is counted twice."""

    def __init__(self, context: Context, live: Live) -> None:
        self._context = context
        self._live = live

    def collect(self) -> Iterator[Metric]:
        yield from self._devices()
        yield from self._store()
        yield from self._tags()
        yield GaugeMetricFamily(
            "foggara_live_listeners", "Listeners of the live stream", self._live.listeners
        )

    def _devices(self) -> Iterator[Metric]:
        state = GaugeMetricFamily(
            "foggara_device_state", "1 for the state a device is in", labels=("device", "state")
        )
        latency = GaugeMetricFamily(
            "foggara_device_latency_seconds",
            "Latest answers' latency",
            labels=("device", "quantile"),
        )
        counts = {
            name: CounterMetricFamily(f"foggara_device_{name}", what, labels=("device",))
            for name, what in (
                ("scans", "Scans begun"),
                ("scans_missed", "Scans that were due and did not happen"),
                ("scans_late", "Scans that began late"),
                ("reconnects", "Connections made anew"),
                ("errors", "Faults of any kind"),
            )
        }
        for device in self._context.devices():
            for name in _STATES:
                state.add_metric((device.id, name), float(device.state == name))
            for quantile, value in (
                ("0.5", device.latency_ms_p50),
                ("0.99", device.latency_ms_p99),
            ):
                if value is not None:
                    latency.add_metric((device.id, quantile), value / 1000)
            for name, family in counts.items():
                family.add_metric((device.id,), getattr(device, name))
        yield from (state, latency, *counts.values())

    def _store(self) -> Iterator[Metric]:
        condition = self._context.condition()
        for name, what, value in (
            ("journal_batches", "Batches not sealed yet", condition.journal_batches),
            ("journal_bytes", "Bytes not sealed yet", condition.journal_bytes),
            ("sealed_bytes", "Bytes of sealed history", condition.sealed_bytes),
            ("sealed_readings", "Readings of sealed history", condition.sealed_readings),
            ("disk_free_ratio", "Free part of the disk", condition.disk_free_ratio),
            ("store_warnings", "Warnings of the store", len(condition.warnings)),
        ):
            yield GaugeMetricFamily(f"foggara_{name}", what, value)

    def _tags(self) -> Iterator[Metric]:
        last = self._context.last
        _, _, quality = last.columns(last.changed_since(0))
        family = GaugeMetricFamily("foggara_tags", "Tags by last quality", labels=("quality",))
        good = int((quality < UNCERTAIN).sum())
        family.add_metric(("good",), good)
        family.add_metric(("not_good",), quality.size - good)
        yield family


@router.get("/metrics", dependencies=[Depends(viewer)], response_class=Response)
def metrics(request: Request) -> Response:
    """Prometheus text."""
    registry: CollectorRegistry = request.app.state.metrics
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
