"""Options that several commands share, each also from the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path,
    typer.Option(
        "--config",
        "-c",
        envvar="FOGGARA_CONFIG",
        help="The plant's description (YAML).",
        show_default=False,
    ),
]
Host = Annotated[
    str | None,
    typer.Option(
        envvar="FOGGARA_HOST",
        help="Address to listen on. Default: the description's, 127.0.0.1 where it says none.",
        show_default=False,
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        envvar="FOGGARA_PORT",
        min=0,
        max=65535,
        help="Port of page and API; 0 picks a free one. Default: the description's, or 8080.",
        show_default=False,
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        envvar="FOGGARA_DATA",
        help="Folder of journal, history and records. Default: the description's, or data/.",
        show_default=False,
    ),
]
LogLevel = Annotated[
    str,
    typer.Option(envvar="FOGGARA_LOG_LEVEL", help="debug, info, warning or error."),
]
