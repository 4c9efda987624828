import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.modbus.decoding import BlockDecoder, Format
from collectors.modbus.planning import Block, Limits, Place, plan
from config.devices import ByteOrder, DataType, RegisterType

HOLDING = RegisterType.HOLDING
STRUCT = {
    DataType.INT16: "h",
    DataType.UINT16: "H",
    DataType.INT32: "i",
    DataType.UINT32: "I",
    DataType.INT64: "q",
    DataType.UINT64: "Q",
    DataType.FLOAT32: "f",
    DataType.FLOAT64: "d",
}
ORDERS = {  # of the bytes of a 32-bit and a 64-bit value, written out
    ByteOrder.ABCD: ([0, 1, 2, 3], [0, 1, 2, 3, 4, 5, 6, 7]),
    ByteOrder.DCBA: ([3, 2, 1, 0], [7, 6, 5, 4, 3, 2, 1, 0]),
    ByteOrder.BADC: ([1, 0, 3, 2], [1, 0, 3, 2, 5, 4, 7, 6]),
    ByteOrder.CDAB: ([2, 3, 0, 1], [6, 7, 4, 5, 2, 3, 0, 1]),
}


def encode(value, data, order):
    if data is DataType.BOOL:
        return struct.pack(">H", int(value))
    plain = struct.pack(f">{STRUCT[data]}", value)
    if len(plain) == 2:
        return plain
    return bytes(plain[i] for i in ORDERS[order][len(plain) == 8])


def number(data):
    match data:
        case DataType.BOOL:
            return st.sampled_from([0, 1])
        case DataType.FLOAT32:
            return st.floats(width=32)
        case DataType.FLOAT64:
            return st.floats()
        case _:
            bits = 16 * data.registers
            low = -(2 ** (bits - 1)) if data.value.startswith("int") else 0
            return st.integers(low, low + 2**bits - 1)


one_value = st.sampled_from(list(DataType)).flatmap(
    lambda data: st.tuples(st.just(data), st.sampled_from(list(ByteOrder)), number(data))
)
same = np.testing.assert_array_equal


@given(st.lists(st.tuples(one_value, st.integers(0, 3)), min_size=1, max_size=25))
def test_decoding_undoes_encoding_for_every_type_and_order_in_one_block(rows):
    """Values of mixed types with holes between them, all of one block."""
    places, formats, payload = [], [], b""
    for index, ((data, order, value), hole) in enumerate(rows):
        payload += b"\xa5\x5a" * hole
        places.append(Place(len(payload) // 2, data.registers, index))
        formats.append(Format(data, order, 1.0, 0.0))
        payload += encode(value, data, order)
    block = Block(HOLDING, 0, len(payload) // 2, tuple(places))
    decoder = BlockDecoder(block, formats)
    got = np.full(len(rows), -1.0)
    got[decoder.index] = decoder.decode(payload)
    same(got, np.array([float(value) for (_, _, value), _ in rows]))
    assert decoder.payload_bytes == len(payload)


@pytest.mark.parametrize("order", list(ByteOrder))
@pytest.mark.parametrize("data", list(STRUCT))
def test_every_type_in_every_order(data, order):
    value = 12.5 if data.value.startswith("float") else 12
    block = Block(HOLDING, 100, data.registers, (Place(100, data.registers, 0),))
    decoder = BlockDecoder(block, [Format(data, order, 1.0, 0.0)])
    assert decoder.decode(encode(value, data, order)).tolist() == [value]


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.data())
def test_bits(states, data):
    chosen = data.draw(st.sets(st.integers(0, len(states) - 1), min_size=1))
    places = tuple(Place(a + 7, 1, i) for i, a in enumerate(sorted(chosen)))
    block = Block(RegisterType.COIL, 7, len(states), places)
    decoder = BlockDecoder(block, [Format(DataType.BOOL, ByteOrder.ABCD, 1.0, 0.0)] * len(places))
    payload = np.packbits(np.array(states), bitorder="little").tobytes()
    same(decoder.decode(payload), np.array([states[a] for a in sorted(chosen)], float))
    assert decoder.payload_bytes == len(payload)


def test_scaling_is_linear_and_to_the_base_unit():
    formats = [Format(DataType.UINT16, ByteOrder.ABCD, 3.6, -1.5)]
    decoder = BlockDecoder(Block(HOLDING, 0, 1, (Place(0, 1, 0),)), formats)
    assert decoder.decode(b"\x00\x0a").tolist() == pytest.approx([34.5])


def test_a_devices_nan_and_infinity_come_out_as_such():
    formats = [Format(DataType.FLOAT32, ByteOrder.ABCD, 2.0, 1.0)] * 3
    places = tuple(Place(2 * i, 2, i) for i in range(3))
    decoder = BlockDecoder(Block(HOLDING, 0, 6, places), formats)
    signalling = b"\x7f\xa0\x00\x00"
    value = decoder.decode(signalling + struct.pack(">ff", np.inf, -np.inf))
    same(value, [np.nan, np.inf, -np.inf])


def test_values_that_lie_on_one_another_are_both_decoded():
    """A status word and a bit of it as two tags, say."""
    places = [Place(0, 1, 0), Place(0, 1, 1), Place(0, 2, 2)]
    formats = [Format(t, ByteOrder.ABCD, 1.0, 0.0) for t in ("uint16", "int16", "uint32")]
    formats = [Format(DataType(f.data), f.byte_order, 1.0, 0.0) for f in formats]
    (block,) = plan(HOLDING, places, Limits(125, 0))
    decoder = BlockDecoder(block, formats)
    got = np.zeros(3)
    got[decoder.index] = decoder.decode(b"\xff\xff\x00\x01")
    assert got.tolist() == [65535, -1, 0xFFFF0001]
