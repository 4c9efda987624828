"""One connection to a Modbus TCP server: the only file that knows pymodbus.

Reads only: the four read functions are the only requests that are imported, so no other can be sent.
pymodbus retries and reconnects on its own and keeps a connection after a timeout, where a late
answer can then be taken for the next one; all of this is switched off or not used here: a
connection is opened once, is good until its first failure, and is then thrown away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from pymodbus.exceptions import ConnectionException, ModbusException, ModbusIOException
from pymodbus.framer.socket import FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest
from pymodbus.transaction import TransactionManager
from pymodbus.transport import CommParams, CommType

from collectors.errors import (
    ConnectionLost,
    Malformed,
    Misfit,
    NoAnswer,
    Refused,
    Unreachable,
)
from collectors.modbus.planning import Block, is_bits
from config.devices import RegisterType

# A lost device is said once, by losses.py; pymodbus would say it at every attempt.
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)

REQUESTS: dict[RegisterType, type[ModbusPDU]] = {
    RegisterType.COIL: ReadCoilsRequest,
    RegisterType.DISCRETE_INPUT: ReadDiscreteInputsRequest,
    RegisterType.HOLDING: ReadHoldingRegistersRequest,
    RegisterType.INPUT: ReadInputRegistersRequest,
}

EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge",
    6: "server device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}
"""Source: MODBUS Application Protocol Specification V1.1b3, section 7."""


FLOOD_BYTES = 16_384
"""more than this without an answer in it is no device that speaks slowly but one that floods us"""


class _Answer(ModbusPDU):
    """An answer's payload as it came; pymodbus would make a Python number of every register."""

    payload = b""

    def decode(self, data: bytes) -> None:
        if not data or data[0] != len(data) - 1:
            raise ModbusIOException(f"byte count does not fit {len(data) - 1} bytes")
        self.payload = data[1:]


def _decoder() -> DecodePDU:
    decoder = DecodePDU(False)
    for request in REQUESTS.values():
        code = request.function_code
        decoder.register(type(f"Answer{code}", (_Answer,), {"function_code": code}))
    return decoder


_DECODER = _decoder()


@dataclass(slots=True)
class Request:
    """A block's request, built once, and what its answer must be."""

    pdu: ModbusPDU
    payload_bytes: int
    what: str

    @classmethod
    def of(cls, block: Block, unit: int) -> Request:
        pdu = REQUESTS[block.table](address=block.address, count=block.count, dev_id=unit)
        size = (block.count + 7) // 8 if is_bits(block.table) else 2 * block.count
        last = block.address + block.count - 1
        return cls(pdu, size, f"{block.table} {block.address}-{last}")


class _Exchange(TransactionManager):
    """pymodbus's transport, frames and transactions on one TCP connection, asked one at a time.

    ``ask`` takes the place of ``execute`` with its lock, retries and counting of failures: an
    answer, the timeout, a closed connection, or what the parser raises, whichever is first, ends
    the request. (pymodbus alone would let a request on a closed connection wait for its timeout.)
    """

    def __init__(self, params: CommParams, clock: Callable[[], int]) -> None:
        super().__init__(params, FramerSocket(_DECODER), 0, False, None, None, None)
        self._clock = clock
        self._waiting = False
        self._unanswering_bytes = 0
        self.arrived_ns = 0
        self.arrived_s = 0.0

    async def ask(self, request: ModbusPDU) -> ModbusPDU:
        """Raises: ConnectionException, TimeoutError; any other ModbusException: not understood"""
        request.transaction_id = self.getNextTID()
        self.response_future = self.loop.create_future()
        timer = self.loop.call_later(
            self.comm_params.timeout_connect, self._end, TimeoutError(), self.response_future
        )
        self._waiting = True
        self._unanswering_bytes = 0
        try:
            self.pdu_send(request)
            return await self.response_future
        finally:
            self._waiting = False
            timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._unanswering_bytes += len(data)
        if self._unanswering_bytes > FLOOD_BYTES:
            # The loop belongs to all devices: one that sends without end is cut off.
            self._end(ModbusIOException("flood"), self.response_future)
            self.cut()
            return
        super().data_received(data)

    def cut(self) -> None:
        """At once: what is unsent to a device that hangs is not waited for."""
        transport = cast("asyncio.WriteTransport | None", self.transport)
        if transport is not None:
            transport.abort()
        self.close()

    def callback_data(self, data: bytes, addr: tuple[str, int] | None = None) -> int:
        self.arrived_ns, self.arrived_s = self._clock(), self.loop.time()
        try:
            return super().callback_data(data, addr)
        except ModbusException as err:
            self._end(err, self.response_future)
            return len(data)

    def callback_disconnected(self, exc: Exception | None) -> None:
        err = ConnectionException(str(exc) if exc else "closed by the device")
        self._end(err, self.response_future)

    def _end(self, err: Exception, answer: asyncio.Future[ModbusPDU]) -> None:
        if self._waiting and not answer.done():
            answer.set_exception(err)


class Connection:
    """One TCP connection to one unit. One request at a time.

    arrived_ns, latency_ms : of the answer read last
    """

    def __init__(
        self, device: str, host: str, port: int, timeout_s: float, clock: Callable[[], int]
    ) -> None:
        self._device = device
        self._timeout_s = timeout_s
        self.arrived_ns = 0
        self.latency_ms = 0.0
        self._exchange = _Exchange(
            CommParams(
                comm_name=device,
                comm_type=CommType.TCP,
                host=host,
                port=port,
                reconnect_delay=0.0,
                timeout_connect=timeout_s,
            ),
            clock,
        )

    @property
    def is_open(self) -> bool:
        return self._exchange.is_active()

    async def open(self) -> None:
        """Raises: Unreachable"""
        try:
            async with asyncio.timeout(self._timeout_s):
                self._exchange.transport, _ = await self._exchange.call_create()
        except TimeoutError as err:
            raise Unreachable(self._device, f"no connection within {self._timeout_s:g} s") from err
        except OSError as err:
            raise Unreachable(self._device, f"no connection: {err.strerror or err}") from err

    async def read(self, request: Request) -> bytes:
        """The payload of the answer.

        Raises: Refused, Misfit (the connection stays good); ConnectionLost, NoAnswer, Malformed
        """
        exchange = self._exchange
        if not exchange.is_active():
            raise ConnectionLost(self._device, "connection closed by the device")
        sent_s = exchange.loop.time()
        try:
            answer = await exchange.ask(request.pdu)
        except TimeoutError as err:
            raise NoAnswer(self._device, request.what, self._timeout_s) from err
        except ConnectionException as err:
            raise ConnectionLost(self._device, f"connection lost: {err.string}") from err
        except ModbusException as err:
            raise Malformed(self._device, f"answer to {request.what} not understood") from err
        self.arrived_ns = exchange.arrived_ns
        self.latency_ms = (exchange.arrived_s - sent_s) * 1000
        return self._payload(answer, request)

    def close(self) -> None:
        self._exchange.cut()

    def _payload(self, answer: ModbusPDU, request: Request) -> bytes:
        asked = request.pdu.function_code
        if isinstance(answer, ExceptionResponse):
            code = answer.exception_code
            meaning = EXCEPTIONS.get(code, "unknown exception")
            raise Refused(self._device, request.what, code, meaning)
        if not isinstance(answer, _Answer) or answer.function_code != asked:
            raise Malformed(
                self._device, f"function {answer.function_code} in answer to function {asked}"
            )
        if len(answer.payload) != request.payload_bytes:
            raise Misfit(
                self._device,
                f"{len(answer.payload)} bytes for {request.what}, not {request.payload_bytes}",
            )
        return answer.payload
