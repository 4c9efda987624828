"""OPC UA's standard nodes, built once for all simulated servers.

asyncua builds the thousands of standard nodes anew for each server, 1.3 s and 60 MB of them. Here
they are built once; each server takes its own copy of a node when it first touches it.
"""

from __future__ import annotations

import asyncio
import copy
import functools
import threading
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path

from asyncua import ua
from asyncua.server.address_space import AddressSpace, NodeData, NodeManagementService
from asyncua.server.internal_server import InternalServer
from asyncua.server.standard_address_space import standard_address_space


class _Filled(AddressSpace):
    """An address space that can be asked for all its nodes."""

    def all_nodes(self) -> Mapping[ua.NodeId, NodeData]:
        return self._nodes


_one_at_a_time = threading.Lock()


def standard_nodes() -> Mapping[ua.NodeId, NodeData]:
    """The standard nodes, never changed once made. Takes a second the first time."""
    with _one_at_a_time:  # a cache alone lets all who come at once do the work
        return _fill()


@functools.cache
def _fill() -> Mapping[ua.NodeId, NodeData]:
    space = _Filled()
    standard_address_space.fill_address_space(NodeManagementService(space))
    return space.all_nodes()


class OwnNodes(MutableMapping[ua.NodeId, NodeData]):
    """A server's nodes: its own, and copies of the standard ones that it has touched."""

    def __init__(self, standard: Mapping[ua.NodeId, NodeData]) -> None:
        self._standard = standard
        self._own: dict[ua.NodeId, NodeData] = {}

    def __getitem__(self, key: ua.NodeId) -> NodeData:
        own = self._own.get(key)
        if own is None:
            own = self._own[key] = copy.deepcopy(self._standard[key])
        return own

    def __setitem__(self, key: ua.NodeId, value: NodeData) -> None:
        self._own[key] = value

    def __delitem__(self, key: ua.NodeId) -> None:
        del self._own[key]

    def __contains__(self, key: object) -> bool:
        return key in self._own or key in self._standard

    def __iter__(self) -> Iterator[ua.NodeId]:
        yield from self._standard
        yield from (key for key in self._own if key not in self._standard)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class LightInternalServer(InternalServer):
    """asyncua's inner server on shared standard nodes."""

    async def load_standard_address_space(self, shelf_file: Path | None = None) -> None:
        del shelf_file
        standard = await asyncio.to_thread(standard_nodes)
        # asyncua can only fill an address space from its own files; it swaps the mapping itself
        # where it loads one from a shelf, and so do we
        self.aspace._nodes = OwnNodes(standard)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]

    async def stop(self) -> None:
        if self.time_task is not None:  # asyncua would let its last second pass
            self.time_task.cancel()
            await asyncio.gather(self.time_task, return_exceptions=True)
            self.time_task = None
        await super().stop()
