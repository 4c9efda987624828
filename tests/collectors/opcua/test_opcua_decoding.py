"""The decoder by columns says what the library's says, value by value."""

from __future__ import annotations

import datetime as dt
import math
import struct

import numpy as np
import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.opcua.answers import decode_publication, decode_read
from collectors.opcua.decoding import (
    TICKS_TO_1970,
    Undecodable,
    decode_values,
    qualities,
    quality_of,
)
from collectors.opcua.nodes import UnknownNode, resolve
from water.quality import BAD, GOOD, UNCERTAIN, Reason, quality, status_of

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
TYPES = {
    ua.VariantType.Boolean: st.booleans(),
    ua.VariantType.SByte: st.integers(-(2**7), 2**7 - 1),
    ua.VariantType.Byte: st.integers(0, 2**8 - 1),
    ua.VariantType.Int16: st.integers(-(2**15), 2**15 - 1),
    ua.VariantType.UInt16: st.integers(0, 2**16 - 1),
    ua.VariantType.Int32: st.integers(-(2**31), 2**31 - 1),
    ua.VariantType.UInt32: st.integers(0, 2**32 - 1),
    ua.VariantType.Int64: st.integers(-(2**63), 2**63 - 1),
    ua.VariantType.UInt64: st.integers(0, 2**64 - 1),
    ua.VariantType.Float: st.floats(width=32, allow_nan=False),
    ua.VariantType.Double: st.floats(allow_nan=False),
    ua.VariantType.String: st.text(max_size=5),
}
TIMES = st.none() | st.integers(1, 7 * 10**15).map(lambda us: EPOCH + dt.timedelta(microseconds=us))
STATUSES = st.sampled_from([None, 0, 0x4090_0000, 0x8031_0000, 0x0000_0480])


@st.composite
def data_values(draw):
    kind = draw(st.sampled_from(list(TYPES)))
    variant = draw(st.none() | TYPES[kind].map(lambda value: ua.Variant(value, kind)))
    status = draw(STATUSES)
    return ua.DataValue(
        variant,
        None if status is None else ua.StatusCode(ua.UInt32(status)),
        draw(TIMES),
        draw(TIMES),
    )


def runs():
    """Values of one layout many times over, as plants send them, with odd ones between."""
    run = st.tuples(data_values(), st.integers(1, 30))
    return st.lists(run, max_size=4).map(lambda pairs: [v for v, n in pairs for _ in range(n)])


def number(value) -> float:
    found = value.Value.Value if value.Value is not None else None
    return float(found) if isinstance(found, bool | int | float) else math.nan


def time_ns(time) -> int:
    return 0 if time is None else (time - EPOCH) // dt.timedelta(microseconds=1) * 1000


def same(values, given_values) -> None:
    np.testing.assert_array_equal(values.value, [number(v) for v in given_values])
    assert values.status.tolist() == [
        v.StatusCode.value if v.StatusCode is not None else 0 for v in given_values
    ]
    assert values.source_ns.tolist() == [time_ns(v.SourceTimestamp) for v in given_values]
    assert values.server_ns.tolist() == [time_ns(v.ServerTimestamp) for v in given_values]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(runs())
def test_a_read_is_decoded_as_the_library_would(given_values):
    response = ua.ReadResponse()
    response.Results = given_values
    same(decode_read(struct_to_binary(response)).values, given_values)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(runs(), st.integers(0, 3))
def test_a_publication_is_decoded_as_the_library_would(given_values, unacknowledged):
    change = ua.DataChangeNotification()
    change.MonitoredItems = [
        ua.MonitoredItemNotification(ua.UInt32(n), value) for n, value in enumerate(given_values)
    ]
    response = ua.PublishResponse()
    response.Parameters.SubscriptionId = 77
    response.Parameters.AvailableSequenceNumbers = list(range(unacknowledged))
    response.Parameters.NotificationMessage.SequenceNumber = 5
    response.Parameters.NotificationMessage.NotificationData = [change]
    publication = decode_publication(struct_to_binary(response))
    assert (publication.subscription, publication.sequence, publication.counts) == (77, 5, True)
    (values,) = publication.changes
    assert values.handle.tolist() == list(range(len(given_values)))
    same(values, given_values)


def test_a_sign_of_life_and_an_end_are_told_apart():
    response = ua.PublishResponse()
    alive = decode_publication(struct_to_binary(response))
    assert (alive.counts, alive.status, list(alive.changes)) == (False, 0, [])
    end = ua.StatusChangeNotification(Status=ua.StatusCode(ua.UInt32(0x800A_0000)))
    response.Parameters.NotificationMessage.NotificationData = [end]
    assert decode_publication(struct_to_binary(response)).status == 0x800A_0000


def test_a_header_with_diagnostics_is_passed_over():
    response = ua.ReadResponse()
    response.ResponseHeader.StringTable = ["one", "two"]
    response.Results = [ua.DataValue(ua.Variant(2.5))]
    assert decode_read(struct_to_binary(response)).values.value.tolist() == [2.5]


@given(st.binary(max_size=200), st.integers(0, 300), st.booleans())
def test_garbage_is_refused_not_crashed_upon(data, count, handles):
    try:
        values, _ = decode_values(data, 0, count, handles=handles)
    except Undecodable:
        return
    assert len(values) == count


def test_picoseconds_stand_behind_their_time():
    # Part 6, table 26; asyncua writes both times first, so the bytes are written here by hand
    def value(handle):
        head = struct.pack("<IBBdI", handle, 0x3F, 11, 1.25, 0x4090_0000)
        return head + struct.pack("<qHqH", TICKS_TO_1970 + 10, 7, TICKS_TO_1970 + 20, 9)

    for count in (1, 20):
        data = b"".join(value(n) for n in range(count))
        values, end = decode_values(data, 0, count, handles=True)
        assert end == len(data)
        assert values.value.tolist() == [1.25] * count
        assert values.source_ns.tolist() == [1000] * count
        assert values.server_ns.tolist() == [2000] * count


def test_times_that_cannot_be_are_no_times():
    response = ua.ReadResponse()
    response.Results = [
        ua.DataValue(ua.Variant(1.0), SourceTimestamp=dt.datetime(1601, 1, 1, tzinfo=dt.UTC))
    ]
    assert decode_read(struct_to_binary(response)).values.source_ns.tolist() == [0]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0x0000_0000, GOOD),
        (0x0000_0480, GOOD),
        (0x4094_0000, quality(UNCERTAIN, Reason.OUT_OF_RANGE)),
        (0x408F_0000, quality(UNCERTAIN, Reason.COMM_FAILURE)),
        (0x4000_0000, quality(UNCERTAIN, Reason.DEVICE_STATUS)),
        (0x8005_0000, quality(BAD, Reason.COMM_FAILURE)),
        (0x800A_0000, quality(BAD, Reason.TIMEOUT)),
        (0x8034_0000, quality(BAD, Reason.REFUSED)),
        (0x8000_0000, quality(BAD, Reason.DEVICE_STATUS)),
    ],
)
def test_status_codes_by_table(status, expected):
    assert quality_of(status) == expected


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.floats()), min_size=1))
def test_the_severity_is_kept_and_what_is_no_number_is_never_good(rows):
    status = np.array([code for code, _ in rows], np.uint32)
    value = np.array([number for _, number in rows])
    for code, number, worth in zip(status, value, qualities(status, value), strict=True):
        if not math.isfinite(number):
            assert worth >= BAD
        else:
            assert status_of(int(worth)) == ("good", "uncertain", "bad", "bad")[int(code) >> 30]


NAMESPACES = ["http://opcfoundation.org/UA/", "urn:server", "http://plc.example/a;b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nsu=urn:server;s=FT601", "ns=1;s=FT601"),
        ("nsu=http://plc.example/a;b;s=A;B=C", "ns=2;s=A;B=C"),
        ("nsu=http://opcfoundation.org/UA/;i=2258", "i=2258"),
        ("ns=4;i=17", "ns=4;i=17"),
        ("i=2258", "i=2258"),
    ],
)
def test_node_ids_are_resolved_by_namespace(text, expected):
    assert resolve(text, NAMESPACES).to_string() == expected


@pytest.mark.parametrize("text", ["nsu=urn:nobody;s=A", "FT601", "ns=x;s=A", "svr=1;s=A", ""])
def test_what_is_no_node_of_this_server_is_unknown(text):
    with pytest.raises(UnknownNode):
        resolve(text, NAMESPACES)
