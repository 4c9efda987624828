import asyncio
import contextlib

import numpy as np

from collectors.delivery import Delivery
from collectors.losses import Losses
from collectors.statistics import Statistics
from water.quality import BAD, Reason, quality

MS = 1_000_000
S = 1000 * MS


def test_a_loss_is_told_once_and_its_end_with_what_was_not_read(sink, ledger):
    delivery = Delivery(sink, ledger)
    statistics = Statistics("d", "modbus", 2)
    losses = Losses("d", ["a", "b"], {"a": 7, "b": 9}, S, delivery, statistics)

    async def go():
        task = asyncio.create_task(delivery.run())
        losses.end(5 * S)  # nothing was lost
        losses.begin(10 * S + 123, "no answer")
        losses.begin(11 * S, "still no answer")
        assert losses.lasting
        losses.end(15 * S + 2 * MS + 5)
        losses.end(16 * S)
        assert not losses.lasting
        assert await delivery.drain(5)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(go())
    readings = sink.readings
    assert readings.tag_id.tolist() == [7, 9]
    assert readings.time_ns.tolist() == [10 * S + MS] * 2
    assert np.isnan(readings.value).all()
    assert readings.quality.tolist() == [quality(BAD, Reason.COMM_FAILURE)] * 2
    begun, ended = ledger.gaps
    assert (begun.from_ns, begun.to_ns, begun.cause) == (10 * S + MS, None, "no answer")
    assert begun.tags == ("a", "b")
    assert (ended.from_ns, ended.to_ns, ended.readings) == (10 * S + MS, 15 * S + 2 * MS, 10)
    assert statistics.status().tags_bad == 2
