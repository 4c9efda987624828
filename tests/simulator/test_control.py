"""The control API over HTTP, as an operator of the demonstration uses it."""

import asyncio
import contextlib

import httpx
import pytest
from pymodbus import ModbusException

from simulator.errors import CannotListen


@contextlib.asynccontextmanager
async def served(kit):
    plant = kit.plant_of(
        kit.modbus(tags=[kit.tag("flow", 0)], unit=3),
        kit.opcua(tags=[kit.node("level", "ns=2;s=LT", kind="level", unit="m")]),
    )
    async with (
        kit.simulate(plant, kit.Figures(flow=5.0), control_port=0) as simulation,
        httpx.AsyncClient(base_url=simulation.control.url) as http,
    ):
        yield simulation, http


def test_devices_are_named_with_their_real_ports(kit):
    async def run():
        async with served(kit) as (simulation, http):
            devices = {d["id"]: d for d in (await http.get("/devices")).json()}
            for id_, device in devices.items():
                assert device["port"] == simulation.devices[id_].relay.port > 0
            assert (devices["plc"]["unit"], devices["scada"]["unit"]) == (3, None)

    asyncio.run(run())


def test_truth_is_that_of_the_instant_shown(kit):
    async def run():
        async with served(kit) as (simulation, http):
            await simulation.step(4_000_000_000_000_000_000)
            assert (await http.get("/truth")).json() == {"time_ns": 4_000_000_000_000_000_000}

    asyncio.run(run())


def test_a_fault_is_ordered_listed_and_ended(kit):
    async def run():
        async with served(kit) as (simulation, http):
            ordered = await http.post(
                "/faults", json={"device": "plc", "fault": "hang", "seconds": 60}
            )
            assert ordered.status_code == 201
            (listed,) = (await http.get("/faults")).json()
            assert (listed["id"], listed["device"], listed["fault"]) == (1, "plc", "hang")
            assert 50 < listed["seconds_left"] <= 60
            async with kit.modbus_client(simulation, "plc") as client:
                with pytest.raises(ModbusException):
                    await client.read_holding_registers(0, count=2, device_id=3)
            assert (await http.delete("/faults/1")).status_code == 204
            assert (await http.get("/faults")).json() == []
            assert (await http.delete("/faults/1")).status_code == 404

    asyncio.run(run())


@pytest.mark.parametrize(
    ("wanted", "status", "why"),
    [
        ({"device": "nowhere", "fault": "kill"}, 404, "no device 'nowhere'"),
        ({"device": "plc", "fault": "clock_jump"}, 422, "no source times"),
        ({"device": "plc", "fault": "explode"}, 422, "kill"),
        ({"device": "plc", "fault": "slow", "parameters": {"delay_s": -1}}, 422, "greater than 0"),
        ({"device": "plc", "fault": "kill", "colour": "red"}, 422, "colour"),
    ],
)
def test_a_wrong_order_is_refused_with_the_reason(kit, wanted, status, why):
    async def run():
        async with served(kit) as (_, http):
            answer = await http.post("/faults", json=wanted)
            assert answer.status_code == status
            assert why in answer.text

    asyncio.run(run())


def test_speed_is_read_and_set(kit):
    async def run():
        async with served(kit) as (simulation, http):
            assert (await http.get("/speed")).json() == {"speed": 1.0}
            assert (await http.post("/speed", json={"speed": 60})).json() == {"speed": 60.0}
            assert simulation.speed == 60.0
            assert (await http.post("/speed", json={"speed": 0})).status_code == 422

    asyncio.run(run())


def test_a_taken_control_port_is_named(kit):
    async def run():
        async with served(kit) as (simulation, _):
            plant = kit.plant_of(kit.modbus(tags=[kit.tag("flow", 0)]))
            other = kit.simulate(plant, kit.Figures(flow=1), control_port=simulation.control.port)
            with pytest.raises(CannotListen, match=f"control API.*{simulation.control.port}"):
                await other.start()

    asyncio.run(run())
