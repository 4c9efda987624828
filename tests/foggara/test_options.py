"""Options: what is given wins over the description, and no open door without keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.checks.access import is_loopback
from config.loading import load
from foggara.errors import WrongOption
from foggara.options import resolve

MINIMAL = Path(__file__).resolve().parents[2] / "config" / "minimal.yaml"


def test_the_description_speaks_where_nothing_is_given(tmp_path: Path) -> None:
    options = resolve(load(MINIMAL).plant, base=tmp_path)
    assert (options.host, options.port) == ("127.0.0.1", 8080)
    assert options.data == tmp_path / "data"


def test_what_is_given_wins(tmp_path: Path) -> None:
    given = tmp_path / "elsewhere"
    options = resolve(load(MINIMAL).plant, base=tmp_path, host="127.0.0.2", port=0, data=given)
    assert (options.host, options.port, options.data) == ("127.0.0.2", 0, given)


@pytest.mark.parametrize("host", ["0.0.0.0", "10.1.2.3", "::", "foggara.example"])
def test_no_keys_only_on_loopback(host: str, tmp_path: Path) -> None:
    plant = load(MINIMAL).plant
    with pytest.raises(WrongOption, match="loopback"):
        resolve(plant, base=tmp_path, host=host, auth="off")
    assert resolve(plant, base=tmp_path, host=host, auth="keys").host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9"])
def test_loopback_is_known(host: str) -> None:
    assert is_loopback(host)
