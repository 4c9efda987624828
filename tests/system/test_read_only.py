"""Read-only, proved on the wire: everything that `foggara run` sends to the devices is recorded.

Between the house and every simulated device stands a proxy that keeps what passes. At 0 s the house
connects through the proxies; at 4 s one device of each protocol is cut and comes back, for
reconnecting is work too; at 10 s the house ends in order. Then every request is taken apart:
Modbus may only read (function codes 1 to 4, and 43/14, the identity), OPC UA only find, open,
browse, read and subscribe.
"""

import asyncio
import re
import struct
import threading

import pytest
from asyncua import ua

MODBUS_READS = {1, 2, 3, 4}
IDENTITY = bytes((43, 14))
OPCUA_SERVICES = (
    "OpenSecureChannel", "CloseSecureChannel", "GetEndpoints", "FindServers", "CreateSession",
    "ActivateSession", "CloseSession", "Read", "Browse", "BrowseNext",
    "TranslateBrowsePathsToNodeIds", "CreateSubscription", "ModifySubscription",
    "SetPublishingMode", "CreateMonitoredItems", "DeleteMonitoredItems", "DeleteSubscriptions",
    "Publish", "Republish", "TransferSubscriptions",
)  # fmt: skip
ALLOWED = {
    getattr(ua.ObjectIds, f"{name}Request_Encoding_DefaultBinary") for name in OPCUA_SERVICES
}
_PORT = re.compile(r"((?<=    port: )|(?<=opc\.tcp://127\.0\.0\.1:))\d+")


class Proxies:
    """One listening port for each device's port; keeps every connection's bytes towards it."""

    def __init__(self):
        self.sent = []
        """of each connection: the device's port, and all that was sent to it"""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._servers = {}
        self._open = {}

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def of(self, port):
        """The port of the proxy before this one."""
        if port not in self._servers:
            self._servers[port] = self._do(self._serve(port))
        return self._servers[port].sockets[0].getsockname()[1]

    def cut(self, port):
        """Cut all connections to a port now."""
        self._do(self._cut(port))

    def _do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _serve(self, port):
        async def connected(reader, writer):
            try:
                there, onwards = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                writer.close()
                return
            kept = bytearray()
            self.sent.append((port, kept))
            mine = asyncio.current_task()
            self._open.setdefault(port, set()).add(mine)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(_pass_on(reader, onwards, kept))
                    both.create_task(_pass_on(there, writer, bytearray()))
            except* OSError:
                pass
            finally:
                self._open[port].discard(mine)
                onwards.close()
                writer.close()

        return await asyncio.start_server(connected, "127.0.0.1", 0)

    async def _cut(self, port):
        for task in list(self._open.get(port, ())):
            task.cancel()

    async def _end(self):
        for server in self._servers.values():
            server.close()
        for port in self._servers:
            await self._cut(port)
        await asyncio.sleep(0.1)


async def _pass_on(reader, writer, kept):
    while data := await reader.read(65536):
        kept += data
        writer.write(data)
        await writer.drain()
    writer.close()


def modbus_functions(stream):
    """Function codes (with the sub-function of 43) of a stream of Modbus TCP requests."""
    found, at = [], 0
    while at + 8 <= len(stream):
        _, protocol, length = struct.unpack_from(">HHH", stream, at)
        assert protocol == 0, "not Modbus"
        pdu = stream[at + 7 : at + 6 + length]
        found.append(bytes(pdu[:2]) if pdu[0] == 43 else pdu[0])
        at += 6 + length
    return found


def opcua_requests(stream):
    """Type ids of the services in a stream of unencrypted OPC UA binary messages.

    After the header of 8 bytes and the secure channel's id: MSG and CLO carry a token id of 4
    bytes; OPN the security policy and two certificates as strings; then all a sequence header of 8
    bytes, and the numeric node id of the request (OPC 10000-6, 6.7 and 5.2.2.9).
    """
    found, at = [], 0
    while at + 8 <= len(stream):
        kind, chunk = bytes(stream[at : at + 3]), stream[at + 3 : at + 4]
        (size,) = struct.unpack_from("<I", stream, at + 4)
        message = bytes(stream[at : at + size])
        at += size
        if kind == b"HEL":
            continue
        assert kind in (b"OPN", b"MSG", b"CLO"), kind
        assert chunk == b"F", "a request in several chunks"
        body = _after_channel(message, kind)
        assert message[body] in (0, 1), "a type id that is not numeric"
        if message[body] == 1:
            assert message[body + 1] == 0, "a service that is not OPC UA's own"
            found.append(struct.unpack_from("<H", message, body + 2)[0])
        else:
            found.append(message[body + 1])
    return found


def _after_channel(message, kind):
    at = 12
    if kind != b"OPN":
        return at + 4 + 8
    for _ in range(3):
        (length,) = struct.unpack_from("<i", message, at)
        at += 4 + max(length, 0)
    return at + 8


@pytest.mark.slow
def test_nothing_but_reading_passes(described, commands, eventually):
    plant = described("small")
    simulator = commands.simulator(plant)
    text = plant.read_text(encoding="utf-8")
    opcua = {int(port) for port in re.findall(r"opc\.tcp://127\.0\.0\.1:(\d+)", text)}
    with Proxies() as proxies:
        watched = plant.with_name("watched.yaml")
        watched.write_text(
            _PORT.sub(lambda found: str(proxies.of(int(found[0]))), text), encoding="utf-8"
        )
        house = commands.house(watched)
        assert eventually(house.all_good, 15), house.tags()
        eventually(lambda: False, 3)
        cut = (max(opcua), min(opcua), min({p for p, _ in proxies.sent} - opcua))
        for port in cut:
            proxies.cut(port)
        eventually(lambda: not house.all_good(), 5)
        assert eventually(house.all_good, 12), house.tags()
        eventually(lambda: False, 1.5)
        assert house.stop()[0] == 0
        sent = [(port, bytes(kept)) for port, kept in proxies.sent]

    assert len({port for port, _ in sent}) == 6, "a device was not asked at all"
    assert len(sent) >= 6 + len(cut), "nothing was connected anew"
    services, functions = set(), set()
    for port, stream in sent:
        if port in opcua:
            services.update(opcua_requests(stream))
        else:
            functions.update(modbus_functions(stream))
    print(f"functions {functions}, services {services}")  # noqa: T201 - what was sent, for -s
    assert functions <= MODBUS_READS | {IDENTITY}
    assert functions & MODBUS_READS
    assert services <= ALLOWED, services - ALLOWED
    assert ua.ObjectIds.ReadRequest_Encoding_DefaultBinary in services
    assert ua.ObjectIds.CreateMonitoredItemsRequest_Encoding_DefaultBinary in services
    assert simulator.running


def test_a_write_would_have_been_seen():
    """The taking apart itself: a write among reads is told from them."""
    read = bytes.fromhex("0001 0000 0006 01 03 0000 000a")
    write = bytes.fromhex("0002 0000 0006 01 06 0000 0001")
    identity = bytes.fromhex("0003 0000 0005 01 2b 0e 01 00")
    assert modbus_functions(read + write + identity) == [3, 6, IDENTITY]
    message = bytes.fromhex("01000000 02000000 03000000 04000000 0100 a102")
    framed = b"MSGF" + struct.pack("<I", 8 + len(message)) + message
    assert opcua_requests(framed) == [ua.ObjectIds.WriteRequest_Encoding_DefaultBinary]
