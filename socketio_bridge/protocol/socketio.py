"""Socket.IO, protocols 4 and 5, without I/O: packets in, events out; calls in, packets out; time passed in.

One `SocketIO` is the server's side of one client connection: the namespaces it has joined and the packets that may come
in which state. It stands on `socketio_bridge.protocol.engineio` and `socketio_bridge.protocol.packet`;
`socketio_bridge.transports.session` gives it sockets and timers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias, cast
from urllib.parse import parse_qsl

import msgspec

from socketio_bridge.protocol import ProtocolError, engineio, packet
from socketio_bridge.protocol.attachments import put_back
from socketio_bridge.protocol.engineio import EngineIO
from socketio_bridge.protocol.packet import Packet, PacketType

Revision: TypeAlias = Literal[4, 5]


class ConnectRequested(msgspec.Struct, gc=False):
    """The client asks for a namespace: answer with `accept` or `refuse`.

    It may ask again, also before it is answered: a client that leaves a namespace before the answer came says nothing
    of it. Then one answer, to the latest request, is due.

    `query` comes from protocol 4 clients, which repeat their query in the packet (`40/ns?token=…`); `auth` from those
    of protocol 5. Of protocol 4 clients the query is their `auth` too, as for the reference server.
    """

    namespace: str
    query: dict[str, str]
    auth: dict[str, Any]


class EventReceived(msgspec.Struct, gc=False):
    """The client emitted an event that takes `size` bytes; with an `ack_id` it waits for `acknowledge`.

    `arguments` are raw JSON texts, `msgspec.Raw`; those of an event that came with binary are Python values, with
    `bytes` where the binary belongs.
    """

    namespace: str
    event: str
    arguments: list[Any]
    ack_id: int | None
    size: int


class AckReceived(msgspec.Struct, gc=False):
    """The client answered the event that was sent with `ack_id`; `arguments` are as in `EventReceived`."""

    namespace: str
    ack_id: int
    arguments: list[Any]


class Disconnected(msgspec.Struct, gc=False):
    """The client left a namespace."""

    namespace: str


Event: TypeAlias = ConnectRequested | EventReceived | AckReceived | Disconnected


_auth_decoder = msgspec.json.Decoder(dict[str, Any] | None)
LARGEST_PACKET = 11
"""How many times `max_payload` a packet with its attachments may come to.

Each of them may be as large as a message, and the newest JavaScript parsers take ten attachments: what a stock client
may send a stock server, it may send here.
"""

_EVENT_OVERHEAD = 400  # bytes that an event takes in memory beside its text, about
# How many namespaces that a client has left are remembered: what it sent to one before it learnt that it was put out
# breaks no rule.
_LEFT_LIMIT = 100


class _Incomplete:
    """A binary packet of `size` characters and bytes so far, whose attachments are coming."""

    __slots__ = ("_attachments", "packet", "size")

    def __init__(self, packet: Packet, size: int) -> None:
        self.packet = packet
        self.size = size
        self._attachments: list[bytes] = []

    def add(self, attachment: bytes, limit: int) -> bool:
        """Take the next attachment; whether it was the last, and the packet is complete."""
        self._attachments.append(attachment)
        self.size += len(attachment)
        if self.size > limit:
            raise ProtocolError(f"a packet and its attachments may be {limit} bytes; this one is {self.size} so far")
        if len(self._attachments) < self.packet.attachments:
            return False
        self.packet.arguments = put_back(self.packet.arguments, self._attachments)
        self.packet.attachments = 0
        return True


class SocketIO:
    """The server's side of one connection.

    `receive` takes a packet and gives back what it meant, if that concerns the application. Packets to send gather in
    the Engine.IO session's `outgoing`. The protocol follows from Engine.IO's: clients of `EIO=3` speak 4, those of
    `EIO=4` speak 5.
    """

    __slots__ = ("_connected", "_incomplete", "_left", "_pending", "engine", "revision")

    def __init__(self, engine: EngineIO) -> None:
        self.engine = engine
        self.revision: Revision = 4 if engine.revision == 3 else 5
        self._pending: set[str] = set()
        self._connected: set[str] = set()
        self._left: dict[str, None] = {}  # in the order in which they were left
        self._incomplete: _Incomplete | None = None

    def open(self, upgrades: Sequence[str] = ()) -> ConnectRequested | None:
        """Send Engine.IO's handshake. A protocol 4 client thereby asks for `/` (Socket.IO protocol 5, "Difference
        between v5 and v4").
        """
        self.engine.outgoing.append(self.engine.handshake(upgrades))
        if self.revision == 5:
            return None
        self._pending.add("/")
        return ConnectRequested("/", {}, {})

    def receive(self, incoming: engineio.Packet, now: float) -> Event | None:
        """Take a packet of Engine.IO's that came in at `now`; give back what the application must know of it.

        Raises `ProtocolError` when the connection must end: it is no packet, or the client may not send it now.
        """
        message = self.engine.receive(incoming, now)
        if message is None:
            return None
        size = len(message)
        if isinstance(message, bytes):
            complete = self._attach(message)
            if complete is None:
                return None
            received, size = complete.packet, complete.size
        elif self._incomplete is not None:
            raise ProtocolError("a text message came where an attachment of the packet before was due")
        else:
            received = packet.decode(message)
            if received.type is PacketType.CONNECT:
                return self._connect_requested(received)
        namespace = received.namespace
        joined = namespace in self._connected
        # Swift's client says that it leaves a namespace before it is in, too.
        gives_up = received.type is PacketType.DISCONNECT and namespace in self._pending
        if not (joined or gives_up or namespace in self._left):
            raise ProtocolError(
                f"a packet for namespace {namespace[:80]!r}, which this client has not joined: it must CONNECT first"
            )
        if received.attachments:
            self._incomplete = _Incomplete(received, size)
            return None
        if received.type is PacketType.DISCONNECT and (joined or gives_up):
            self._leave(namespace)
            return Disconnected(namespace)
        if not joined:
            return None  # Sent before the client learnt that it was disconnected.
        if received.type is PacketType.EVENT:
            return EventReceived(namespace, received.event, received.arguments, received.id, size + _EVENT_OVERHEAD)
        # packet.decode lets no acknowledgement pass without an id.
        return AckReceived(namespace, cast(int, received.id), received.arguments)

    def accept(self, namespace: str, sid: str, pid: str | None = None) -> None:
        """Answer a `ConnectRequested`: the client is in; `sid` is its socket's id, which protocol 5 tells it, and `pid`
        what it can come back with.
        """
        self._pending.discard(namespace)
        self._connected.add(namespace)
        body = {"sid": sid} if pid is None else {"sid": sid, "pid": pid}
        self._send(packet.connect(namespace, body if self.revision == 5 else None))

    def refuse(self, namespace: str, message: str, data: Any = None) -> None:
        """Answer a `ConnectRequested`: the client stays out.

        Clients of protocol 5 get `message` and `data`; those of protocol 4 get `message` alone, as their ERROR packet
        carries one string (Socket.IO protocol 5, "Difference between v5 and v4").
        """
        if namespace in self._connected:
            self._leave(namespace)
        self._pending.discard(namespace)
        body: Any = message
        if self.revision == 5:
            body = {"message": message} | ({} if data is None else {"data": data})
        self._send(packet.connect_error(namespace, body))

    def acknowledge(self, namespace: str, ack_id: int, arguments: Sequence[Any]) -> None:
        """Answer an `EventReceived` that asked for it."""
        if namespace in self._connected:
            self._send(*packet.ack(namespace, ack_id, arguments))

    def disconnect(self, namespace: str) -> None:
        """Put the client out of a namespace."""
        if namespace in self._connected:
            self._leave(namespace)
            self._send(packet.disconnect(namespace))

    def packets_to_send(self) -> list[engineio.Packet]:
        """Take the packets that wait to be sent, in order."""
        packets, self.engine.outgoing = self.engine.outgoing, []
        return packets

    def _attach(self, attachment: bytes) -> _Incomplete | None:
        """Add an attachment to the packet under way; give the packet back if that made it complete."""
        under_way = self._incomplete
        if under_way is None:
            raise ProtocolError("a binary message came without a packet that announces it")
        limit = LARGEST_PACKET * self.engine.max_payload
        if not under_way.add(attachment, limit):
            return None
        self._incomplete = None
        return under_way

    def _connect_requested(self, received: Packet) -> ConnectRequested:
        namespace, _, query_string = received.namespace.partition("?")
        try:
            auth = _auth_decoder.decode(received.body) if received.body else None
        except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
            raise ProtocolError(f"the payload of a CONNECT packet must be a JSON object: {error}") from error
        self._pending.add(namespace)
        self._left.pop(namespace, None)
        query = dict(parse_qsl(query_string, keep_blank_values=True))
        return ConnectRequested(namespace, query, auth or (dict(query) if self.revision == 4 else {}))

    def _leave(self, namespace: str) -> None:
        self._connected.discard(namespace)
        self._pending.discard(namespace)
        self._left[namespace] = None
        if len(self._left) > _LEFT_LIMIT:
            del self._left[next(iter(self._left))]

    def _send(self, text: str, attachments: Iterable[bytes] = ()) -> None:
        self.engine.outgoing.append(engineio.PacketType.MESSAGE + text)
        self.engine.outgoing.extend(attachments)
