"""Nodes as a plain OPC UA client sees them."""

import asyncio
import datetime as dt
import math

import pytest
from asyncua import ua

PLC = "http://plc.example"


def plant(kit):
    return kit.plant_of(
        kit.opcua(
            tags=[
                kit.node("flow", f"nsu={PLC};s=FT601", unit="L/s"),
                kit.node("state", f"nsu={PLC};s=XS601", kind="state", unit="1"),
                kit.node("level", "ns=4;i=77", kind="level", unit="cm"),
            ]
        )
    )


def test_values_types_and_source_times(kit):
    async def run():
        source = kit.Figures(flow=36.0, state=2, level=1.5)
        async with (
            kit.simulate(plant(kit), source) as simulation,
            kit.opcua_client(simulation, "scada") as client,
        ):
            await simulation.step(1_700_000_000_250_000_000)
            ns = await client.get_namespace_index(PLC)
            return [
                await client.get_node(node).read_data_value()
                for node in (f"ns={ns};s=FT601", f"ns={ns};s=XS601", "ns=4;i=77")
            ]

    flow, state, level = asyncio.run(run())
    assert (flow.Value.Value, flow.Value.VariantType) == (10.0, ua.VariantType.Double)
    assert (state.Value.Value, state.Value.VariantType) == (2, ua.VariantType.Int32)
    assert level.Value.Value == 150.0
    expected = dt.datetime.fromtimestamp(1_700_000_000.25, dt.UTC)
    assert {v.SourceTimestamp for v in (flow, state, level)} == {expected}
    assert flow.StatusCode.is_good()


def test_nodes_are_found_by_browsing(kit):
    async def run():
        async with (
            kit.simulate(plant(kit), kit.Figures(flow=1)) as simulation,
            kit.opcua_client(simulation, "scada") as client,
        ):
            (device,) = [
                child
                for child in await client.nodes.objects.get_children()
                if (await child.read_browse_name()).Name == "scada"
            ]
            return [(await child.read_browse_name()).Name for child in await device.get_children()]

    assert asyncio.run(run()) == ["FT601", "XS601", "77"]


def test_a_subscription_hears_of_every_change(kit):
    seen = []

    class Handler:
        def datachange_notification(self, node, val, data):
            seen.append((val, data.monitored_item.Value.SourceTimestamp))

    async def run():
        async with (
            kit.simulate(plant(kit), kit.Figures(flow=lambda t: t / 1e9)) as simulation,
            kit.opcua_client(simulation, "scada") as client,
        ):
            ns = await client.get_namespace_index(PLC)
            subscription = await client.create_subscription(50, Handler())
            await subscription.subscribe_data_change(client.get_node(f"ns={ns};s=FT601"))
            for second in range(2_000_000_000, 2_000_000_005):
                await simulation.step(second * 10**9)
                await asyncio.sleep(0.1)
            await subscription.delete()

    asyncio.run(run())
    times = [time.timestamp() for _, time in seen][-5:]
    assert times == [2_000_000_000 + i for i in range(5)]
    assert [v for v, _ in seen][-5:] == pytest.approx([t / 3.6 for t in times])


def test_what_shows_nothing_is_bad_and_comes_back(kit):
    async def run():
        source = kit.Figures(flow=math.nan)
        async with (
            kit.simulate(plant(kit), source) as simulation,
            kit.opcua_client(simulation, "scada") as client,
        ):
            node = client.get_node(f"ns={await client.get_namespace_index(PLC)};s=FT601")
            dark = await node.read_data_value(raise_on_bad_status=False)
            source.figures["flow"] = 7.2
            await simulation.step(2_000_000_000_000_000_000)
            return dark, await node.read_data_value()

    dark, lit = asyncio.run(run())
    assert dark.StatusCode.value == ua.StatusCodes.BadSensorFailure
    assert dark.Value.Value is None
    assert lit.Value.Value == 2.0


def test_nobody_writes(kit):
    async def run():
        async with (
            kit.simulate(plant(kit), kit.Figures(level=1)) as simulation,
            kit.opcua_client(simulation, "scada") as client,
        ):
            with pytest.raises(ua.UaStatusCodeError):
                await client.get_node("ns=4;i=77").write_value(3.0)

    asyncio.run(run())


def test_servers_do_not_share_their_nodes(kit):
    both = kit.plant_of(
        kit.opcua("one", [kit.node("a", f"nsu={PLC};s=X")]),
        kit.opcua("two", [kit.node("b", f"nsu={PLC}/two;s=X")]),
    )

    async def run():
        found = []
        async with kit.simulate(both, kit.Figures(a=1, b=2)) as simulation:
            for device in ("one", "two"):
                async with kit.opcua_client(simulation, device) as client:
                    names = await client.get_namespace_array()
                    found.append((names[2:], await client.get_node("ns=2;s=X").read_value()))
        return found

    assert asyncio.run(run()) == [([PLC], 1.0), ([f"{PLC}/two"], 2.0)]
