"""A simulation in time: instants, speed, addresses."""

import asyncio
import itertools
import socket
import time

import pytest
import uvloop

from simulator.errors import CannotListen
from simulator.serving import Simulation

S = 10**9


def plant(kit, **more):
    return kit.plant_of(kit.modbus(tags=[kit.tag("flow", 0)], **more))


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run_loop(request):
    """Either event loop: uvloop's timers are whole milliseconds and may fire a little early."""
    return request.param


async def run_for(simulation, seconds):
    running = asyncio.create_task(simulation.run())
    await asyncio.sleep(seconds)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


class Log:
    """A source that notes when it was asked."""

    def __init__(self, kit):
        self.figures = kit.Figures(flow=1.0)
        self.tags = self.figures.tags
        self.times = []

    def at(self, time_ns):
        self.times.append(time_ns)
        return self.figures.at(time_ns)

    def truth(self):
        return {}


def test_instants_are_aligned_and_a_little_before_the_tick(kit, run_loop):
    async def run():
        source = Log(kit)
        async with kit.simulate(plant(kit), source, tick_s=0.2, lead_s=0.05) as simulation:
            await run_for(simulation, 1.1)
        return source.times[1:]

    times = run_loop(run())
    assert len(times) >= 3
    assert {(t + S // 20) % (S // 5) for t in times} == {0}
    assert all(b > a for a, b in itertools.pairwise(times))


def test_a_source_is_never_asked_twice_at_once_even_when_a_step_is_cancelled(kit):
    class Slow(Log):
        busy, met = False, False

        def at(self, time_ns):
            self.busy = True
            time.sleep(0.3)
            self.busy = False
            return super().at(time_ns)

        def truth(self):
            self.met = self.met or self.busy
            return {}

    async def run():
        source = Slow(kit)
        async with kit.simulate(plant(kit), source, tick_s=0.2) as simulation:
            step = asyncio.create_task(simulation.step(time.time_ns()))
            await asyncio.sleep(0.1)
            step.cancel()
            await simulation.truth()
            await asyncio.gather(step, return_exceptions=True)
        return source.met

    assert asyncio.run(run()) is False


def test_simulated_time_runs_at_its_speed_from_its_begin(kit, run_loop):
    async def run():
        source = Log(kit)
        async with kit.simulate(
            plant(kit), source, tick_s=0.1, begin_ns=1000 * S, speed=3600
        ) as simulation:
            await run_for(simulation, 0.65)
        return source.times

    times = run_loop(run())
    assert 1000 * S <= times[0] < 1000 * S + 3600 * 5 * S
    steps = {b - a for a, b in itertools.pairwise(times[1:])}
    assert min(steps) == pytest.approx(360 * S, rel=1e-6)


def test_a_change_of_speed_does_not_jump(kit):
    now = [50 * S]
    simulation = Simulation(
        plant(kit), kit.Figures(flow=1), clock=lambda: now[0], begin_ns=0, speed=10, free_ports=True
    )
    now[0] += 2 * S
    simulation.set_speed(1)
    assert simulation.simulated(now[0]) == 20 * S
    now[0] += S
    assert simulation.simulated(now[0]) == 21 * S


def test_at_speed_1_simulated_time_is_real_time(kit):
    simulation = kit.simulate(plant(kit), kit.Figures(flow=1))
    assert simulation.simulated(12345) == 12345


def test_the_plant_is_described_with_its_real_addresses(kit):
    both = kit.plant_of(
        kit.modbus(tags=[kit.tag("flow", 0)]), kit.opcua(tags=[kit.node("level", "ns=2;s=L")])
    )

    async def run():
        async with kit.simulate(both, kit.Figures(flow=1)) as simulation:
            plc, scada = simulation.described().devices
            ports = [d.relay.port for d in simulation.devices.values()]
            assert (plc.host, plc.port) == ("127.0.0.1", ports[0])
            assert scada.endpoint == f"opc.tcp://127.0.0.1:{ports[1]}/plant"
            assert simulation.described().tags.keys() == both.tags.keys()

    asyncio.run(run())


def test_a_taken_address_is_named_with_its_device_and_nothing_is_left_running(kit):
    async def run():
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            both = kit.plant_of(
                kit.modbus("free", [kit.tag("a", 0)], port=free_port()),
                kit.modbus("taken", [kit.tag("b", 0)], port=port),
            )
            simulation = Simulation(both, kit.Figures(a=1, b=1), clock=time.time_ns)
            with pytest.raises(CannotListen, match=f"taken: cannot listen on 127.0.0.1:{port}"):
                await simulation.start()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", both.devices[0].port)

    asyncio.run(run())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_described_ports_are_kept(kit):
    async def run():
        port = free_port()
        simulation = Simulation(plant(kit, port=port), kit.Figures(flow=1), clock=time.time_ns)
        async with simulation, kit.modbus_client(simulation, "plc") as client:
            assert simulation.devices["plc"].relay.port == port
            assert not (await client.read_holding_registers(0, count=2)).isError()

    asyncio.run(run())


def test_ten_opc_ua_servers_and_twenty_modbus_start_in_time(kit):
    devices = [
        kit.opcua(f"s{i}", [kit.node(f"s{i}.t{j}", f"nsu=http://plc{i};s=T{j}") for j in range(30)])
        for i in range(10)
    ]
    devices += [
        kit.modbus(f"m{i}", [kit.tag(f"m{i}.t{j}", 2 * j) for j in range(20)], port=2000 + i)
        for i in range(20)
    ]

    async def run():
        began = time.monotonic()
        async with kit.simulate(kit.plant_of(*devices), kit.Figures(nothing=1)):
            return time.monotonic() - began

    # a liveness bound: measured 1.8 s on an idle machine
    assert asyncio.run(run()) < 30
