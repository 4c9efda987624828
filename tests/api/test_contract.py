"""The door as a whole: its description, its problems, every answer of its described shape."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from api import models
from storage.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    Play = Callable[[Any], None]

PROMISED = {
    "/health/live", "/health/ready", "/metrics", "/api/v1/plant", "/api/v1/devices",
    "/api/v1/production/now", "/api/v1/production/daily", "/api/v1/production/summary",
    "/api/v1/reservoirs", "/api/v1/tags", "/api/v1/tags/{tag_id}",
    "/api/v1/tags/{tag_id}/history", "/api/v1/gaps", "/api/v1/live", "/api/v1/targets",
    "/api/v1/targets/{site}",
}  # fmt: skip


def test_every_promised_call_is_described_with_examples(play: Play) -> None:
    async def act(s: Any) -> None:
        description = (await s.client.get("/api/v1/openapi.json")).json()
        assert set(description["paths"]) >= PROMISED
        for name, shape in description["components"]["schemas"].items():
            for field, described in shape.get("properties", {}).items():
                refers = "$ref" in str(described)
                assert refers or "examples" in str(described), f"{name}.{field} has no example"

    play(act)


def test_the_documentation_page_comes_from_here(play: Play) -> None:
    async def act(s: Any) -> None:
        page = await s.client.get("/docs")
        assert page.status_code == 200
        assert "https://" not in page.text
        assert (await s.client.get("/docs/files/swagger-ui-bundle.js")).status_code == 200

    play(act)


def test_unknown_paths_and_methods_are_problems(play: Play) -> None:
    async def act(s: Any) -> None:
        for method, path, status in (
            ("GET", "/api/v1/nothing", 404),
            ("POST", "/api/v1/plant", 405),
            ("PUT", "/api/v1/targets/nowhere", 422),
        ):
            answer = await s.client.request(method, path)
            assert answer.status_code == status, path
            assert answer.headers["content-type"] == "application/problem+json"
            models.Problem.model_validate_json(answer.content)

    play(act)


def test_a_store_that_is_away_is_a_problem_with_a_time_to_retry(play: Play) -> None:
    async def act(s: Any) -> None:
        class Away:
            async def trend(self, *_: Any) -> None:
                raise Unavailable("history", retry_s=3)

            read = trend

        s.app.state.context = replace(s.context, reader=Away())
        path = "/api/v1/tags/araba.level/history"
        params = {"from": "2026-07-01T00:00:00+01:00", "to": "2026-07-02T00:00:00+01:00"}
        answer = await s.client.get(path, params=params)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")

    play(act)


def test_ready_says_what_is_not(play: Play) -> None:
    async def act(s: Any) -> None:
        assert (await s.client.get("/health/ready")).status_code == 200
        s.app.state.context = replace(s.context, not_ready=lambda: ["the store is away"])
        answer = await s.client.get("/health/ready")
        assert answer.status_code == 503
        assert answer.json()["not_ready"] == ["the store is away"]
        assert (await s.client.get("/health/live")).status_code == 200

    play(act)


def test_metrics_speak_prometheus(play: Play) -> None:
    async def act(s: Any) -> None:
        text = (await s.client.get("/metrics")).text
        assert 'foggara_device_state{device="plc",state="online"} 1.0' in text
        assert 'foggara_device_scans_missed_total{device="plc"} 1.0' in text
        assert "foggara_journal_batches" in text

    play(act)


def test_devices_and_jobs_have_their_shape(play: Play) -> None:
    async def act(s: Any) -> None:
        for row in (await s.client.get("/api/v1/devices")).json():
            models.Device.model_validate(row)
        assert (await s.client.get("/api/v1/jobs")).json() == []

    play(act)


@pytest.mark.slow
def test_no_generated_request_breaks_a_promise(play: Play) -> None:
    """Answers keep to the description, and nothing that is asked makes a server error."""

    async def act(s: Any) -> None:
        schema = schemathesis.openapi.from_dict((await s.client.get("/api/v1/openapi.json")).json())
        cases: list[Any] = []

        for result in schema.exclude(path="/api/v1/live").get_all_operations():
            operation = result.ok()

            @settings(
                max_examples=12,
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            )
            def collect(case: Any) -> None:
                cases.append(case)

            import hypothesis

            hypothesis.given(case=operation.as_strategy())(collect)()
        assert len(cases) > 50
        for case in cases:
            sent = case.as_transport_kwargs(base_url="http://localhost")
            answer = await s.client.request(
                **{k: v for k, v in sent.items() if v is not None and k != "cookies"}
            )
            assert answer.status_code < 500, (case.path, case.query, answer.text)

    play(act)
