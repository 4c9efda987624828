"""The collectors' ledger kept in the records."""

from __future__ import annotations

import asyncio

from storage.records import Gaps
from water.device import Gap


class RecordsLedger:
    """Writes gaps from a thread, so that a slow disk delays no scan."""

    def __init__(self, gaps: Gaps) -> None:
        self._gaps = gaps

    async def record_gap(self, gap: Gap) -> None:
        await asyncio.to_thread(self._gaps.record_gap, gap)
