import numpy as np

from collectors.statistics import LATENCIES_KEPT, Statistics
from water.device import DeviceState
from water.quality import BAD, Reason, quality


def read(statistics, index, codes, time_ns=5):
    statistics.read(
        np.array(index), np.full(len(index), time_ns, np.int64), np.array(codes, np.uint8)
    )


def test_before_the_first_answer_nothing_is_known():
    status = Statistics("d", "modbus", 3).status()
    assert status.state is DeviceState.OFFLINE
    assert (status.tags, status.tags_bad) == (3, 3)
    assert status.latency_ms_p50 is None
    assert status.last_reading_ns is None


def test_online_degraded_offline():
    statistics = Statistics("d", "modbus", 2)
    statistics.online = True
    read(statistics, [0, 1], [0, BAD])
    assert statistics.status().state is DeviceState.DEGRADED
    read(statistics, [1], [0])
    assert statistics.status().state is DeviceState.ONLINE
    statistics.behind = True
    assert statistics.status().state is DeviceState.DEGRADED
    statistics.all_bad(quality(BAD, Reason.COMM_FAILURE))
    status = statistics.status()
    assert status.state is DeviceState.OFFLINE
    assert status.tags_bad == 2


def test_latencies_are_of_the_latest_answers():
    statistics = Statistics("d", "modbus", 1)
    for _ in range(100):
        statistics.answered(1000.0)
    assert statistics.status().latency_ms_p50 == 1000.0
    for _ in range(LATENCIES_KEPT):
        statistics.answered(2.0)
    status = statistics.status()
    assert (status.latency_ms_p50, status.latency_ms_p99) == (2.0, 2.0)


def test_an_older_reading_does_not_turn_back_the_last():
    statistics = Statistics("d", "modbus", 1)
    read(statistics, [0], [0], 10)
    read(statistics, [0], [0], 7)
    assert statistics.status().last_reading_ns == 10


def test_the_last_error_stays():
    statistics = Statistics("d", "modbus", 1)
    statistics.failed("first")
    statistics.failed("second")
    assert (statistics.status().errors, statistics.status().last_error) == (2, "second")
