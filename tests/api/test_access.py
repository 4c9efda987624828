"""Keys: nothing but health is answered without one, and a viewer changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Play = Callable[[Any], None]

BODY = {"rows": [{"kind": "target", "m3_per_day": 1, "valid_from": "2026-01-01"}]}


def _open_paths(app: Any) -> list[str]:
    paths = app.openapi()["paths"]
    return [p.replace("{tag_id}", "mactaa.oran.flow") for p, ops in paths.items() if "get" in ops]


def test_every_call_but_health_wants_a_key(play_with_keys: Play) -> None:
    async def act(s: Any) -> None:
        for path in _open_paths(s.app):
            answer = await s.client.get(path)
            if path.startswith("/health"):
                assert answer.status_code == 200, path
            else:
                assert answer.status_code == 401, path
                assert answer.headers["www-authenticate"] == "Bearer"
        assert (await s.client.put("/api/v1/targets/mactaa", json=BODY)).status_code == 401

    play_with_keys(act)


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("planner", 200), ("admin", 200)])
def test_roles(role: str, status: int, play_with_keys: Play) -> None:
    async def act(s: Any) -> None:
        _, secret = s.records.keys.add("screen", role, s.now[0])
        head = {"Authorization": f"Bearer {secret}"}
        assert (await s.client.get("/api/v1/plant", headers=head)).status_code == 200
        put = await s.client.put("/api/v1/targets/mactaa", json=BODY, headers=head)
        assert put.status_code == status

    play_with_keys(act)


def test_a_revoked_or_invented_key_counts_no_more(play_with_keys: Play) -> None:
    async def act(s: Any) -> None:
        key, secret = s.records.keys.add("screen", "viewer", s.now[0])
        s.records.keys.revoke(key.id, s.now[0] + 1)
        for shown in (secret, "fgr_invented", "x" * 5000, "é"):
            head = {"Authorization": f"Bearer {shown}".encode()}
            assert (await s.client.get("/api/v1/plant", headers=head)).status_code == 401

    play_with_keys(act)


def test_the_pages_cookie_reads_and_never_writes(play_with_keys: Play) -> None:
    async def act(s: Any) -> None:
        _, secret = s.records.keys.add("page", "admin", s.now[0])
        s.client.cookies.set("foggara_key", secret)
        assert (await s.client.get("/api/v1/plant")).status_code == 200
        assert (await s.client.put("/api/v1/targets/mactaa", json=BODY)).status_code == 401

    play_with_keys(act)


def test_secrets_are_not_kept(play_with_keys: Play, tmp_path: Path) -> None:
    async def act(s: Any) -> None:
        _, secret = s.records.keys.add("page", "viewer", s.now[0])
        kept = [path.read_bytes() for path in (tmp_path / "data").glob("records.sqlite*")]
        assert kept
        assert all(secret.encode() not in part for part in kept)

    play_with_keys(act)


def test_without_keys_only_this_machines_names_are_answered(play: Play) -> None:
    async def act(s: Any) -> None:
        for name, status in (("localhost:8080", 200), ("127.0.0.1", 200), ("evil.example", 400)):
            answer = await s.client.get("/api/v1/plant", headers={"Host": name})
            assert answer.status_code == status, name

    play(act)
