"""What the simulator refuses.

SimulatorError
├── UnknownTarget    a device or tag that is not served; ``what`` and ``id`` say which
├── UnknownFault     no fault with this number
├── BadFault         a fault that this device cannot have, or with wrong parameters
├── CannotListen     an address of a device that is taken; ``devices``, ``host``, ``port``
├── BadRecording     a recording that cannot be replayed; ``file``, ``line``, ``column``
└── BadState         a saved state of another plant, seed or version; ``why``
"""

from __future__ import annotations

from collections.abc import Sequence


class SimulatorError(Exception):
    """The root of this room's errors."""


class UnknownTarget(SimulatorError):
    def __init__(self, what: str, id_: str) -> None:
        super().__init__(f"no {what} '{id_}' is served")
        self.what = what
        self.id = id_


class UnknownFault(SimulatorError):
    def __init__(self, number: int) -> None:
        super().__init__(f"no fault {number}")
        self.number = number


class BadFault(SimulatorError):
    def __init__(self, device: str, fault: str, why: str) -> None:
        super().__init__(f"{fault} of {device}: {why}")
        self.device = device
        self.fault = fault
        self.why = why


class CannotListen(SimulatorError):
    def __init__(self, devices: Sequence[str], host: str, port: int, why: str) -> None:
        super().__init__(f"{', '.join(devices)}: cannot listen on {host}:{port}: {why}")
        self.devices = tuple(devices)
        self.host = host
        self.port = port


class BadRecording(SimulatorError):
    """``line`` counts from 1 with the header; None where the whole file is meant."""

    def __init__(
        self, file: str, message: str, *, line: int | None = None, column: str | None = None
    ) -> None:
        place = file if line is None else f"{file}:{line}"
        super().__init__(f"{place}: {column}: {message}" if column else f"{place}: {message}")
        self.file = file
        self.line = line
        self.column = column
        self.message = message


class BadState(SimulatorError):
    def __init__(self, why: str) -> None:
        super().__init__(f"the saved state cannot be resumed: {why}")
        self.why = why
