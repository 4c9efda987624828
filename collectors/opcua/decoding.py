"""OPC UA values from the wire into columns: one pass over an answer, no object for a value.

The library makes a dataclass for each value, variant, status and time stamp. Here the values of an
answer that are laid out alike are viewed as rows of one numpy array; only what is laid out oddly is
taken one by one. Source: OPC UA Part 6, 5.2.2 (DataValue, Variant, DateTime).
"""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass

import numpy as np
from asyncua import ua
from asyncua.common.utils import Buffer, NotEnoughData
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.ua_binary import variant_from_binary
from numpy.typing import NDArray

from water.quality import BAD, GOOD, UNCERTAIN, Reason, quality

TICKS_TO_1970 = 116_444_736_000_000_000
"""100 ns ticks from 1601, where OPC UA counts from, to 1970"""
_LAST_TICK = TICKS_TO_1970 + 92_000_000_000_000_000  # the year 2261; int64 ns end in 2262

_HAS_VALUE, _HAS_STATUS, _HAS_SOURCE, _HAS_SERVER, _HAS_SOURCE_PS, _HAS_SERVER_PS = (
    1 << n for n in range(6)
)
_NUMBERS = {
    1: "?",
    2: "b",
    3: "B",
    4: "h",
    5: "H",
    6: "i",
    7: "I",
    8: "q",
    9: "Q",
    10: "f",
    11: "d",
}
"""built-in types that are numbers, as struct writes them; Part 6, table 1"""
_AS_COLUMN = {kind: np.dtype(f"<{letter}".replace("?", "B")) for kind, letter in _NUMBERS.items()}
_WIDTHS = np.zeros(256, np.uint8)
for _type, _letter in _NUMBERS.items():
    _WIDTHS[_type] = struct.calcsize("<" + _letter)
_WIDTH_OF: list[int] = _WIDTHS.tolist()
_SHORTEST_RUN = 8
"""fewer rows than this cost more as an array than one by one"""


class Undecodable(ValueError):
    """An answer whose bytes are not what OPC UA says they are."""


@dataclass(frozen=True, slots=True)
class Values:
    """Values of one answer, in its order.

    handle : (n,) int64, the client handle of each; empty where the answer has none (Read)
    value : (n,) float64 as sent; NaN where it is no number
    status : (n,) uint32, OPC UA status codes
    source_ns, server_ns : (n,) int64 UTC; 0 where not sent
    """

    handle: NDArray[np.int64]
    value: NDArray[np.float64]
    status: NDArray[np.uint32]
    source_ns: NDArray[np.int64]
    server_ns: NDArray[np.int64]

    def __len__(self) -> int:
        return self.value.shape[0]

    def where(self, keep: NDArray[np.bool_]) -> Values:
        return Values(
            self.handle[keep] if self.handle.size else self.handle,
            self.value[keep],
            self.status[keep],
            self.source_ns[keep],
            self.server_ns[keep],
        )


def decode_values(data: bytes, at: int, count: int, *, handles: bool) -> tuple[Values, int]:
    """``count`` DataValues that begin at byte ``at``, each after its client handle or without.

    Returns the values and the byte after the last. Raises: Undecodable.
    """
    if count < 0 or count > len(data):
        raise Undecodable(f"{count} values in an answer of {len(data)} bytes")
    into = _Columns(count, handles=handles)
    done = 0
    try:
        while done < count:
            run = _run(data, at, count - done, handles=handles)
            if run:
                at = into.rows(done, data, at, run)
                done += run
            else:
                at = into.one(done, data, at)
                done += 1
    except (struct.error, IndexError, NotEnoughData, ua.UaError) as err:
        raise Undecodable(f"value {done} of {count}: {err}") from err
    return into.values(), at


def ticks_to_ns(ticks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ticks of 100 ns since 1601 to ns since 1970 UTC; 0 where there is none or no such time."""
    known = (ticks > TICKS_TO_1970) & (ticks < _LAST_TICK)
    return np.where(known, (ticks - TICKS_TO_1970) * 100, 0)


def qualities(status: NDArray[np.uint32], value: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Our qualities of OPC UA status codes; a value that is no number is never good."""
    if status.any():
        codes, which = np.unique(status, return_inverse=True)
        worth = np.array([quality_of(int(code)) for code in codes], np.uint8)[which]
    else:
        worth = np.zeros(status.shape, np.uint8)
    nothing = ~np.isfinite(value)
    if nothing.any():
        worth[nothing & (worth < BAD)] = quality(BAD, Reason.NOT_A_NUMBER)
    return worth


def quality_of(status: int) -> int:
    """Our quality of one status code: its severity (two highest bits), and a reason.

    Source: OPC UA Part 4, 7.39 and Part 8, 6.3.
    """
    severity = status >> 30
    if severity == 0:
        return GOOD
    grade = UNCERTAIN if severity == 1 else BAD
    return quality(grade, _REASONS.get(status & 0xFFFF_0000, Reason.DEVICE_STATUS))


def _reasons() -> dict[int, Reason]:
    named = {
        Reason.COMM_FAILURE: (
            "BadCommunicationError BadNoCommunication BadNotConnected BadServerNotConnected "
            "BadConnectionClosed BadConnectionRejected BadDisconnect BadServerHalted BadShutdown "
            "BadSecureChannelClosed BadSessionClosed UncertainNoCommunicationLastUsableValue"
        ),
        Reason.TIMEOUT: "BadTimeout BadRequestTimeout",
        Reason.REFUSED: (
            "BadNodeIdUnknown BadNodeIdInvalid BadAttributeIdInvalid BadNotReadable BadNotSupported "
            "BadUserAccessDenied BadServiceUnsupported BadNodeNotInView BadIndexRangeInvalid "
            "BadIndexRangeNoData BadTooManyMonitoredItems BadObjectDeleted "
            "BadMonitoredItemFilterInvalid BadMonitoredItemFilterUnsupported BadFilterNotAllowed"
        ),
        Reason.MALFORMED: "BadDecodingError BadEncodingError BadDataEncodingInvalid",
        Reason.OUT_OF_RANGE: "BadOutOfRange UncertainEngineeringUnitsExceeded",
        Reason.STALE: "UncertainLastUsableValue",
        Reason.ESTIMATED: "UncertainSubstituteValue",
    }
    return {
        int(getattr(StatusCodes, name)): reason
        for reason, names in named.items()
        for name in names.split()
    }


_REASONS = _reasons()


class _Columns:
    """The columns while they are filled."""

    __slots__ = ("_handles", "handle", "server", "source", "status", "value")

    def __init__(self, count: int, *, handles: bool) -> None:
        self._handles = handles
        self.handle = np.zeros(count if handles else 0, np.int64)
        self.value = np.full(count, np.nan)
        self.status = np.zeros(count, np.uint32)
        self.source = np.zeros(count, np.int64)
        self.server = np.zeros(count, np.int64)

    def values(self) -> Values:
        return Values(
            self.handle, self.value, self.status, ticks_to_ns(self.source), ticks_to_ns(self.server)
        )

    def rows(self, first: int, data: bytes, at: int, run: int) -> int:
        """``run`` values laid out alike, as rows of one array."""
        head = at + 4 if self._handles else at
        layout = _row(data[head], _WIDTH_OF[data[head + 1]], handles=self._handles)
        rows = np.frombuffer(data, layout, run, at)
        to = slice(first, first + run)
        if self._handles:
            self.handle[to] = rows["handle"]
        kinds = rows["type"]
        for kind in np.unique(kinds).tolist():
            with np.errstate(invalid="ignore"):  # a signalling NaN is a NaN
                numbers = rows["raw"].view(_AS_COLUMN[kind]).astype(np.float64)
            if kinds[0] == kind and (kinds == kind).all():
                self.value[to] = numbers
            else:
                here = kinds == kind
                self.value[to][here] = numbers[here]
        fields = layout.names or ()
        for name, column in (
            ("status", self.status),
            ("source", self.source),
            ("server", self.server),
        ):
            if name in fields:
                column[to] = rows[name]
        return at + run * layout.itemsize

    def one(self, row: int, data: bytes, at: int) -> int:
        """One value of any layout; what is no number stays NaN."""
        if self._handles:
            self.handle[row] = int.from_bytes(data[at : at + 4], "little")
            at += 4
        mask = data[at]
        at += 1
        if mask & _HAS_VALUE:
            letter = _NUMBERS.get(data[at])
            if letter is None:
                variant = Buffer(data, at)
                variant_from_binary(variant)
                at = variant.cur_pos
            else:
                number = _number(letter)
                self.value[row] = number.unpack_from(data, at + 1)[0]
                at += 1 + number.size
        tail = _tail(mask)
        status, source, server = tail.read(data, at)
        self.status[row], self.source[row], self.server[row] = status, source, server
        return at + tail.size


class _Tail:
    """What follows a value: status and time stamps, as its mask says."""

    def __init__(self, mask: int) -> None:
        letters, self._where, n = "<", [-1, -1, -1], 0
        for bit, letter, slot in (
            (_HAS_STATUS, "I", 0),
            (_HAS_SOURCE, "q", 1),
            (_HAS_SOURCE_PS, "H", None),
            (_HAS_SERVER, "q", 2),
            (_HAS_SERVER_PS, "H", None),
        ):
            if mask & bit:
                letters += letter
                if slot is not None:
                    self._where[slot] = n
                n += 1
        self._struct = struct.Struct(letters)
        self.size = self._struct.size

    def read(self, data: bytes, at: int) -> tuple[int, int, int]:
        found = (*self._struct.unpack_from(data, at), 0)
        status, source, server = self._where
        return found[status], found[source], found[server]


@functools.cache
def _tail(mask: int) -> _Tail:
    return _Tail(mask)


@functools.cache
def _number(letter: str) -> struct.Struct:
    return struct.Struct("<" + letter)


@functools.cache
def _row(mask: int, width: int, *, handles: bool) -> np.dtype[np.void]:
    fields = [("handle", "<u4")] if handles else []
    fields += [("mask", "u1"), ("type", "u1"), ("raw", f"V{width}")]
    for bit, name, letter in (
        (_HAS_STATUS, "status", "<u4"),
        (_HAS_SOURCE, "source", "<i8"),
        (_HAS_SOURCE_PS, "source_ps", "<u2"),
        (_HAS_SERVER, "server", "<i8"),
        (_HAS_SERVER_PS, "server_ps", "<u2"),
    ):
        if mask & bit:
            fields.append((name, letter))
    return np.dtype(fields)


def _run(data: bytes, at: int, most: int, *, handles: bool) -> int:
    """How many values from here are numbers of one width under one mask; 0 where too few to care."""
    if most < _SHORTEST_RUN:
        return 0
    head = at + 4 if handles else at
    mask = data[head]
    width = _WIDTH_OF[data[head + 1]]
    if not (mask & _HAS_VALUE and width):
        return 0
    layout = _row(mask, width, handles=handles)
    probe = head + (_SHORTEST_RUN - 1) * layout.itemsize
    if probe + 1 >= len(data) or data[probe] != mask or _WIDTH_OF[data[probe + 1]] != width:
        return 0
    rows = np.frombuffer(data, layout, min(most, (len(data) - at) // layout.itemsize), at)
    alike = (rows["mask"] == mask) & (_WIDTHS[rows["type"]] == width)
    run = len(rows) if alike.all() else int(np.argmin(alike))
    return run if run >= _SHORTEST_RUN else 0
