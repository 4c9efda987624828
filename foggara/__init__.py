"""Foggara: water production and distribution monitoring, from the wire to the daily report."""

from __future__ import annotations

from importlib.metadata import version

__version__ = version("foggara")
