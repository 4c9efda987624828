"""``foggara simulate`` as its own process."""

import asyncio
import json
import socket
import subprocess
import sys
import time

import httpx
import pytest
from pymodbus.client import AsyncModbusTcpClient


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def described(tmp_path):
    """A plant of one meter, and a recording of its inflow."""
    port = free_port()
    (tmp_path / "plant.yaml").write_text(
        f"""
        plant: {{id: field, name: Field}}
        server: {{auth: off}}
        sites: [{{id: tank, name: Tank, type: reservoir}}]
        devices:
          - id: plc
            site: tank
            protocol: modbus
            host: 127.0.0.1
            port: {port}
            tags:
              - {{id: total, kind: totalizer, unit: m3, address: 0, data: uint32}}
        """
    )
    (tmp_path / "field.csv").write_text(
        "time,inflow\n2021-01-01T00:00Z,1000\n2021-01-01T01:00Z,1000\n2031-01-01T00:00Z,1000\n"
    )
    (tmp_path / "replay.yaml").write_text(
        "file: field.csv\ncounters_begin_m3: 500\ncolumns: {inflow: {unit: m3/h, count: total}}\n"
    )
    return tmp_path, port


def simulate(folder, *more):
    return subprocess.Popen(
        [
            sys.executable, "-m", "foggara", "simulate",
            "--config", str(folder / "plant.yaml"), *more,
        ],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


async def total(port):
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=2, retries=0)
    await client.connect()
    try:
        high, low = (await client.read_holding_registers(0, count=2)).registers
    finally:
        client.close()
    return high * 65536 + low


def test_a_recording_is_replayed_at_a_speed(described):
    folder, port = described
    with simulate(folder, "--replay", str(folder / "replay.yaml"), "--speed", "3600") as process:
        try:
            ready = json.loads(process.stdout.readline())
            first = asyncio.run(total(port))
            time.sleep(1.2)
            second = asyncio.run(total(port))
            devices = httpx.get(f"{ready['control']}/devices").json()
        finally:
            process.stdin.close()
            assert process.wait(10) == 0
        assert process.stderr.read() is not None
    assert first >= 500
    # 1000 m³/h at 3600 hours an hour: 1000 m³ a second, shown twice a second
    assert second - first >= 400
    assert [(d["id"], d["port"]) for d in devices] == [("plc", port)]


def test_a_wrong_recording_is_said_and_nothing_is_served(described):
    folder, _ = described
    (folder / "field.csv").write_text("time,inflow\n2021-01-01T00:00Z,wet\n")
    with simulate(folder, "--replay", str(folder / "replay.yaml")) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "field.csv:2: inflow: 'wet' is no number" in said
