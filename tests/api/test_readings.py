"""Tags, histories, gaps, reservoirs, plant and targets over the API."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from api import models

if TYPE_CHECKING:
    from collections.abc import Callable

    Play = Callable[[Any], None]

FLOW = "/api/v1/tags/mactaa.oran.flow"
HOUR = {"from": "2026-07-02T00:00:00+01:00", "to": "2026-07-02T01:00:00+01:00"}
THREE = {"from": "2026-07-01T00:00:00+01:00", "to": "2026-07-04T00:00:00+01:00"}


def test_few_readings_come_raw_with_their_quality(play: Play) -> None:
    async def act(s: Any) -> None:
        params = {"from": "2026-07-01T00:00:00+01:00", "to": "2026-07-01T01:00:00+01:00"}
        history = (await s.client.get(f"{FLOW}/history", params=params)).json()
        models.History.model_validate(history)
        assert not history["reduced"]
        assert len(history["readings"]) == 60
        bad = [r for r in history["readings"] if r["quality"] != "good"]
        assert bad == [
            {"time": "2026-07-01T00:40:00.000+01:00", "value": None, "quality": "bad",
             "reason": "comm_failure"}
        ]  # fmt: skip

    play(act)


def test_many_readings_come_reduced_and_never_more_than_points(play: Play) -> None:
    async def act(s: Any) -> None:
        answer = await s.client.get(f"{FLOW}/history", params={**THREE, "points": 50})
        history = models.History.model_validate_json(answer.content)
        assert history.reduced
        assert 0 < len(history.readings) <= 50
        assert all(step.min == step.max == step.mean == 10_000 for step in history.readings)

    play(act)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_histories_as_files(form: str, play: Play) -> None:
    async def act(s: Any) -> None:
        answer = await s.client.get(f"{FLOW}/history", params={**HOUR, "format": form})
        if form == "parquet":
            assert pq.read_table(io.BytesIO(answer.content)).num_rows == 60
        else:
            assert len(answer.text.splitlines()) == 61
        assert f"mactaa.oran.flow.{form}" in answer.headers["content-disposition"]

    play(act)


def test_tags_are_paged(play: Play) -> None:
    async def act(s: Any) -> None:
        seen: list[str] = []
        cursor: str | None = None
        while True:
            params = {"limit": 4} | ({"cursor": cursor} if cursor else {})
            answer = await s.client.get("/api/v1/tags", params=params)
            page = models.Tags.model_validate_json(answer.content)
            seen += [tag.id for tag in page.tags]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == list(s.context.plant.tags)
        wrong = await s.client.get("/api/v1/tags", params={"cursor": "&&&"})
        assert wrong.status_code == 422

    play(act)


def test_one_tag_has_its_latest_reading(play: Play) -> None:
    async def act(s: Any) -> None:
        tag = models.TagNow.model_validate_json((await s.client.get(FLOW)).content)
        assert tag.latest is not None
        assert tag.latest.value == 10_000
        assert tag.unit == "m3/h"
        assert (await s.client.get("/api/v1/tags/no.such")).status_code == 404

    play(act)


def test_reservoirs_are_told_by_volume(play: Play) -> None:
    async def act(s: Any) -> None:
        (row,) = (await s.client.get("/api/v1/reservoirs")).json()
        models.Reservoir.model_validate(row)
        assert row["capacity_m3"] == 50_000
        assert row["volume_m3"] == pytest.approx(6250 * row["level_m"], abs=1)
        assert row["fill"] == pytest.approx(row["volume_m3"] / 50_000, abs=1e-5)
        assert row["usable_m3"] == pytest.approx(row["volume_m3"] - 6250, abs=1)
        assert row["net_flow_m3_per_h"] == pytest.approx(-62.5, rel=0.02)
        assert row["hours_to_full"] is None

    play(act)


def test_gaps_are_told_once_begun_and_ended(play: Play) -> None:
    async def act(s: Any) -> None:
        answer = await s.client.get("/api/v1/gaps", params=THREE)
        (gap,) = models.Gaps.model_validate_json(answer.content).gaps
        assert (gap.device, gap.readings, gap.cause) == ("plc", 60, "timeout")
        other = await s.client.get("/api/v1/gaps", params={**THREE, "tag": "araba.level"})
        assert other.json()["gaps"] == []

    play(act)


def test_the_plant_has_no_secrets_and_all_its_parts(play: Play) -> None:
    async def act(s: Any) -> None:
        answer = await s.client.get("/api/v1/plant")
        plant = models.Plant.model_validate_json(answer.content)
        assert [site.id for site in plant.sites] == ["mactaa", "araba"]
        assert len(plant.tags) == 6
        assert "password" not in answer.text

    play(act)


def test_targets_are_replaced_kept_and_audited(play: Play) -> None:
    async def act(s: Any) -> None:
        old = await s.client.get("/api/v1/targets", params={"site": "mactaa"})
        assert len(models.Targets.model_validate_json(old.content).targets) == 2
        body = {
            "rows": [{"kind": "target", "m3_per_day": 500_000, "valid_from": "2026-07-02"}],
            "comment": "at term",
        }
        s.now[0] += 10**9
        put = await s.client.put("/api/v1/targets/mactaa", json=body)
        assert put.status_code == 200
        s.now[0] += 10**9
        new = await s.client.get("/api/v1/targets", params={"site": "mactaa"})
        assert [t["m3_per_day"] for t in new.json()["targets"]] == [500_000]
        then = await s.client.get(
            "/api/v1/targets", params={"site": "mactaa", "as_of": "2026-07-04T12:00:00+01:00"}
        )
        assert len(then.json()["targets"]) == 2
        params = {"site": "mactaa", "from": "2026-07-01", "to": "2026-07-02"}
        days = (await s.client.get("/api/v1/production/daily", params=params)).json()["days"]
        assert [day["target_m3"] for day in days] == [None, 500_000]
        (entry,) = s.records.audit.read(0, s.now[0] + 1)
        assert (entry.who, entry.action, entry.subject) == ("local", "replace_targets", "mactaa")
        assert "at term" in entry.detail

    play(act)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"kind": "wish", "m3_per_day": 1, "valid_from": "2026-01-01"}, "rows.0.kind"),
        ({"kind": "target", "m3_per_day": -1, "valid_from": "2026-01-01"}, "rows.0.m3_per_day"),
        ({"kind": "target", "m3_per_day": 1, "valid_from": "2000-01-01"}, "rows.0.valid_from"),
        (
            {
                "kind": "target",
                "m3_per_day": 1,
                "valid_from": "2026-01-02",
                "valid_to": "2026-01-01",
            },
            "rows.0.valid_to",
        ),
    ],
)
def test_wrong_targets_name_their_field(row: dict[str, Any], field: str, play: Play) -> None:
    async def act(s: Any) -> None:
        answer = await s.client.put("/api/v1/targets/mactaa", json={"rows": [row]})
        assert answer.status_code == 422
        assert field in [error["field"] for error in answer.json()["errors"]]

    play(act)


def test_a_span_that_could_hold_too_many_bad_readings_is_never_read_whole(play: Play) -> None:
    """A tag that was refused for ten years has no good reading, and 300 million bad ones."""

    async def act(s: Any) -> None:
        asked = []

        class Spying:
            async def read(self, tags: Any, from_ns: int, to_ns: int) -> Any:
                asked.append((from_ns, to_ns))
                return await s.store.read(tags, from_ns, to_ns)

            trend = staticmethod(s.store.trend)

        object.__setattr__(s.context, "reader", Spying())
        answer = await s.client.get(
            "/api/v1/tags/mactaa.oran.flow/history",
            params={"from": "2000-01-01T00:00:00Z", "to": "2010-01-01T00:00:00Z"},
        )
        assert (answer.status_code, answer.json()["readings"]) == (200, [])
        assert asked == []

    play(act)
