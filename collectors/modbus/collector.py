"""A Modbus TCP device's collector."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from random import Random

import numpy as np

from collectors.backoff import Backoff
from collectors.checks import Checks
from collectors.delivery import Delivery
from collectors.errors import Misfit, NoAnswer, Refused
from collectors.losses import Losses
from collectors.modbus.blocks import Blocks, Reading
from collectors.modbus.client import Connection
from collectors.polling import Polling
from collectors.schedule import Schedule
from collectors.statistics import Statistics
from config.devices import ModbusDevice
from water.batch import NS_PER_MS, NS_PER_S, Batch
from water.device import DeviceStatus
from water.quality import BAD, GOOD, Reason, quality

WRONG_ADDRESS = frozenset({2, 3})
"""exceptions of a block's addresses or length, which a smaller block may not meet"""
DEVICE_FAILURE = 4
"""the device cannot read something; where that is one instrument, its neighbours in the block can be
read, and it may be well again at any moment"""
BEHIND_A_GATEWAY = frozenset({10, 11})
"""a gateway's word that the unit behind it is not reached"""


class _Columns:
    """What one scan reads: a place for every tag, filled block by block."""

    def __init__(self, tags: int) -> None:
        self.value = np.full(tags, np.nan)
        self.time_ns = np.zeros(tags, np.int64)  # 0: not read in this scan
        self.quality = np.zeros(tags, np.uint8)


class ModbusCollector:
    """Scans a device block after block over one connection.

    A reading's time is the whole millisecond at which the answer with it arrived.
    """

    def __init__(
        self,
        device: ModbusDevice,
        numbers: Mapping[str, int],
        delivery: Delivery,
        clock: Callable[[], int],
        random: Random,
    ) -> None:
        tags = [tag.id for tag in device.tags]
        interval_ns = round(device.scan_interval_s * NS_PER_S)
        self._device = device
        self._clock = clock
        self._delivery = delivery
        self._tag_id = np.array([numbers[tag] for tag in tags], np.int32)
        self._interval_ns = interval_ns
        self._statistics = Statistics(device.id, device.protocol, len(tags))
        self._losses = Losses(device.id, tags, numbers, interval_ns, delivery, self._statistics)
        self._checks = Checks(device.tags)
        self._blocks = Blocks(device)
        self._connection: Connection | None = None
        self._polling = Polling(
            self,
            Schedule(interval_ns),
            Backoff(device.reconnect_max_s, random),
            self._losses,
            self._statistics,
            clock,
        )

    async def run(self) -> None:
        await self._polling.run()

    def status(self) -> DeviceStatus:
        return self._statistics.status()

    async def open(self) -> None:
        """Connects, and asks for one block: a hung device accepts connections and answers nothing.

        Raises: ConnectionGone
        """
        connection = await self._connect()
        if self._losses.lasting:
            self._blocks.forget()
            self._checks.forget()
        reading = self._blocks.first()
        try:
            await connection.read(reading.request)
        except (Refused, Misfit):
            return  # an answer all the same
        except NoAnswer:
            self._blocks.silent(reading, self._clock())
            raise
        self._statistics.answered(connection.latency_ms)

    async def scan(self, now_ns: int) -> None:
        """Reads what is due and delivers it. Raises: ConnectionGone, after delivering"""
        columns = _Columns(len(self._device.tags))
        try:
            await self._read_all(columns, now_ns)
        finally:
            self._deliver(columns)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _connect(self) -> Connection:
        self.close()
        device = self._device
        connection = Connection(device.id, device.host, device.port, device.timeout_s, self._clock)
        # Held before it is open, so that a cancel or a failure half-way closes it.
        self._connection = connection
        await connection.open()
        return connection

    async def _read_all(self, columns: _Columns, now_ns: int) -> None:
        waiting = deque(self._blocks.due(now_ns))
        answers = 0
        while waiting:
            reading = waiting.popleft()
            connection = await self._still_connected()
            try:
                payload = await connection.read(reading.request)
            except (Refused, Misfit) as err:
                answers += 1
                self._statistics.online = True
                smaller = self._take_refusal(reading, err, columns)
                if self._clock() - now_ns < self._interval_ns:
                    waiting.extendleft(reversed(smaller))
            except NoAnswer as err:
                self._blocks.silent(reading, self._clock())
                self.close()
                if not answers:
                    raise
                # It answers others: this block is at fault, and what follows gets its chance.
                answers = 0
                self._statistics.failed(err.cause)
                self._mark_bad(reading, Reason.TIMEOUT, columns)
            else:
                answers += 1
                self._take(reading, payload, connection, columns)

    async def _still_connected(self) -> Connection:
        """The connection; opened anew where the device closed it since it was last used, as many
        do when idle. Only where that fails is the device lost.
        """
        if self._connection is not None and self._connection.is_open:
            return self._connection
        again = self._statistics.online  # it had answered
        connection = await self._connect()
        self._statistics.reconnects += again
        return connection

    def _take(
        self, reading: Reading, payload: bytes, connection: Connection, columns: _Columns
    ) -> None:
        index = reading.decoder.index
        columns.value[index] = reading.decoder.decode(payload)
        columns.time_ns[index] = connection.arrived_ns // NS_PER_MS * NS_PER_MS
        columns.quality[index] = GOOD  # a refusal of the larger block may stand here
        self._statistics.online = True
        self._statistics.answered(connection.latency_ms)
        self._blocks.answered(reading)

    def _take_refusal(
        self, reading: Reading, err: Refused | Misfit, columns: _Columns
    ) -> list[Reading]:
        """The smaller blocks to try instead; none where the refusal stands, and then it is marked."""
        self._statistics.failed(err.cause)
        code = err.code if isinstance(err, Refused) else None
        behind_a_gateway = code in BEHIND_A_GATEWAY
        self._mark_bad(reading, Reason.COMM_FAILURE if behind_a_gateway else err.reason, columns)
        if code == DEVICE_FAILURE:
            return self._blocks.refused(reading, self._clock(), err.cause, may_pass=True)
        if code is None or code in WRONG_ADDRESS:
            return self._blocks.refused(reading, self._clock(), err.cause)
        return []

    def _mark_bad(self, reading: Reading, reason: Reason, columns: _Columns) -> None:
        index = reading.decoder.index
        columns.value[index] = np.nan
        columns.time_ns[index] = self._clock() // NS_PER_MS * NS_PER_MS
        columns.quality[index] = quality(BAD, reason)

    def _deliver(self, columns: _Columns) -> None:
        index = np.flatnonzero(columns.time_ns)
        if not index.size:
            return
        time_ns = columns.time_ns[index]
        value, code = self._checks.apply(
            index, time_ns, columns.value[index], columns.quality[index]
        )
        self._statistics.read(index, time_ns, code)
        self._delivery.put(self._device.id, Batch(self._tag_id[index], time_ns, value, code))
