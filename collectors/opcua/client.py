"""One session with an OPC UA server: the only place that knows the library.

The library lends its transport, its secure channel and its session services. Its supervisor, its
publish loop and its subscriptions are left out: they reconnect late, can come back with an empty
subscription, and make a task for each value. Whatever fails here, a session is closed and never used
again. Only browse, read and subscribe services are ever sent.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from asyncua import ua
from asyncua.client.client import Client
from asyncua.common.utils import Buffer
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.ua_binary import struct_from_binary

from collectors.errors import (
    CollectorError,
    ConnectionLost,
    Malformed,
    NoAnswer,
    Refused,
    Unreachable,
)
from collectors.opcua.answers import Publication, ReadAnswer, decode_publication, decode_read
from collectors.opcua.decoding import Undecodable
from config.devices import OpcUaDevice

# A lost device is told once, by its collector; the library would tell each failed attempt.
logging.getLogger("asyncua.client").setLevel(logging.CRITICAL + 1)

SESSION_S = 30.0
CHANNEL_S = 3600.0
KEEP_ALIVE_S = 2.0
CLOSE_S = 1.0
REQUESTS_AHEAD = 3
"""publish requests that wait at the server, so that it can answer before we ask again"""

_SESSION_IS_GONE = frozenset(
    {
        StatusCodes.BadConnectionClosed,
        StatusCodes.BadSecureChannelClosed,
        StatusCodes.BadSecureChannelIdInvalid,
        StatusCodes.BadServerHalted,
        StatusCodes.BadSessionClosed,
        StatusCodes.BadSessionIdInvalid,
        StatusCodes.BadSessionNotActivated,
        StatusCodes.BadShutdown,
        StatusCodes.BadSubscriptionIdInvalid,
        StatusCodes.BadNoSubscription,
        StatusCodes.BadTcpInternalError,
        StatusCodes.BadTcpSecureChannelUnknown,
    }
)
_UNREADABLE = (struct.error, ValueError, KeyError, IndexError, OverflowError, TypeError)
"""what the library's decoder raises over bytes that are not OPC UA"""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription as the server granted it; intervals in s.

    silence_s : without a word for longer, it is dead
    """

    id: int
    publishing_interval_s: float
    silence_s: float


@dataclass(frozen=True, slots=True)
class Item:
    """What to watch: the node, the handle to know its values by, and the deadband in wire units."""

    handle: int
    node: ua.NodeId
    deadband: float | None


class Session:
    """An open session. Every call ends within the device's timeout.

    Raises from every call: ConnectionGone where the session is of no more use, Refused where the
    server answered with a fault.
    """

    def __init__(self, client: Client, device: OpcUaDevice) -> None:
        self._client = client
        self._device = device
        self._acknowledged: list[Any] = []

    async def namespaces(self) -> list[str]:
        """The server's namespace URIs, in the order of their indexes."""
        with _told(self._device, "the namespace array"):
            node = ua.NodeId(ua.Int32(ObjectIds.Server_NamespaceArray))
            found = await self._client.uaclient.read_attributes([node], AttributeIds.Value)
            if not found:
                raise Malformed(self._device.id, "no namespace array in the answer")
            variant = found[0].Value
            return [str(uri) for uri in (variant.Value if variant else None) or []]

    async def read(self, nodes: Sequence[ua.NodeId]) -> ReadAnswer:
        """The present values of nodes, in their order, by one Read request."""
        request = ua.ReadRequest()
        request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        request.Parameters.NodesToRead = [
            ua.ReadValueId(NodeId=node, AttributeId=AttributeIds.Value) for node in nodes
        ]
        data = await self._ask(request, f"a read of {len(nodes)} nodes", self._device.timeout_s)
        with _told(self._device, "a read"):
            answer = decode_read(data)
        if len(answer.values) != len(nodes):
            raise Malformed(
                self._device.id, f"{len(answer.values)} values for {len(nodes)} nodes read"
            )
        return answer

    async def heartbeat(self) -> None:
        """Asks for the server's time: whoever answers is alive."""
        await self.read([ua.NodeId(ua.Int32(ObjectIds.Server_ServerStatus_CurrentTime))])

    async def subscribe(self, publishing_interval_s: float) -> Subscription:
        """A new, empty subscription."""
        keep_alive = max(1, round(KEEP_ALIVE_S / publishing_interval_s))
        request = ua.CreateSubscriptionRequest()
        wanted = request.Parameters
        wanted.RequestedPublishingInterval = publishing_interval_s * 1000
        wanted.RequestedMaxKeepAliveCount = keep_alive
        wanted.RequestedLifetimeCount = max(
            3 * keep_alive, round(SESSION_S / publishing_interval_s)
        )
        wanted.MaxNotificationsPerPublish = 0
        wanted.PublishingEnabled = True
        data = await self._ask(request, "a subscription", self._device.timeout_s)
        with _told(self._device, "a subscription"):
            granted = struct_from_binary(ua.CreateSubscriptionResponse, Buffer(data)).Parameters
        interval_s = float(granted.RevisedPublishingInterval) / 1000
        return Subscription(
            int(granted.SubscriptionId),
            interval_s,
            interval_s * int(granted.RevisedMaxKeepAliveCount) + self._device.timeout_s,
        )

    async def watch(self, subscription: Subscription, items: Sequence[Item]) -> list[int]:
        """Watches nodes; returns the status code of each: 0 where it is live."""
        sampling_ms = (self._device.sampling_interval_s or self._device.scan_interval_s) * 1000
        wanted = ua.CreateMonitoredItemsParameters()
        wanted.SubscriptionId = ua.UInt32(subscription.id)
        wanted.TimestampsToReturn = ua.TimestampsToReturn.Both
        wanted.ItemsToCreate = [self._item(item, sampling_ms) for item in items]
        with _told(self._device, f"monitored items for {len(items)} nodes"):
            results = await self._client.uaclient.create_monitored_items(wanted)
        if len(results) != len(items):
            raise Malformed(self._device.id, f"{len(results)} results for {len(items)} items")
        return [int(result.StatusCode.value) for result in results]

    async def publication(self, subscription: Subscription) -> Publication:
        """The next answer of the subscription: values, or only a sign of life.

        Several calls may wait at once; their answers come in the order asked.
        """
        request = ua.PublishRequest()
        request.Parameters.SubscriptionAcknowledgements = self._acknowledged
        self._acknowledged = []
        within_s = REQUESTS_AHEAD * subscription.silence_s
        data = await self._ask(request, "publish", within_s)
        with _told(self._device, "publish"):
            publication = decode_publication(data)
        if publication.counts:
            self._acknowledged.append(
                ua.SubscriptionAcknowledgement(
                    SubscriptionId=ua.UInt32(publication.subscription),
                    SequenceNumber=ua.UInt32(publication.sequence),
                )
            )
        return publication

    async def keep_channel(self) -> None:
        """Renews the secure channel for as long as the session is in use."""
        while True:
            # Part 4, 5.5.2.1: renewed after 75 % of its lifetime
            await asyncio.sleep(self._client.secure_channel_timeout / 1000 * 0.75)
            with _told(self._device, "renewing the channel"):
                await self._client.open_secure_channel(renew=True)
                self._client.uaclient.revolve_security_token()

    def _item(self, item: Item, sampling_ms: float) -> ua.MonitoredItemCreateRequest:
        wanted = ua.MonitoredItemCreateRequest()
        wanted.ItemToMonitor = ua.ReadValueId(NodeId=item.node, AttributeId=AttributeIds.Value)
        wanted.MonitoringMode = ua.MonitoringMode.Reporting
        parameters = wanted.RequestedParameters
        parameters.ClientHandle = ua.UInt32(item.handle)
        parameters.SamplingInterval = sampling_ms
        parameters.QueueSize = ua.UInt32(self._device.queue_size)
        parameters.DiscardOldest = True
        if item.deadband:
            parameters.Filter = ua.DataChangeFilter(
                Trigger=ua.DataChangeTrigger.StatusValue,
                DeadbandType=ua.UInt32(ua.DeadbandType.Absolute),
                DeadbandValue=item.deadband,
            )
        return wanted

    async def _ask(self, request: Any, what: str, timeout_s: float) -> bytes:
        protocol = self._client.uaclient.protocol
        if protocol is None:
            raise ConnectionLost(self._device.id, "the connection is closed")
        with _told(self._device, what, timeout_s):
            return bytes(await protocol.send_request(request, timeout_s))


@asynccontextmanager
async def connected(device: OpcUaDevice, password: str | None) -> AsyncGenerator[Session]:
    """A session that is closed at the end, whatever the end is.

    Raises: Unreachable, NoAnswer, ConnectionLost, Malformed, Refused
    """
    client = Client(device.endpoint, timeout=device.timeout_s)
    client.name = client.description = "Foggara"
    client.application_uri = client.product_uri = "urn:foggara:collector"
    client.session_timeout = round(SESSION_S * 1000)
    client.secure_channel_timeout = round(CHANNEL_S * 1000)
    try:
        await _open(client, device, password)
        yield Session(client, device)
    finally:
        await _close(client)


async def _open(client: Client, device: OpcUaDevice, password: str | None) -> None:
    try:
        await client.connect_socket()
    except TimeoutError as err:
        raise Unreachable(device.id, f"no connection within {device.timeout_s:g} s") from err
    except OSError as err:
        raise Unreachable(device.id, str(err)) from err
    with _told(device, "the opening of a session", device.timeout_s):
        await client.send_hello()
        await client.open_secure_channel()
        await client.create_session()
        await client.activate_session(device.username, password)


async def _close(client: Client) -> None:
    """Ends session, channel and socket as far as the other side still lets us."""
    transport = client.uaclient.protocol.transport if client.uaclient.protocol else None
    client.uaclient.pre_request_hook = None
    try:
        if transport is not None and not transport.is_closing():
            # politely, so that the server keeps no dead session; it may be past listening
            with suppress(TimeoutError, OSError, ua.UaError, *_UNREADABLE):
                async with asyncio.timeout(CLOSE_S):
                    await client.uaclient.close_session(True)
                    await client.close_secure_channel()
    finally:
        client.disconnect_socket()
        if transport is not None:
            transport.abort()
            await asyncio.sleep(0)  # lets the transport close its socket


@contextmanager
def _told(device: OpcUaDevice, what: str, timeout_s: float | None = None) -> Generator[None]:
    """Turns what the library raises into this room's errors."""
    try:
        yield
    except CollectorError:
        raise
    except TimeoutError as err:
        raise NoAnswer(device.id, what, timeout_s or device.timeout_s) from err
    except ua.UaStatusCodeError as err:
        code = int(err.code)
        name = ua.StatusCode(ua.UInt32(code)).name
        if code in _SESSION_IS_GONE:
            raise ConnectionLost(device.id, f"{what}: {name}") from err
        raise Refused(device.id, what, code, name) from err
    except (Undecodable, ua.UaError, *_UNREADABLE) as err:
        raise Malformed(device.id, f"{what}: {err}") from err
    except OSError as err:
        raise ConnectionLost(device.id, f"{what}: {err}") from err
