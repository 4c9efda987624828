"""Secrets from the environment or a file, never from the description."""

from __future__ import annotations

import pytest

from config.errors import SecretMissing
from config.loading import load
from config.secrets import secret

SCADA = """
plant: {{ id: p, name: P }}
sites: [{{ id: s, name: S, type: wells }}]
devices:
  - id: d
    site: s
    protocol: opcua
    endpoint: opc.tcp://h:4840
    username: reader
    password_file: {file}
    tags: [{{ id: t, kind: flow, unit: m3/h, node: ns=2;s=t }}]
"""


def test_from_the_environment(monkeypatch):
    monkeypatch.setenv("SCADA_PASSWORD", "wadi")
    assert secret("SCADA_PASSWORD", None) == "wadi"


def test_from_a_file_without_its_line_end(tmp_path):
    path = tmp_path / "secret"
    path.write_text("wadi \n")
    assert secret(None, str(path)) == "wadi "


def test_none_where_none_is_named():
    assert secret(None, None) is None


def test_what_is_missing_is_named_and_never_empty(tmp_path, monkeypatch):
    monkeypatch.delenv("SCADA_PASSWORD", raising=False)
    with pytest.raises(SecretMissing, match="environment variable SCADA_PASSWORD: is not set"):
        secret("SCADA_PASSWORD", None)
    with pytest.raises(SecretMissing, match="cannot be read"):
        secret(None, str(tmp_path / "none"))
    empty = tmp_path / "empty"
    empty.write_text("\n")
    with pytest.raises(SecretMissing, match="is empty"):
        secret(None, str(empty))


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, True), (0o604, True)])
def test_a_password_that_others_can_read_warns(tmp_path, mode, warned):
    kept = tmp_path / "password"
    kept.write_text("wadi")
    kept.chmod(mode)
    described = tmp_path / "plant.yaml"
    described.write_text(SCADA.format(file=kept))
    warnings = load(described).warnings
    assert [w.field for w in warnings] == (["devices[d].password_file"] if warned else [])
