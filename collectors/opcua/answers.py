"""The two answers that carry values, Read and Publish, from bytes to columns.

Source: OPC UA Part 4, 5.10.2 and 5.13.5; their encoding Part 6, 5.2.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.ua_binary import nodeid_from_binary, struct_from_binary

from collectors.opcua.decoding import Undecodable, Values, decode_values, ticks_to_ns

_HEADER = struct.Struct("<qII")
_HEADER_TAIL = (b"\0\0\0\0\0\0\0\0", b"\0\xff\xff\xff\xff\0\0\0")
"""no diagnostics, no strings, nothing added: how nearly every header ends"""
_COUNT = struct.Struct("<i")
_MESSAGE = struct.Struct("<Iqi")
_DATA_CHANGE = ObjectIds.DataChangeNotification_Encoding_DefaultBinary
_STATUS_CHANGE = ObjectIds.StatusChangeNotification_Encoding_DefaultBinary
_MOST_NOTIFICATIONS = 10_000


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """Values of the nodes read, in their order, and the server's time of the answer (0: not told)."""

    server_ns: int
    values: Values


@dataclass(frozen=True, slots=True)
class Publication:
    """One answer to a publish request.

    counts : it carries notifications, so its number is acknowledged and the next has the one after
    status : not 0 where the server ends the subscription
    """

    server_ns: int
    subscription: int
    sequence: int
    counts: bool
    changes: Sequence[Values]
    status: int


def decode_read(data: bytes) -> ReadAnswer:
    """Raises: Undecodable, or ua.UaStatusCodeError where the service as a whole failed."""
    at, server_ns = _header(data)
    (count,) = _COUNT.unpack_from(data, at)
    values, _ = decode_values(data, at + 4, max(count, 0), handles=False)
    return ReadAnswer(server_ns, values)


def decode_publication(data: bytes) -> Publication:
    """Raises: Undecodable, or ua.UaStatusCodeError where the service as a whole failed."""
    at, server_ns = _header(data)
    subscription, unacknowledged = struct.unpack_from("<Ii", data, at)
    at += 8 + 4 * max(unacknowledged, 0) + 1  # the bool says that more is ready
    sequence, _published, count = _MESSAGE.unpack_from(data, at)
    at += _MESSAGE.size
    if count > _MOST_NOTIFICATIONS:
        raise Undecodable(f"{count} notifications in one answer")
    changes: list[Values] = []
    status = 0
    for _ in range(count):
        kind, at, end = _extension(data, at)
        if kind == _DATA_CHANGE:
            (items,) = _COUNT.unpack_from(data, at)
            changes.append(decode_values(data, at + 4, max(items, 0), handles=True)[0])
        elif kind == _STATUS_CHANGE:
            (status,) = struct.unpack_from("<I", data, at)
        at = end
    return Publication(server_ns, subscription, sequence, count > 0, changes, status)


def _header(data: bytes) -> tuple[int, int]:
    """The byte after type and response header, and the server's time of the answer in ns."""
    _, at = _node_number(data, 0)
    ticks, _handle, result = _HEADER.unpack_from(data, at)
    if data[at + _HEADER.size : at + _HEADER.size + 8] in _HEADER_TAIL:
        after = at + _HEADER.size + 8
    else:
        rest: Any = Buffer(data, at)
        struct_from_binary(ua.ResponseHeader, rest)
        after = rest.cur_pos
    ua.StatusCode(ua.UInt32(result)).check()
    return after, int(ticks_to_ns(np.array([ticks], np.int64))[0])


def _extension(data: bytes, at: int) -> tuple[int, int, int]:
    """The type of an extension object, and the bytes at which its body begins and ends."""
    kind, at = _node_number(data, at)
    if data[at] != 1:
        raise Undecodable(f"a notification that is encoded as {data[at]}")
    (length,) = _COUNT.unpack_from(data, at + 1)
    begin = at + 5
    if length < 0 or begin + length > len(data):
        raise Undecodable(f"a notification of {length} bytes in an answer of {len(data)}")
    return kind, begin, begin + length


def _node_number(data: bytes, at: int) -> tuple[int, int]:
    """The number of a node id of the standard namespace (-1 of any other), and the byte after it."""
    if data[at] == 1 and data[at + 1] == 0:  # four bytes, namespace 0: nearly always
        return int.from_bytes(data[at + 2 : at + 4], "little"), at + 4
    rest: Any = Buffer(data, at)
    node = nodeid_from_binary(rest)
    number = node.Identifier if node.NamespaceIndex == 0 else -1
    return (number if isinstance(number, int) else -1), rest.cur_pos
