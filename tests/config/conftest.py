"""Where the descriptions are that these tests read."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.loading import load
from config.plant import Plant

CONFIG = Path(__file__).parents[2] / "config"


@pytest.fixture(scope="session")
def oran_file() -> Path:
    return CONFIG / "oran.yaml"


@pytest.fixture(scope="session")
def minimal_file() -> Path:
    return CONFIG / "minimal.yaml"


@pytest.fixture(scope="session")
def oran(oran_file: Path) -> Plant:
    return load(oran_file).plant
