"""The resolved settings of one process: command line over environment over description."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from config.checks.access import is_loopback
from config.plant import Plant
from foggara.errors import WrongOption


@dataclass(frozen=True, slots=True)
class Options:
    """host, port : where the door listens; port 0 is any free one
    data : folder of journal, history and records
    """

    host: str
    port: int
    data: Path
    auth: Literal["off", "keys"]


def resolve(
    plant: Plant,
    *,
    base: Path,
    host: str | None = None,
    port: int | None = None,
    data: Path | None = None,
    auth: Literal["off", "keys"] | None = None,
) -> Options:
    """What is given wins over the description; the data folder there is relative to ``base``.

    Raises: WrongOption where ``auth`` is off on an address that others reach.
    """
    options = Options(
        host=host or plant.server.host,
        port=plant.server.port if port is None else port,
        data=data or base / plant.store.data,
        auth=auth or plant.server.auth,
    )
    if options.auth == "off" and not is_loopback(options.host):
        raise WrongOption(
            f"server.auth is 'off', which only a loopback address may have, and {options.host} is "
            "not one: set `auth: keys` and make a key with `foggara key add`"
        )
    return options
