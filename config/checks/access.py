"""Who may connect, what secrets are where, and how long things are kept."""

from __future__ import annotations

import ipaddress
import stat
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path as FilePath

from config.devices import ModbusDevice, OpcUaDevice
from config.finding import Finding
from config.marks import Path
from config.plant import Plant

_DAYS_ARE_MADE_OF_S = 48 * 3600.0
"""a production day of up to 25 h is cut from UTC days, and these are dropped whole"""
_READABLE_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH


def access(plant: Plant) -> Iterable[Finding]:
    """Everything about addresses, secrets and retention."""
    if plant.server.auth == "off" and not is_loopback(plant.server.host):
        yield Finding(
            ("server", "auth"),
            f"'off' is allowed on loopback only (127.0.0.1, ::1, localhost), not on "
            f"'{plant.server.host}'; allowed there: keys",
        )
    for n, device in enumerate(plant.devices):
        at: Path = ("devices", n)
        if isinstance(device, OpcUaDevice):
            yield from _password(device, at)
        else:
            yield from _host(device, at)
    yield from _retention(plant)


def is_loopback(host: str) -> bool:
    """Can only this machine connect to that address?"""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host(device: ModbusDevice, at: Path) -> Iterable[Finding]:
    if not device.host.strip() or "/" in device.host or " " in device.host:
        yield Finding((*at, "host"), f"'{device.host}' is no host; a name or an address is wanted")


def _password(device: OpcUaDevice, at: Path) -> Iterable[Finding]:
    sources = [key for key in (device.password_env, device.password_file) if key is not None]
    if device.username is None and sources:
        yield Finding((*at, "username"), "a password needs a username")
    if device.username is not None and len(sources) != 1:
        yield Finding(
            (*at, "username"), "one of password_env and password_file says where its password is"
        )
    if device.password_file is None:
        return
    try:
        mode = FilePath(device.password_file).stat().st_mode
    except (OSError, ValueError):
        return  # it may be on another machine; whoever needs it says that it is missing
    if mode & _READABLE_BY_OTHERS:
        yield Finding(
            (*at, "password_file"),
            f"others can read {device.password_file}; chmod 600 makes it yours alone",
            warning=True,
        )


def _retention(plant: Plant) -> Iterable[Finding]:
    kept = plant.store.retention
    at: Path = ("store", "retention")
    rows = (("raw", kept.raw_s), ("minute", kept.minute_s), ("hour", kept.hour_s))
    for (fine_key, fine_s), (key, coarse_s) in pairwise(rows):
        if coarse_s is not None and (fine_s is None or fine_s > coarse_s):
            yield Finding(
                (*at, key), f"{key} is kept at least as long as {fine_key}: raw ≤ minute ≤ hour"
            )
    least_s = _DAYS_ARE_MADE_OF_S + plant.plant.late_data_window_s
    if kept.raw_s is not None and kept.raw_s < least_s:
        yield Finding(
            (*at, "raw"),
            f"a day is made of its readings until it is final: at least {least_s / 3600:g} h "
            "(48 h and the late_data_window)",
        )
    for key, ratio in (
        ("disk_warning", kept.disk_warning_ratio),
        ("disk_critical", kept.disk_critical_ratio),
    ):
        if not 0 <= ratio < 1:
            yield Finding((*at, key), "it should be from 0 to below 100 %")
    if kept.disk_critical_ratio >= kept.disk_warning_ratio:
        yield Finding((*at, "disk_critical"), "it should be below disk_warning")
