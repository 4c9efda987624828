"""Production over the API: now, daily, summary, as it was known, as tables."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from openpyxl import load_workbook

from api import models
from water.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Callable

    Play = Callable[[Any], None]

DAILY = "/api/v1/production/daily"
THREE_DAYS = {"site": "mactaa", "from": "2026-07-01", "to": "2026-07-03"}
DAY_M3 = 24 * 14_000.0


def test_now_tells_flow_today_and_projection(play: Play) -> None:
    async def act(s: Any) -> None:
        (row,) = (await s.client.get("/api/v1/production/now")).json()
        models.ProductionNow.model_validate(row)
        assert row["site"] == "mactaa"
        assert row["flow_m3_per_h"] == pytest.approx(14_000)
        assert row["today_m3"] == pytest.approx(12 * 14_000, abs=2)
        assert row["projected_today_m3"] == pytest.approx(DAY_M3, rel=1e-4)
        assert row["target_m3_per_day"] == 350_000
        assert row["projected_attainment"] == pytest.approx(DAY_M3 / 350_000, rel=1e-4)
        assert row["quality"] == "good"

    play(act)


def test_days_have_volume_target_capacity_and_story(play: Play) -> None:
    async def act(s: Any) -> None:
        answer = await s.client.get(DAILY, params=THREE_DAYS)
        days = models.Daily.model_validate_json(answer.content).days
        assert [str(day.date) for day in days] == ["2026-07-01", "2026-07-02", "2026-07-03"]
        for day in days:
            assert day.volume_m3 == pytest.approx(DAY_M3, abs=2)
            assert day.target_m3 == 350_000
            assert day.shortfall_m3 == pytest.approx(350_000 - DAY_M3, abs=2)
            assert day.utilisation["design"] == pytest.approx(DAY_M3 / 500_000, rel=1e-4)
            assert day.method == "totalizer"
            assert day.boundary_ok
            assert day.cross_check_m3 == pytest.approx(DAY_M3, rel=2e-3)
            assert day.revision == 1

    play(act)


def test_produced_and_delivered_are_never_mixed(play: Play) -> None:
    async def act(s: Any) -> None:
        day = (await s.client.get(DAILY, params=THREE_DAYS)).json()["days"][0]
        assert day["volume_m3"] == pytest.approx(DAY_M3, abs=2)
        assert day["delivered_to_city_m3"] == pytest.approx(240_000, abs=1)
        assert day["delivered_to_others_m3"] == pytest.approx(96_000, abs=1)

    play(act)


def test_the_running_day_is_answered_as_provisional(play: Play) -> None:
    async def act(s: Any) -> None:
        params = {"site": "mactaa", "from": "2026-07-04", "to": "2026-07-04"}
        answer = await s.client.get(DAILY, params=params)
        (day,) = answer.json()["days"]
        assert (day["status"], day["revision"]) == ("provisional", 0)
        assert day["volume_m3"] == pytest.approx(12 * 14_000, abs=250)
        assert "etag" not in answer.headers

    play(act)


def test_closed_days_carry_an_etag(play: Play) -> None:
    async def act(s: Any) -> None:
        first = await s.client.get(DAILY, params=THREE_DAYS)
        again = await s.client.get(
            DAILY, params=THREE_DAYS, headers={"If-None-Match": first.headers["etag"]}
        )
        assert again.status_code == 304
        assert again.content == b""

    play(act)


def test_late_data_make_a_revision_and_as_of_answers_the_earlier_one(play: Play) -> None:
    async def act(s: Any) -> None:
        known_at = "2026-07-04T12:00:00+01:00"
        s.now[0] += 3600 * 10**9
        # the meter had stood still for the last hour of July 2nd: its replacement's log says so
        numbers = s.context.numbers
        end_ns = s.now[0] - (13 + 24) * 3600 * 10**9
        times = np.arange(end_ns - 3600 * 10**9, end_ns, 60 * 10**9)
        tag = np.full(times.shape, numbers["mactaa.oran.flow"], np.int32)
        await s.store.append(Batch.of(tag, times, np.zeros(times.shape)))
        await s.context.accounts.recompute([s.context.accounts.calendar.day_of(end_ns - 1).date])
        now = (await s.client.get(DAILY, params=THREE_DAYS)).json()["days"][1]
        then = await s.client.get(DAILY, params={**THREE_DAYS, "as_of": known_at})
        before = then.json()["days"][1]
        assert (before["revision"], now["revision"]) == (1, 2)
        assert now["status"] == "corrected"
        assert now["cross_check_m3"] < before["cross_check_m3"] - 9000
        story = await s.client.get(
            f"{DAILY}/revisions", params={"site": "mactaa", "date": "2026-07-02"}
        )
        assert [d["revision"] for d in story.json()["days"]] == [1, 2]

    play(act)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_the_same_rows_as_a_table(form: str, play: Play) -> None:
    async def act(s: Any) -> None:
        answer = await s.client.get(DAILY, params={**THREE_DAYS, "format": form})
        assert answer.status_code == 200
        if form == "csv":
            rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
            volumes = [float(row["volume_m3"]) for row in rows]
        else:
            sheet = load_workbook(io.BytesIO(answer.content)).active
            head = [cell.value for cell in sheet[1]]
            at = head.index("volume_m3")
            volumes = [row[at] for row in sheet.iter_rows(min_row=2, values_only=True)]
        assert volumes == pytest.approx([DAY_M3] * 3, abs=2)

    play(act)


def test_summary_leaves_the_running_day_out(play: Play) -> None:
    async def act(s: Any) -> None:
        params = {"site": "mactaa", "from": "2026-07-01", "to": "2026-07-04"}
        answer = await s.client.get("/api/v1/production/summary", params=params)
        summary = models.Summary.model_validate_json(answer.content)
        assert summary.days == 3
        assert summary.total_m3 == pytest.approx(3 * DAY_M3, abs=5)
        assert summary.days_on_target == 0
        assert summary.longest_run_below_target is not None
        assert summary.longest_run_below_target.days == 3
        assert summary.utilisation["design"] == pytest.approx(DAY_M3 / 500_000, rel=1e-4)

    play(act)


def test_the_curve_rises_to_the_days_volume(play: Play) -> None:
    async def act(s: Any) -> None:
        answer = await s.client.get(
            "/api/v1/production/curve", params={"site": "mactaa", "date": "2026-07-02"}
        )
        curve = models.Curve.model_validate_json(answer.content)
        volumes = [p.volume_m3 for p in curve.points if p.volume_m3 is not None]
        assert volumes == sorted(volumes)
        assert volumes[-1] == pytest.approx(DAY_M3, abs=2)
        assert curve.target_m3 == 350_000

    play(act)


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        (DAILY, {"from": "2026-07-03", "to": "2026-07-01"}, 422),
        (DAILY, {"from": "2026-07-03"}, 422),
        (DAILY, {"from": "1000-01-01", "to": "2026-07-01"}, 422),
        (DAILY, {"site": "nowhere", "from": "2026-07-01", "to": "2026-07-01"}, 404),
        (DAILY, {**THREE_DAYS, "as_of": "2026-07-01T00:00:00"}, 422),
        (DAILY, {**THREE_DAYS, "format": "pdf"}, 422),
        ("/api/v1/production/curve", {"site": "araba"}, 404),
    ],
)
def test_wrong_requests_are_problems(
    path: str, params: dict[str, str], status: int, play: Play
) -> None:
    async def act(s: Any) -> None:
        answer = await s.client.get(path, params=params)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        problem = models.Problem.model_validate_json(answer.content)
        assert problem.status == status
        assert problem.errors or status == 404

    play(act)


def test_days_without_data_are_unknown_not_zero(play: Play) -> None:
    async def act(s: Any) -> None:
        params = {"site": "mactaa", "from": "2026-06-01", "to": "2026-06-02"}
        for day in (await s.client.get(DAILY, params=params)).json()["days"]:
            assert day["volume_m3"] is None
            assert day["attainment"] is None

    play(act)


def test_a_day_known_in_part_is_not_the_worst_day_of_a_summary(play: Play) -> None:
    """The hour of readings before the first of July is all that is known of the 30th of June."""

    async def act(s: Any) -> None:
        await s.context.accounts.close_day(dt.date(2026, 6, 30))
        params = THREE_DAYS | {"from": "2026-06-30"}
        summary = (await s.client.get("/api/v1/production/summary", params=params)).json()
        assert (summary["days"], summary["days_with_volume"], summary["days_in_part"]) == (4, 4, 1)
        assert summary["worst"]["date"] != "2026-06-30"
        assert summary["mean_m3"] == pytest.approx(DAY_M3, abs=5)
        assert summary["longest_run_below_target"]["days"] == 3

    play(act)


def test_what_was_known_once_and_a_closed_days_curve_carry_an_etag(play: Play) -> None:
    async def act(s: Any) -> None:
        for path, params in (
            (DAILY, THREE_DAYS | {"as_of": "2026-07-04T12:00:00+01:00"}),
            ("/api/v1/production/curve", {"site": "mactaa", "date": "2026-07-02"}),
        ):
            answer = await s.client.get(path, params=params)
            again = await s.client.get(
                path, params=params, headers={"If-None-Match": answer.headers["etag"]}
            )
            assert (answer.status_code, again.status_code, again.content) == (200, 304, b"")
        running = {"site": "mactaa"}
        answer = await s.client.get("/api/v1/production/curve", params=running)
        assert "etag" not in answer.headers

    play(act)


@pytest.mark.parametrize("date", ["0001-01-01", "9999-12-31"])
def test_a_curve_of_no_possible_day_is_a_wrong_request(date: str, play: Play) -> None:
    async def act(s: Any) -> None:
        answer = await s.client.get(
            "/api/v1/production/curve", params={"site": "mactaa", "date": date}
        )
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "date"

    play(act)
