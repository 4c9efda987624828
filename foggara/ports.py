"""Free ports for a simulated plant's devices, wherever the described ones are taken."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit, urlunsplit

from config.devices import Device, ModbusDevice
from config.plant import Plant
from foggara.errors import WrongOption

STEP = 500
LAST = 60_000


def moved(plant: Plant, offset: int) -> Plant:
    """The plant with every device's port raised by ``offset``."""
    if offset == 0:
        return plant
    return plant.with_devices([_moved(device, offset) for device in plant.devices])


def free_offset(plant: Plant) -> int:
    """The smallest multiple of STEP by which all described ports are free on loopback.

    Raises: WrongOption where there is none.
    """
    ports = {_port(device) for device in plant.devices}
    for offset in range(0, LAST - max(ports), STEP):
        if all(_is_free(port + offset) for port in ports):
            return offset
    raise WrongOption("no free ports for the simulated devices")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _port(device: Device) -> int:
    if isinstance(device, ModbusDevice):
        return device.port
    return urlsplit(device.endpoint).port or 4840


def _moved(device: Device, offset: int) -> Device:
    port = _port(device) + offset
    if isinstance(device, ModbusDevice):
        return device.model_copy(update={"port": port})
    parts = urlsplit(device.endpoint)
    endpoint = urlunsplit(parts._replace(netloc=f"{parts.hostname}:{port}"))
    return device.model_copy(update={"endpoint": endpoint})
