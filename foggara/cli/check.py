"""foggara check FILE"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from foggara.cli.console import load_or_exit, out


def check(
    file: Annotated[Path, typer.Argument(help="The plant's description (YAML).")],
) -> None:
    """Validate a plant's description: every error at once, each with file, line and column.

    Exit code 0: it may be used (warnings may be printed); 2: it may not.
    """
    loaded = load_or_exit(file)
    plant = loaded.plant
    protocols = Counter(device.protocol for device in plant.devices)
    devices = ", ".join(f"{count} {name}" for name, count in sorted(protocols.items()))
    out.print(
        f"{file}: good. {len(plant.sites)} sites, {len(plant.devices)} devices ({devices}), "
        f"{len(plant.tags)} tags, {len(plant.meters)} meters, {len(plant.reservoirs)} reservoirs, "
        f"{len(loaded.warnings)} warnings.",
        soft_wrap=True,
    )
