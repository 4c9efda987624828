"""Registers as a plain Modbus client sees them."""

import asyncio
import struct

import pytest
from pymodbus import ModbusException

ORDER = {
    "ABCD": lambda b: b,
    "DCBA": lambda b: b[::-1],
    "BADC": lambda b: b"".join(b[i : i + 2][::-1] for i in range(0, len(b), 2)),
    "CDAB": lambda b: b"".join(b[i : i + 2] for i in range(len(b) - 2, -1, -2)),
}
DATA = {
    "int16": (">h", -1234),
    "uint16": (">H", 54321),
    "int32": (">i", -123456789),
    "uint32": (">I", 3123456789),
    "int64": (">q", -(2**45) - 3),
    "uint64": (">Q", 2**50 + 12345),
    "float32": (">f", 1234.5),
    "float64": (">d", -98765.4321),
}
FUNCTION = {
    "holding": "read_holding_registers",
    "input": "read_input_registers",
    "coil": "read_coils",
    "discrete_input": "read_discrete_inputs",
}


def words(answer):
    assert not answer.isError(), answer
    return struct.pack(f">{len(answer.registers)}H", *answer.registers)


def read(kit, device, source, wanted, **more):
    """What the device answers to each (kind, address, count), from one simulation."""

    async def run():
        async with (
            kit.simulate(kit.plant_of(device), source, **more) as simulation,
            kit.modbus_client(simulation, "plc") as client,
        ):
            unit = device.get("unit", 1)
            return [
                await getattr(client, FUNCTION[kind])(address, count=count, device_id=unit)
                for kind, address, count in wanted
            ]

    return asyncio.run(run())


@pytest.mark.parametrize("order", ORDER)
@pytest.mark.parametrize("kind", ["holding", "input"])
def test_every_data_type_in_every_byte_order(kit, order, kind):
    tags, figures, wanted = [], {}, []
    for i, (data, (_, value)) in enumerate(DATA.items()):
        tags.append(kit.tag(f"t.{data}", 10 * i, data=data, register=kind))
        figures[f"t__{data}"] = value
        wanted.append((kind, 10 * i, struct.calcsize(DATA[data][0]) // 2))
    device = kit.modbus(tags=tags, byte_order=order)

    answers = read(kit, device, kit.Figures(**figures), wanted)

    for (data, (code, value)), answer in zip(DATA.items(), answers, strict=True):
        sent = words(answer)
        expected = struct.pack(code, value)
        assert sent == (ORDER[order](expected) if len(expected) > 2 else expected), data


def test_a_tag_may_have_a_byte_order_of_its_own(kit):
    device = kit.modbus(
        tags=[kit.tag("a", 0, data="uint32"), kit.tag("b", 2, data="uint32", byte_order="CDAB")]
    )
    (answer,) = read(kit, device, kit.Figures(a=0x01020304, b=0x01020304), [("holding", 0, 4)])
    assert answer.registers == [0x0102, 0x0304, 0x0304, 0x0102]


def test_bits_of_both_kinds(kit):
    tags = [
        kit.tag("a", 5, kind="state", unit="1", data="bool", register="coil"),
        kit.tag("b", 6, kind="state", unit="1", data="bool", register="coil"),
        kit.tag("c", 0, kind="state", unit="1", data="bool", register="discrete_input"),
    ]
    coils, inputs = read(
        kit,
        kit.modbus(tags=tags),
        kit.Figures(a=1, b=0, c=1),
        [("coil", 5, 2), ("discrete_input", 0, 1)],
    )
    assert coils.bits[:2] == [True, False]
    assert inputs.bits[:1] == [True]


def test_units_and_scaling_are_undone(kit):
    tags = [
        kit.tag("flow", 0, unit="L/s", data="uint16"),
        kit.tag(
            "level",
            1,
            kind="level",
            unit="m",
            data="uint16",
            scaling={"raw": [4000, 20000], "value": [0, 8]},
        ),
        kit.tag("temperature", 2, kind="temperature", unit="K", data="float32"),
    ]
    (answer,) = read(
        kit,
        kit.modbus(tags=tags),
        kit.Figures(flow=360.0, level=2.0, temperature=20.0),
        [("holding", 0, 4)],
    )
    assert answer.registers[:2] == [100, 8000]
    assert struct.unpack(">f", words(answer)[4:])[0] == pytest.approx(293.15)


def test_more_than_a_register_holds_is_clamped(kit):
    tags = [kit.tag("high", 0, data="uint16"), kit.tag("low", 1, data="uint16")]
    (answer,) = read(kit, kit.modbus(tags=tags), kit.Figures(high=1e6, low=-5), [("holding", 0, 2)])
    assert answer.registers == [65535, 0]


def test_a_counter_wraps_and_shows_full_counts_only(kit):
    tags = [
        kit.tag("a", 0, kind="totalizer", unit="m3", data="uint16"),
        kit.tag("b", 1, kind="totalizer", unit="0.1 m3", data="uint16"),
    ]
    (answer,) = read(
        kit, kit.modbus(tags=tags), kit.Figures(a=65536 + 7.9, b=12.3), [("holding", 0, 2)]
    )
    assert answer.registers == [7, 123]


def test_a_counter_wraps_at_the_modulus_of_its_meter(kit):
    device = kit.modbus(tags=[kit.tag("a", 0, kind="totalizer", unit="m3", data="uint32")])
    meter = {
        "id": "m",
        "site": "works",
        "measures": "produced",
        "totalizer": "a",
        "maximum_flow": "1000 m3/h",
        "installations": [{"modulus": "1000000 m3"}],
    }

    async def run():
        plant = kit.plant_of(device, meters=[meter])
        async with (
            kit.simulate(plant, kit.Figures(a=1_000_042.0)) as simulation,
            kit.modbus_client(simulation, "plc") as client,
        ):
            return await client.read_holding_registers(0, count=2)

    assert asyncio.run(run()).registers == [0, 42]


def test_what_is_not_described_is_exception_2(kit):
    tags = [kit.tag("a", 0), kit.tag("b", 4), kit.tag("far", 100)]
    within_gap, beyond, other_kind, single_hole = read(
        kit,
        kit.modbus(tags=tags, max_gap=2),
        kit.Figures(a=1, b=2, far=3),
        [("holding", 0, 6), ("holding", 4, 3), ("input", 0, 1), ("holding", 50, 1)],
    )
    assert not within_gap.isError()
    assert [a.exception_code for a in (beyond, other_kind, single_hole)] == [2, 2, 2]


def test_an_instrument_that_shows_nothing_is_exception_4(kit):
    tags = [kit.tag("a", 0), kit.tag("b", 2)]
    a, b, both = read(
        kit,
        kit.modbus(tags=tags),
        kit.Figures(a=5.0, b=float("nan")),
        [("holding", 0, 2), ("holding", 2, 2), ("holding", 0, 4)],
    )
    assert struct.unpack(">f", words(a))[0] == 5.0
    assert [b.exception_code, both.exception_code] == [4, 4]


def test_a_tag_that_the_source_does_not_know_shows_nothing(kit):
    (answer,) = read(
        kit, kit.modbus(tags=[kit.tag("a", 0)]), kit.Figures(other=1), [("holding", 0, 2)]
    )
    assert answer.exception_code == 4


def test_units_share_an_address_and_a_missing_one_is_named(kit):
    plant = kit.plant_of(
        kit.modbus("one", [kit.tag("a", 0, data="uint16")], unit=1),
        kit.modbus("two", [kit.tag("b", 0, data="uint16")], unit=7),
    )

    async def run():
        async with kit.simulate(plant, kit.Figures(a=11, b=22)) as simulation:
            assert simulation.devices["one"].relay.port == simulation.devices["two"].relay.port
            async with kit.modbus_client(simulation, "one") as client:
                return [await client.read_holding_registers(0, device_id=u) for u in (1, 7, 9)]

    one, two, missing = asyncio.run(run())
    assert (one.registers, two.registers) == ([11], [22])
    assert missing.exception_code == 11


def test_nobody_writes(kit):
    async def run():
        async with (
            kit.simulate(
                kit.plant_of(kit.modbus(tags=[kit.tag("a", 0, data="uint16")])), kit.Figures(a=1)
            ) as simulation,
            kit.modbus_client(simulation, "plc") as client,
        ):
            refused = await client.write_register(0, 99)
            return refused, await client.read_holding_registers(0)

    refused, kept = asyncio.run(run())
    assert refused.exception_code == 1
    assert kept.registers == [1]


def test_a_32_bit_value_is_never_torn(kit):
    """Both halves of a value come from one instant, however reads and ticks interleave."""
    device = kit.modbus(tags=[kit.tag("a", 0, data="uint32"), kit.tag("b", 2, data="uint32")])
    source = kit.Figures(a=lambda t: (t % 50_000) * 65537, b=lambda t: (t % 50_000) * 65537)

    async def tick(simulation):
        for i in range(300):
            await simulation.step(i)

    async def run():
        async with (
            kit.simulate(kit.plant_of(device), source, begin_ns=0) as simulation,
            kit.modbus_client(simulation, "plc") as client,
            asyncio.TaskGroup() as tasks,
        ):
            ticking = tasks.create_task(tick(simulation))
            seen = set()
            while not ticking.done():
                a_high, a_low, b_high, b_low = (
                    await client.read_holding_registers(0, count=4)
                ).registers
                assert a_high == a_low == b_high == b_low
                seen.add(a_high)
            return seen

    assert len(asyncio.run(run())) > 5


def test_a_closed_simulation_refuses(kit):
    async def run():
        plant = kit.plant_of(kit.modbus(tags=[kit.tag("a", 0)]))
        async with kit.simulate(plant, kit.Figures(a=1)) as simulation:
            pass
        async with kit.modbus_client(simulation, "plc") as client:
            assert not client.connected
            with pytest.raises(ModbusException):
                await client.read_holding_registers(0, count=2)

    asyncio.run(run())
