"""What stops the program before it starts, each told in one sentence and no traceback.

FoggaraError
├── WrongOption   options that cannot be together
├── PortTaken     the door's address is in use
├── DataInUse     another process writes this data folder
└── SimulatorEnded  the demo's plant ended by itself
"""

from __future__ import annotations

from pathlib import Path


class FoggaraError(Exception):
    """The root of this room's errors."""


class WrongOption(FoggaraError):
    pass


class PortTaken(FoggaraError):
    def __init__(self, host: str, port: int, why: str) -> None:
        super().__init__(
            f"cannot listen on {host}:{port} ({why}); choose another with --port or FOGGARA_PORT"
        )
        self.port = port


class DataInUse(FoggaraError):
    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"another foggara process writes {folder}; stop it, or choose another with --data"
        )
        self.folder = folder


class SimulatorEnded(FoggaraError):
    def __init__(self, code: int | None) -> None:
        super().__init__(f"the simulated plant ended by itself (exit code {code})")
        self.code = code
