"""Which of a device's tags its server knows, and when to ask again for those it does not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import structlog
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes
from numpy.typing import NDArray

from collectors.opcua.nodes import UnknownNode, resolve
from collectors.opcua.readings import Readings
from config.devices import OpcUaDevice

_log = structlog.get_logger(__name__)

RETRY_S = 60.0
Index = NDArray[np.intp]


class Tags:
    """The tags' nodes at one server for one session; a refused one is bad by itself, alone."""

    def __init__(self, device: OpcUaDevice, readings: Readings) -> None:
        self._device = device
        self._readings = readings
        self._nodes: list[ua.NodeId | None] = [None] * len(device.tags)
        self._refused = np.zeros(len(device.tags), np.bool_)
        self._told: set[str] = set()
        self._retry_s = 0.0

    def resolve(self, namespaces: Sequence[str], now_s: float) -> None:
        """All tags anew; each is tried."""
        self._refused.fill(False)
        self._retry_s = now_s + RETRY_S
        self.resolve_again(np.arange(len(self._nodes)), namespaces)

    def resolve_again(self, index: Index, namespaces: Sequence[str]) -> None:
        """Some tags, which count as live until refused again."""
        self._refused[index] = False
        for i in index.tolist():
            try:
                self._nodes[i] = resolve(self._device.tags[i].node, namespaces)
            except UnknownNode:
                self._nodes[i] = None

    def nodes(self, index: Index) -> list[ua.NodeId]:
        """The nodes of tags that have one."""
        return [node for i in index.tolist() if (node := self._nodes[i]) is not None]

    def live(self) -> Index:
        """The tags that the server has not refused."""
        return np.flatnonzero(~self._refused)

    def unrefused(self, index: Index) -> Index:
        """Those of ``index`` that the server has not refused."""
        return index[~self._refused[index]] if index.size else index

    def without_node(self) -> Index:
        return np.array([i for i, node in enumerate(self._nodes) if node is None], np.intp)

    def to_retry(self, now_s: float) -> Index:
        """The refused tags, once every ``RETRY_S``."""
        if now_s < self._retry_s:
            return np.empty(0, np.intp)
        self._retry_s = now_s + RETRY_S
        return np.flatnonzero(self._refused)

    def accept(self, index: Index) -> None:
        self._refused[index] = False
        for i in index.tolist():
            self._told.discard(self._device.tags[i].id)

    def refuse(self, index: Index, statuses: Sequence[int], now_ns: int) -> None:
        """The server will not give these: bad once, said once, until it does."""
        if not index.size:
            return
        again = self._refused[index]
        self._refused[index] = True
        for i, status in zip(index.tolist(), statuses, strict=True):
            tag = self._device.tags[i]
            if tag.id not in self._told:
                self._told.add(tag.id)
                name = ua.StatusCode(ua.UInt32(status)).name
                _log.warning("tag refused", device=self._device.id, tag=tag.id, status=name)
        self._readings.refuse(index[~again], now_ns)

    def refuse_unresolved(self, now_ns: int) -> None:
        """Tags whose namespace or node id the server cannot have."""
        index = self.without_node()
        self.refuse(index, [StatusCodes.BadNodeIdUnknown] * index.size, now_ns)
