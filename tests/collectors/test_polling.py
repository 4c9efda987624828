"""The polling of a device that is a plain object here: schedule, counting, coming back."""

import asyncio
import contextlib
import time
from itertools import pairwise
from random import Random

import pytest

from collectors.backoff import Backoff
from collectors.delivery import Delivery
from collectors.errors import NoAnswer, Unreachable
from collectors.losses import Losses
from collectors.polling import Polling
from collectors.schedule import Schedule
from collectors.statistics import Statistics

MS = 1_000_000
INTERVAL_NS = 100 * MS


class Scripted:
    """Its scans take ``takes_s``; it is unreachable, or dies in its scans, while told to."""

    def __init__(self):
        self.takes_s = 0.0
        self.opens_in_s = 0.0
        self.unreachable = False
        self.dying = False
        self.crashing = False
        self.started_ns = []
        self.opened_s = []
        self.closed = 0
        self.running = self.most_running = 0

    async def open(self):
        self.opened_s.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.opens_in_s)
        if self.unreachable:
            raise Unreachable("d", "nobody there")

    async def scan(self, now_ns):
        self.started_ns.append(time.time_ns())
        if self.crashing:
            raise ZeroDivisionError
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        await asyncio.sleep(self.takes_s)
        self.running -= 1
        if self.dying:
            raise NoAnswer("d", "everything", 0.1)

    def close(self):
        self.closed += 1


class Rig:
    def __init__(self, sink, ledger, interval_ns=INTERVAL_NS, longest_s=1.0, clock=time.time_ns):
        self.device = Scripted()
        self.delivery = Delivery(sink, ledger)
        self.statistics = Statistics("d", "modbus", 1)
        losses = Losses("d", ["t"], {"t": 1}, interval_ns, self.delivery, self.statistics)
        self.polling = Polling(
            self.device,
            Schedule(interval_ns),
            Backoff(longest_s, Random(1)),
            losses,
            self.statistics,
            clock,
        )

    async def run_for(self, *acts):
        """Runs; after each (seconds, act) in turn, acts."""
        tasks = [asyncio.create_task(self.delivery.run()), asyncio.create_task(self.polling.run())]
        try:
            for seconds, act in acts:
                await asyncio.sleep(seconds)
                act()
            assert not tasks[1].done()
        finally:
            tasks[1].cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await tasks[1]
            assert await self.delivery.drain(5)
            tasks[0].cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await tasks[0]


def nothing():
    pass


def test_scans_start_on_the_ticks_and_never_before(sink, ledger):
    rig = Rig(sink, ledger)
    asyncio.run(rig.run_for((1.0, nothing)))
    offsets_ms = [started % INTERVAL_NS / MS for started in rig.device.started_ns]
    assert 8 <= len(offsets_ms) <= 11
    assert all(0 <= offset < 90 for offset in offsets_ms)
    assert rig.statistics.scans == len(offsets_ms)
    assert rig.statistics.scans_missed == 0
    ticks = {started // INTERVAL_NS for started in rig.device.started_ns}
    assert len(ticks) == len(offsets_ms), "one scan a tick"


def test_scans_that_outlast_their_interval_do_not_pile_up_and_are_counted(sink, ledger):
    rig = Rig(sink, ledger)
    rig.device.takes_s = 0.23  # covers two further ticks
    asyncio.run(rig.run_for((1.6, nothing)))
    starts = len(rig.device.started_ns)
    assert rig.device.most_running == 1
    assert 4 <= starts <= 6
    assert 2 * (starts - 2) <= rig.statistics.scans_missed <= 3 * starts
    assert rig.statistics.behind


def test_the_time_a_first_connection_takes_is_no_missed_scan_but_an_absence_is(sink, ledger):
    rig = Rig(sink, ledger)
    rig.device.opens_in_s = 0.35
    asyncio.run(rig.run_for((0.8, nothing)))
    assert rig.statistics.scans >= 3
    assert rig.statistics.scans_missed == 0
    absent = Rig(sink, ledger, longest_s=0.2)
    absent.device.unreachable = True
    well = (0.5, lambda: setattr(absent.device, "unreachable", False))
    asyncio.run(absent.run_for(well, (0.5, nothing)))
    assert absent.statistics.scans_missed >= 4


def test_a_late_start_is_counted(sink, ledger):
    rig = Rig(sink, ledger)
    blocking = (0.35, lambda: time.sleep(0.25))  # the whole loop stands, as a busy machine's would
    asyncio.run(rig.run_for(blocking, (0.2, nothing)))
    assert rig.statistics.scans_late >= 1
    assert rig.statistics.scans_missed >= 1


def test_attempts_are_never_further_apart_than_the_longest_pause(sink, ledger):
    rig = Rig(sink, ledger, longest_s=0.3)
    rig.device.unreachable = True
    asyncio.run(rig.run_for((1.8, nothing)))
    opened = rig.device.opened_s
    pauses = [b - a for a, b in pairwise(opened)]
    assert len(pauses) >= 5
    assert max(pauses) < 0.3 + 0.2


def test_a_device_that_dies_of_every_scan_is_not_asked_in_a_tight_circle(sink, ledger):
    rig = Rig(sink, ledger, longest_s=1.0)
    rig.device.dying = True
    asyncio.run(rig.run_for((1.5, nothing)))
    assert 2 <= len(rig.device.started_ns) <= 7


def test_slow_schedules_are_read_at_once_when_the_device_is_back(sink, ledger):
    """An hour between scans: at 0.3 s the device is there for the first time after a loss."""
    rig = Rig(sink, ledger, interval_ns=3_600_000 * MS, longest_s=0.2)
    rig.device.unreachable = True
    well = (0.3, lambda: setattr(rig.device, "unreachable", False))
    asyncio.run(rig.run_for(well, (0.5, nothing)))
    assert rig.statistics.scans == 1
    assert rig.statistics.reconnects == 1
    begun, ended = ledger.gaps
    assert begun.from_ns == ended.from_ns < ended.to_ns


def test_a_fault_of_our_own_is_raised_and_the_device_is_lost_not_silent(sink, ledger):
    rig = Rig(sink, ledger)
    rig.device.crashing = True

    async def go():
        with pytest.raises(ZeroDivisionError):
            await rig.polling.run()
        delivering = asyncio.create_task(rig.delivery.run())
        assert await rig.delivery.drain(5)
        delivering.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await delivering

    asyncio.run(go())
    assert len(sink.readings) == 1
    assert ledger.gaps[0].to_ns is None
    assert "ZeroDivisionError" in rig.statistics.last_error
    assert rig.device.closed


@pytest.mark.parametrize("jump_s", [-3600, 3600])
def test_a_wall_clock_that_is_set_neither_stops_the_scans_nor_counts_as_missed(
    sink, ledger, jump_s
):
    jump_ns = 0

    def clock():
        return time.time_ns() + jump_ns

    def set_clock():
        nonlocal jump_ns
        jump_ns = jump_s * 1000 * MS

    rig = Rig(sink, ledger, clock=clock)
    asyncio.run(rig.run_for((0.5, set_clock), (0.8, nothing)))
    assert len(rig.device.started_ns) >= 9
    assert rig.statistics.scans_missed <= 3
