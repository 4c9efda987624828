"""Each fault as a plain client meets it, and how it is ordered and ended."""

import asyncio
import contextlib
import struct
import time
from pathlib import Path

import pytest
from asyncua import ua
from pymodbus import ModbusException
from pymodbus.client import AsyncModbusTcpClient

from simulator.errors import BadFault, UnknownFault, UnknownTarget
from simulator.faults import PARAMETERS_OF, FaultOrder

PLC = "http://plc.example"


@contextlib.asynccontextmanager
async def bench(kit, source=None, **more):
    """A Modbus device ``plc`` and an OPC UA device ``scada``, and a client on each."""
    plant = kit.plant_of(
        kit.modbus(
            tags=[
                kit.tag("flow", 0),
                kit.tag("total", 10, kind="totalizer", unit="m3", data="uint32"),
            ]
        ),
        kit.opcua(
            tags=[
                kit.node("level", f"nsu={PLC};s=LT", kind="level", unit="m"),
                kit.node("counter", f"nsu={PLC};s=FQ", kind="totalizer", unit="m3"),
            ]
        ),
    )
    source = source or kit.Figures(flow=5.0, total=1000.0, level=2.0, counter=70.0)
    async with (
        kit.simulate(plant, source, **more) as simulation,
        kit.modbus_client(simulation, "plc") as client,
    ):
        yield simulation, client


def order(fault, device="plc", tag=None, seconds=None, **parameters):
    return FaultOrder.model_validate(
        {
            "device": device,
            "fault": fault,
            "tag": tag,
            "seconds": seconds,
            "parameters": parameters,
        }
    )


async def flow(client):
    answer = await client.read_holding_registers(0, count=2)
    assert not answer.isError(), answer
    return struct.unpack(">f", struct.pack(">2H", *answer.registers))[0]


async def total(client):
    answer = await client.read_holding_registers(10, count=2)
    return answer.registers[0] * 65536 + answer.registers[1]


async def fresh(kit, simulation):
    """A new connection's reading of the flow."""
    async with kit.modbus_client(simulation, "plc") as client:
        return await flow(client)


async def no_answer(client):
    with pytest.raises(ModbusException):
        await flow(client)


def test_kill_closes_the_port_and_drops_connections(kit):
    async def run():
        async with bench(kit) as (simulation, client):
            port = simulation.devices["plc"].relay.port
            fault = await simulation.faults.order(order("kill"))
            await no_answer(client)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)
            await simulation.faults.end(fault.number)
            assert simulation.devices["plc"].relay.port == port
            assert await fresh(kit, simulation) == 5.0

    asyncio.run(run())


def test_refuse_resets_every_connection(kit):
    async def run():
        async with bench(kit) as (simulation, client):
            fault = await simulation.faults.order(order("refuse"))
            await no_answer(client)
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", simulation.devices["plc"].relay.port
            )
            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(reader.read(1), 5)
            writer.close()
            await simulation.faults.end(fault.number)
            assert await fresh(kit, simulation) == 5.0

    asyncio.run(run())


def test_hang_accepts_and_never_answers_old_connections_and_new(kit):
    async def run():
        async with bench(kit) as (simulation, client):
            fault = await simulation.faults.order(order("hang"))
            await no_answer(client)
            with pytest.raises(ModbusException):
                await fresh(kit, simulation)
            await simulation.faults.end(fault.number)
            assert await fresh(kit, simulation) == 5.0

    asyncio.run(run())


def test_a_hung_server_makes_an_opc_ua_client_wait(kit):
    async def run():
        async with bench(kit) as (simulation, _):
            await simulation.faults.order(order("hang", "scada", seconds=0.5))
            with pytest.raises((TimeoutError, ConnectionError)):
                async with asyncio.timeout(0.3), kit.opcua_client(simulation, "scada"):
                    pass
            await kit.until(lambda: not simulation.faults.active())
            async with kit.opcua_client(simulation, "scada") as client:
                assert await client.get_node("ns=2;s=LT").read_value() == 2.0

    asyncio.run(run())


def test_slow_answers_late(kit):
    async def run():
        async with bench(kit) as (simulation, client):
            await simulation.faults.order(order("slow", delay_s=0.3))
            began = time.monotonic()
            assert await flow(client) == 5.0
            assert time.monotonic() - began > 0.29

    asyncio.run(run())


def test_wrong_transaction_ids_are_no_answers(kit):
    async def run():
        async with bench(kit) as (simulation, client):
            fault = await simulation.faults.order(order("garbage", garbage="transaction"))
            await no_answer(client)
            await simulation.faults.end(fault.number)
            assert await fresh(kit, simulation) == 5.0

    asyncio.run(run())


def test_random_bytes_are_the_same_for_the_same_seed(kit):
    async def answer(seed):
        async with bench(kit, seed=seed) as (simulation, _):
            await simulation.faults.order(order("garbage"))
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", simulation.devices["plc"].relay.port
            )
            writer.write(bytes.fromhex("000100000006010300000002"))
            got = await asyncio.wait_for(reader.readexactly(13), 5)
            writer.close()
            await writer.wait_closed()
            return got

    right = bytes.fromhex("00010000000701030440a00000")
    first, again, other = (asyncio.run(answer(seed)) for seed in (1, 1, 2))
    assert first == again
    assert len({first, other, right}) == 3


def test_drop_cuts_the_connection_in_an_answer(kit):
    async def run():
        async with bench(kit) as (simulation, _):
            await simulation.faults.order(order("drop", after_bytes=20))
            async with kit.modbus_client(simulation, "plc") as client:
                assert await flow(client) == 5.0  # 13 bytes
                await no_answer(client)

    asyncio.run(run())


def test_exception_of_a_range(kit):
    async def run():
        async with bench(kit) as (simulation, client):
            fault = await simulation.faults.order(order("exception", code=6, first=10, last=11))
            assert await flow(client) == 5.0
            assert (await client.read_holding_registers(10, count=2)).exception_code == 6
            await simulation.faults.end(fault.number)
            assert await total(client) == 1000
            await simulation.faults.order(order("exception", tag="flow"))
            assert (await client.read_holding_registers(1, count=1)).exception_code == 4
            assert await total(client) == 1000

    asyncio.run(run())


def test_bad_status_of_a_node(kit):
    async def run():
        async with bench(kit) as (simulation, _), kit.opcua_client(simulation, "scada") as client:
            nodes = [client.get_node(f"ns=2;s={name}") for name in ("LT", "FQ")]
            await simulation.faults.order(
                order("exception", "scada", "level", status="BadOutOfService")
            )
            await simulation.step(time.time_ns())
            level, counter = [await n.read_data_value(raise_on_bad_status=False) for n in nodes]
            assert level.StatusCode.value == ua.StatusCodes.BadOutOfService
            assert counter.Value.Value == 70.0

    asyncio.run(run())


def test_frozen_shows_what_it_showed(kit):
    async def run():
        source = kit.Figures(flow=5.0, total=1000.0)
        async with bench(kit, source) as (simulation, client):
            fault = await simulation.faults.order(order("frozen", tag="flow"))
            source.figures.update(flow=6.0, total=1001.0)
            await simulation.step(time.time_ns())
            assert (await flow(client), await total(client)) == (5.0, 1001)
            await simulation.faults.end(fault.number)
            await simulation.step(time.time_ns())
            assert await flow(client) == 6.0

    asyncio.run(run())


def test_spike_ends_by_itself(kit):
    async def run():
        async with bench(kit) as (simulation, client):
            await simulation.faults.order(order("spike", tag="flow", seconds=0.2, factor=100))
            await simulation.step(time.time_ns())
            assert await flow(client) == 500.0
            await kit.until(lambda: not simulation.faults.active())
            await simulation.step(time.time_ns())
            assert await flow(client) == 5.0

    asyncio.run(run())


def test_clock_jump_shifts_source_times(kit):
    async def run():
        async with bench(kit) as (simulation, _), kit.opcua_client(simulation, "scada") as client:
            node = client.get_node("ns=2;s=LT")
            await simulation.faults.order(order("clock_jump", "scada", offset_s=-7200))
            await simulation.step(2_000_000_000_000_000_000)
            seen = await node.read_data_value()
            assert seen.SourceTimestamp.timestamp() == 2_000_000_000 - 7200
            assert abs(seen.ServerTimestamp.timestamp() - time.time()) < 60

    asyncio.run(run())


@pytest.mark.parametrize(("fault", "more", "begins"), [
    ("meter_reset", {}, 0),
    ("meter_replaced", {"reading": 3.0}, 3),
])  # fmt: skip
def test_a_meter_counts_on_from_where_it_was_set(kit, fault, more, begins):
    async def run():
        source = kit.Figures(flow=5.0, total=1000.0, counter=70.0)
        async with bench(kit, source) as (simulation, client):
            await simulation.faults.order(order(fault, **more))
            assert not simulation.faults.active()
            source.figures.update(total=1005.0)
            await simulation.step(time.time_ns())
            assert await total(client) == begins
            source.figures.update(total=1017.0)
            await simulation.step(time.time_ns())
            assert (await total(client), await flow(client)) == (begins + 12, 5.0)

    asyncio.run(run())


def test_faults_of_one_device_end_independently(kit):
    async def run():
        async with bench(kit) as (simulation, _):
            hang = await simulation.faults.order(order("hang"))
            kill = await simulation.faults.order(order("kill"))
            await simulation.faults.end(kill.number)
            with pytest.raises(ModbusException):
                await fresh(kit, simulation)
            await simulation.faults.end(hang.number)
            assert await fresh(kit, simulation) == 5.0

    asyncio.run(run())


def test_units_behind_one_address_share_the_faults_of_the_line_only(kit):
    plant = kit.plant_of(
        kit.modbus("one", [kit.tag("a", 0)], unit=1), kit.modbus("two", [kit.tag("b", 0)], unit=2)
    )

    async def run():
        async with kit.simulate(plant, kit.Figures(a=1, b=2)) as simulation:
            await simulation.faults.order(order("exception", "one"))
            async with kit.modbus_client(simulation, "two") as client:
                one, two = [
                    await client.read_holding_registers(0, count=2, device_id=u) for u in (1, 2)
                ]
                assert (one.exception_code, two.isError()) == (4, False)
                await simulation.faults.order(order("kill", "one"))
                with pytest.raises(ModbusException):
                    await client.read_holding_registers(0, count=2, device_id=2)

    asyncio.run(run())


def test_one_sick_device_leaves_the_others_alone(kit):
    plant = kit.plant_of(
        kit.modbus("sick", [kit.tag("a", 0)]), kit.modbus("well", [kit.tag("b", 0)], port=1503)
    )

    async def run():
        async with (
            kit.simulate(plant, kit.Figures(a=1, b=2)) as simulation,
            kit.modbus_client(simulation, "well") as client,
        ):
            for fault in ("hang", "kill", "refuse", "garbage", "slow"):
                await simulation.faults.order(order(fault, "sick"))
                assert await flow(client) == 2.0

    asyncio.run(run())


IMPOSSIBLE = [
    (order("clock_jump"), BadFault, "no source times"),
    (order("kill", tag="flow"), BadFault, "whole device"),
    (order("meter_reset", tag="flow"), BadFault, "no counter"),
    (order("hang", delay_s=1), BadFault, "has no delay_s; its parameters: none"),
    (order("exception", "scada", status="BadLuck"), BadFault, "no status 'BadLuck'"),
    (order("kill", "nowhere"), UnknownTarget, "no device 'nowhere'"),
    (order("frozen", tag="level"), UnknownTarget, "no tag of plc 'level'"),
]


def test_what_a_device_cannot_have_is_refused_with_the_reason(kit):
    async def run():
        async with bench(kit) as (simulation, client):
            for wanted, error, why in IMPOSSIBLE:
                with pytest.raises(error, match=why):
                    await simulation.faults.order(wanted)
            with pytest.raises(UnknownFault):
                await simulation.faults.end(99)
            assert not simulation.faults.active()
            assert await flow(client) == 5.0

    asyncio.run(run())


def test_a_client_that_is_gone_leaves_nothing_behind(kit):
    async def run():
        async with bench(kit) as (simulation, _):
            relay = simulation.devices["plc"].relay
            clients = [AsyncModbusTcpClient("127.0.0.1", port=relay.port) for _ in range(20)]
            for client in clients:
                await client.connect()
            assert len(relay.connections) >= 20
            for client in clients:
                client.close()
            await kit.until(lambda: len(relay.connections) == 1)

    asyncio.run(run())


def test_every_fault_and_its_parameters_are_documented():
    text = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}
    for fault, parameters in PARAMETERS_OF.items():
        assert fault in rows
        for parameter in parameters:
            assert f"`{parameter}`" in rows[fault]
