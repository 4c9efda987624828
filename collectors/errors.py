"""What talking to a device can fail with.

CollectorError            ``device`` and ``cause``; all of them are told to the operator as ``cause``
├── ConnectionGone        the connection is of no more use: close it, wait, connect again
│   ├── Unreachable       it could not be opened
│   ├── ConnectionLost    the other side closed it
│   ├── NoAnswer          nothing came within the timeout
│   └── Malformed         what came could not be understood
├── Refused               the device answered, and refused: ``code``; the connection is good
└── Misfit                a sound answer that is not of the size asked for; the connection is good
"""

from __future__ import annotations

from water.quality import Reason


class CollectorError(Exception):
    """The root of this room's errors.

    ``reason`` is what the quality of the readings says that were not got.
    """

    reason = Reason.COMM_FAILURE

    def __init__(self, device: str, cause: str) -> None:
        super().__init__(f"{device}: {cause}")
        self.device = device
        self.cause = cause


class ConnectionGone(CollectorError):
    """The connection is of no more use; what else it brings could be an answer to something older."""


class Unreachable(ConnectionGone):
    """The connection could not be opened."""


class ConnectionLost(ConnectionGone):
    """The other side closed the connection."""


class NoAnswer(ConnectionGone):
    """Nothing came within ``timeout_s``."""

    reason = Reason.TIMEOUT

    def __init__(self, device: str, what: str, timeout_s: float) -> None:
        super().__init__(device, f"no answer within {timeout_s:g} s to {what}")
        self.timeout_s = timeout_s


class Malformed(ConnectionGone):
    """What came could not be understood, or does not fit what was asked."""

    reason = Reason.MALFORMED


class Refused(CollectorError):
    """The device answered, and refused; ``code`` is the protocol's own number."""

    reason = Reason.REFUSED

    def __init__(self, device: str, what: str, code: int, meaning: str) -> None:
        super().__init__(device, f"{what} refused: {code} ({meaning})")
        self.code = code


class Misfit(CollectorError):
    """A sound answer that is not of the size asked for."""

    reason = Reason.MALFORMED
