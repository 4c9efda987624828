"""What a collector needs of the outside: somewhere to put readings, and a ledger of what it lost."""

from __future__ import annotations

from typing import Protocol

from water.batch import Batch
from water.device import Gap


class Sink(Protocol):
    """Takes batches. A batch counts as taken when ``append`` returns: it is committed to disk then.

    Raises whatever the store raises; the collector keeps the batch and offers it again. The same
    batch twice changes nothing.
    """

    async def append(self, batch: Batch) -> None: ...


class Ledger(Protocol):
    """Takes gaps: once when one begins (``to_ns`` None), once when it ends (same device, from_ns)."""

    async def record_gap(self, gap: Gap) -> None: ...
