import asyncio
import contextlib

import pytest

from collectors.delivery import Delivery
from water.batch import Batch
from water.device import Gap


class Away(Exception):
    retry_s = 0.02


class RowsRefused(Exception):
    rows = (1,)


def batch(*times):
    return Batch.of([1] * len(times), times, [float(t) for t in times])


def delivered(delivery, act, *, drain_s=5.0):
    """Runs the delivery while ``act`` acts, then drains and stops it."""

    async def go():
        task = asyncio.create_task(delivery.run())
        try:
            await act()
            assert await delivery.drain(drain_s)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    asyncio.run(go())


def test_what_waits_is_joined_and_its_order_kept(sink, ledger):
    delivery = Delivery(sink, ledger)

    async def act():
        for t in range(50):
            delivery.put("d", batch(t))

    delivered(delivery, act)
    assert sink.readings.time_ns.tolist() == list(range(50))
    assert len(sink.batches) < 5
    assert delivery.readings_waiting == 0


def test_a_sink_that_fails_for_a_while_loses_nothing_and_keeps_the_order(sink, ledger):
    delivery = Delivery(sink, ledger)
    sink.failing = Away()

    async def act():
        for t in range(20):
            delivery.put("d", batch(t, 100 + t))
            await asyncio.sleep(0.005)
        assert sink.refused > 1
        assert not sink.batches
        sink.failing = None

    delivered(delivery, act)
    expected = [time for t in range(20) for time in (t, 100 + t)]
    assert sink.readings.time_ns.tolist() == expected
    assert delivery.failures == sink.refused


def test_gaps_come_after_the_readings_before_them_and_survive_a_failing_ledger(sink, ledger):
    delivery = Delivery(sink, ledger)
    ledger.failing = Away()
    gap = Gap("d", 2, None, ("t",), 0, "why")

    async def act():
        delivery.put("d", batch(1))
        delivery.put_gap(gap)
        delivery.put("d", batch(3))
        await asyncio.sleep(0.05)
        assert sink.readings.time_ns.tolist() == [1]
        ledger.failing = None

    delivered(delivery, act)
    assert ledger.gaps == [gap]
    assert sink.readings.time_ns.tolist() == [1, 3]


def test_beyond_the_bound_the_oldest_go_counted_and_with_a_gap(sink, ledger):
    delivery = Delivery(sink, ledger, readings_kept=10)
    sink.failing = Away()

    async def act():
        delivery.put("d", batch(0))
        await asyncio.sleep(0.03)  # this one is with the sink: it is not dropped
        for t in range(1, 30):
            delivery.put("d" if t % 2 else "e", batch(t))
        assert delivery.readings_waiting == 10
        sink.failing = None

    delivered(delivery, act)
    assert sink.readings.time_ns.tolist() == [0, *range(21, 30)]
    assert delivery.readings_dropped == 20
    assert sum(gap.readings for gap in ledger.gaps) == 20
    spans = {gap.device: (gap.from_ns, gap.to_ns) for gap in ledger.gaps}
    assert spans == {"d": (1, 20), "e": (2, 21)}


def test_rows_refused_for_good_are_counted_and_stop_nothing(sink, ledger):
    delivery = Delivery(sink, ledger)
    sink.failing = RowsRefused()

    async def act():
        delivery.put("d", batch(1, 2))
        await asyncio.sleep(0.02)
        sink.failing = None
        delivery.put("d", batch(3))

    delivered(delivery, act)
    assert delivery.readings_refused == 1
    assert sink.readings.time_ns.tolist() == [3]


def test_a_drain_is_bounded(sink, ledger):
    delivery = Delivery(sink, ledger)
    sink.failing = Away()

    async def act():
        delivery.put("d", batch(1))
        assert not await delivery.drain(0.05)
        sink.failing = None

    delivered(delivery, act)


def test_an_empty_batch_is_nothing(sink, ledger):
    delivery = Delivery(sink, ledger)

    async def act():
        delivery.put("d", Batch.empty())

    delivered(delivery, act)
    assert not sink.batches


@pytest.mark.parametrize("failures", [1, 3])
def test_any_other_error_of_the_store_is_tried_again(sink, ledger, failures, monkeypatch):
    monkeypatch.setattr("collectors.delivery.RETRY_S", 0.01)
    delivery = Delivery(sink, ledger)
    sink.failing = OSError("disk")

    async def act():
        delivery.put("d", batch(1))
        while sink.refused < failures:  # noqa: ASYNC110 - the sink has no event
            await asyncio.sleep(0.005)
        sink.failing = None

    delivered(delivery, act)
    assert sink.readings.time_ns.tolist() == [1]
