"""An OPC UA server for a described device, its nodes written at every tick."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import cast
from urllib.parse import urlparse

import numpy as np
from asyncua import ua
from asyncua.server.server import Server
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes
from numpy.typing import NDArray

from config.devices import OpcUaDevice, OpcUaTag
from simulator.address_space import LightInternalServer
from simulator.wiring import Wiring
from water.units import Kind

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_GOOD = ua.StatusCode(ua.UInt32(StatusCodes.Good))
_SHOWS_NOTHING = ua.StatusCode(ua.UInt32(StatusCodes.BadSensorFailure))
_NO_VALUE = ua.Variant(None, ua.VariantType.Null)


def _time(time_ns: int) -> ua.DateTime:
    time = _EPOCH + dt.timedelta(microseconds=time_ns // 1000)
    return cast("ua.DateTime", time)  # asyncua's name for a datetime


def _namespace(node: str) -> tuple[str | None, str]:
    """(URI or None, the rest) of a described node id."""
    if not node.startswith("nsu="):
        return None, node
    uri, _, rest = node.removeprefix("nsu=").partition(";")
    return uri, rest


class OpcUaEndpoint:
    """An asyncua server on a private port for one device.

    States are Int32, all other tags Double. A tag whose instrument shows nothing has the status
    BadSensorFailure and no value. Clients may browse, read and subscribe; nobody writes.
    """

    def __init__(self, device: OpcUaDevice, wiring: Wiring) -> None:
        self.device = device
        self.wiring = wiring
        self.clock_offset_ns = 0
        self.bad: Mapping[str, int] = {}
        """status code by tag, for tags that are ordered to be bad"""
        self._server: Server | None = None
        self._nodes: list[ua.NodeId] = []
        self._types = [_type(tag) for tag in device.tags]

    async def start(self) -> int:
        """Serve on loopback; the port."""
        server = Server(iserver=LightInternalServer())
        await server.init()
        described = urlparse(self.device.endpoint)
        server.set_endpoint(described.geturl())
        server.socket_address = ("127.0.0.1", 0)
        server.set_server_name(f"Simulated {self.device.id}")
        server.allow_remote_admin(False)
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        tokens: list[type] = [ua.AnonymousIdentityToken]
        if self.device.username is not None:
            tokens.append(ua.UserNameIdentityToken)
        server.set_identity_tokens(tokens)
        await self._add_nodes(server)
        await server.start()
        self._server = server
        if server.bserver is None:
            raise AssertionError("asyncua has started without a listener")
        return server.bserver.port

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop()
            self._server = None

    async def _add_nodes(self, server: Server) -> None:
        indexes = await self._register_namespaces(server)
        parent = await server.nodes.objects.add_object(
            ua.NodeId(ua.String(self.device.id), ua.Int16(1)), ua.QualifiedName(self.device.id, 1)
        )
        for tag, type_ in zip(self.device.tags, self._types, strict=True):
            uri, rest = _namespace(tag.node)
            node_id = ua.NodeId.from_string(rest if uri is None else f"ns={indexes[uri]};{rest}")
            name = ua.QualifiedName(str(node_id.Identifier), node_id.NamespaceIndex)
            zero = 0 if type_ is ua.VariantType.Int32 else 0.0
            await parent.add_variable(node_id, name, ua.Variant(zero, type_))
            self._nodes.append(node_id)

    async def _register_namespaces(self, server: Server) -> dict[str, int]:
        """The URIs in the order described, then fillers up to the highest index that is used."""
        indexes: dict[str, int] = {}
        highest = 1
        for tag in self.device.tags:
            uri, rest = _namespace(tag.node)
            if uri is None:
                highest = max(highest, ua.NodeId.from_string(rest).NamespaceIndex)
            elif uri not in indexes:
                indexes[uri] = await server.register_namespace(uri)
        while len(await server.get_namespace_array()) <= highest:
            number = len(await server.get_namespace_array())
            await server.register_namespace(f"urn:foggara:simulator:{self.device.id}:{number}")
        return indexes

    async def publish(self, device: str, values: NDArray[np.float64], time_ns: int) -> None:
        """Every node has its value of this instant, in base units, with it as source time."""
        del device  # a server of its own for each
        if self._server is None:
            return
        space = self._server.iserver.aspace
        source_time = _time(time_ns + self.clock_offset_ns)
        server_time = cast("ua.DateTime", dt.datetime.now(dt.UTC))
        raw = self.wiring.raw(values)
        for node, type_, tag, number in zip(
            self._nodes, self._types, self.device.tags, raw.tolist(), strict=True
        ):
            await space.write_attribute_value(
                node,
                AttributeIds.Value,
                self._data_value(type_, number, self.bad.get(tag.id), source_time, server_time),
            )

    def _data_value(
        self,
        type_: ua.VariantType,
        number: float,
        bad: int | None,
        source_time: ua.DateTime,
        server_time: ua.DateTime,
    ) -> ua.DataValue:
        if bad is not None or math.isnan(number):
            status = _SHOWS_NOTHING if bad is None else ua.StatusCode(ua.UInt32(bad))
            return ua.DataValue(
                _NO_VALUE, status, SourceTimestamp=source_time, ServerTimestamp=server_time
            )
        value = int(number) if type_ is ua.VariantType.Int32 else number
        return ua.DataValue(
            ua.Variant(value, type_),
            _GOOD,
            SourceTimestamp=source_time,
            ServerTimestamp=server_time,
        )


def _type(tag: OpcUaTag) -> ua.VariantType:
    return ua.VariantType.Int32 if tag.kind is Kind.STATE else ua.VariantType.Double
