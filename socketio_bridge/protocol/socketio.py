"""A client's Socket.IO connection, protocols 4 and 5: its namespaces, and which packet may come in which state.

A `SocketIO` does no I/O and reads no clock. `receive` turns a packet into one of the events below; `accept`, `refuse`,
`acknowledge` and `disconnect` put packets into the Engine.IO session's `outgoing`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal, TypeAlias, cast
from urllib.parse import parse_qsl

import msgspec

from socketio_bridge.protocol import ProtocolError, engineio, msgpack, packet
from socketio_bridge.protocol.attachments import reconstruct
from socketio_bridge.protocol.engineio import EngineIO
from socketio_bridge.protocol.packet import Packet, PacketType

Revision: TypeAlias = Literal[4, 5]


class ConnectRequested(msgspec.Struct, gc=False):
    """The client asks for a namespace: answer with `SocketIO.accept` or `SocketIO.refuse`.

    A client that leaves a namespace before it is answered does not say so, and may ask again. Then one answer is due,
    to the latest request.

    Attributes:
        namespace: The namespace's path.
        query: The query behind the path, which clients of protocol 4 send (`40/ns?token=…`).
        auth: The payload of the CONNECT packet of protocol 5. In protocol 4 it is the query, as in the reference
            server.
    """

    namespace: str
    query: dict[str, str]
    auth: dict[str, Any]


class EventReceived(msgspec.Struct, gc=False):
    """The client emitted an event.

    Attributes:
        namespace: The namespace's path.
        event: The event's name.
        arguments: Raw JSON (`msgspec.Raw`), one each; of an event with attachments Python values, with `bytes`.
        ack_id: The id to hand to `SocketIO.acknowledge`; None: the client wants no acknowledgement.
        size: How many bytes the event takes in memory, about.
        received_at: When it came, by the clock of whoever takes it.
    """

    namespace: str
    event: str
    arguments: list[Any]
    ack_id: int | None
    size: int
    received_at: float = 0.0


class AckReceived(msgspec.Struct, gc=False):
    """The client acknowledged the event that was sent with `ack_id`; `arguments` are as in `EventReceived`."""

    namespace: str
    ack_id: int
    arguments: list[Any]


class Disconnected(msgspec.Struct, gc=False):
    """The client left a namespace."""

    namespace: str


class ParserRefused(msgspec.Struct, gc=False):
    """The client's first packet is of a parser that it may not use.

    `namespace` is the one that it asks for: `SocketIO.refuse` answers in the client's own encoding, upon which it does
    not try again. None: its encoding is unknown, so that no answer would be read. `message` says what is wrong.
    """

    namespace: str | None
    message: str


Event: TypeAlias = ConnectRequested | EventReceived | AckReceived | Disconnected | ParserRefused


_auth_decoder = msgspec.json.Decoder(dict[str, Any] | None)
LARGEST_PACKET = 11
"""How many times `max_payload` a packet with its attachments may take.

A packet and each attachment may be as large as a message, and the newest JavaScript parsers take ten attachments. A
client may send here what it may send to the reference server.
"""

# Bytes that an event takes in memory beside its text, about.
_EVENT_OVERHEAD = 400
# How many namespaces that a client has left are remembered. Packets for them break no rule: the client may have sent
# them before it learnt that it was disconnected. For other namespaces it must CONNECT first.
_LEFT_LIMIT = 100


class _Incomplete:
    """A binary packet whose attachments are still coming; `size` is that of what has come."""

    __slots__ = ("_attachments", "packet", "size")

    def __init__(self, packet: Packet, size: int) -> None:
        self.packet = packet
        self.size = size
        self._attachments: list[bytes] = []

    def add(self, attachment: bytes, limit: int) -> bool:
        """Take the next attachment; return whether the packet is complete."""
        self._attachments.append(attachment)
        self.size += len(attachment)
        if self.size > limit:
            raise ProtocolError(f"a packet and its attachments may be {limit} bytes; this one is {self.size} so far")
        if len(self._attachments) < self.packet.attachments:
            return False
        self.packet.arguments = reconstruct(self.packet.arguments, self._attachments)
        self.packet.attachments = 0
        return True


class SocketIO:
    """The server's side of one client's connection.

    Args:
        engine: The Engine.IO session. Its protocol decides Socket.IO's: clients of `EIO=3` speak protocol 4, those of
            `EIO=4` protocol 5.
        parsers: The parsers that clients may use, "json" and "msgpack". The first packet of a client of protocol 5 says
            which is its own. A client of protocol 4 is greeted before it says anything, and in JSON.

    Attributes:
        packed: Whether the client's packets are MessagePack: then `pack` encodes what is sent to it.
    """

    __slots__ = (
        "_connected",
        "_incomplete",
        "_left",
        "_parsers",
        "_pending",
        "_recognized",
        "_unknown",
        "engine",
        "packed",
        "revision",
    )

    def __init__(self, engine: EngineIO, parsers: Collection[str] = ("json",)) -> None:
        self.engine = engine
        self.revision: Revision = 4 if engine.revision == 3 else 5
        self.packed = False
        self._parsers = parsers
        self._recognized = self.revision == 4
        self._unknown = False  # its parser, so that what it says means nothing
        self._pending: set[str] = set()
        self._connected: set[str] = set()
        self._left: dict[str, None] = {}  # in the order in which they were left
        self._incomplete: _Incomplete | None = None

    def open(self, upgrades: Sequence[str] = ()) -> ConnectRequested | None:
        """Send Engine.IO's handshake.

        Args:
            upgrades: The transports that the client may change over to.

        Returns:
            For a client of protocol 4 its request for `/`, which it makes by connecting (Socket.IO protocol 5,
            "Difference between v5 and v4").
        """
        self.engine.outgoing.append(self.engine.handshake(upgrades))
        if self.revision == 5:
            return None
        self._pending.add("/")
        return ConnectRequested("/", {}, {})

    def receive(self, incoming: engineio.Packet, now: float) -> Event | None:
        """Take one Engine.IO packet from the client.

        Args:
            incoming: The packet.
            now: The time in seconds, on the Engine.IO session's clock.

        Returns:
            What the packet means; None where it means nothing to the application.

        Raises:
            ProtocolError: It is no packet, or the client may not send it in this state. The connection must end.
        """
        message = self.engine.receive(incoming, now)
        if message is None:
            return None
        if not self._recognized:
            refused = self._recognize(message)
            if not self._recognized:
                return refused
        size = len(message)
        if self.packed:
            received = self._unpack(message)
            if received.type is PacketType.CONNECT:
                return self._connect_requested(received)
        elif isinstance(message, bytes):
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
        if received.type is PacketType.CONNECT_ERROR:
            raise ProtocolError("only a server sends CONNECT_ERROR packets")
        namespace = received.namespace
        joined = namespace in self._connected
        # Swift's client disconnects from a namespace that has not answered yet; others say nothing.
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
            return None  # The client sent it before it learnt that it was disconnected.
        if received.type is PacketType.EVENT:
            return EventReceived(namespace, received.event, received.arguments, received.id, size + _EVENT_OVERHEAD)
        # packet.decode lets no acknowledgement pass without an id.
        return AckReceived(namespace, cast(int, received.id), received.arguments)

    def accept(self, namespace: str, sid: str, pid: str | None = None) -> None:
        """Answer a `ConnectRequested`: the client is in.

        Args:
            namespace: The namespace's path.
            sid: The socket's id, which protocol 5 tells the client.
            pid: The private id by which the client can recover its state; None: it cannot.
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
        """Answer an `EventReceived` with its `ack_id`."""
        if namespace in self._connected:
            self._send(*packet.ack(namespace, ack_id, arguments))

    def disconnect(self, namespace: str) -> None:
        """Disconnect the client from a namespace."""
        if namespace in self._connected:
            self._leave(namespace)
            self._send(packet.disconnect(namespace))

    def packets_to_send(self) -> list[engineio.Packet]:
        """Take the packets out that wait to be sent, in order."""
        packets, self.engine.outgoing = self.engine.outgoing, []
        return packets

    def pack(self, message: str, attachments: Sequence[bytes] = ()) -> bytes:
        """Encode a message for a client whose packets are MessagePack.

        Args:
            message: An Engine.IO message with a packet of the default parser.
            attachments: The packet's binary.
        """
        return msgpack.encode(message, tuple(attachments))

    def _recognize(self, message: str | bytes) -> ParserRefused | None:
        """Learn from its first message which parser the client has; what refuses it where it may not use that."""
        if self._unknown:
            return None
        parser = "json" if isinstance(message, str) else "msgpack"
        self.packed = parser == "msgpack"
        try:
            first = self._unpack(message) if self.packed else packet.decode(cast(str, message))
        except ProtocolError:
            if not self.packed:
                raise
            self.packed, self._unknown = False, True
            return ParserRefused(None, "the client's parser is unknown: its first packet is binary")
        if parser in self._parsers:
            self._recognized = True
            return None
        return ParserRefused(
            first.namespace.partition("?")[0],
            f"This server does not take packets of the {parser!r} parser; it takes {', '.join(self._parsers)}",
        )

    def _unpack(self, message: str | bytes) -> Packet:
        if isinstance(message, str):
            raise ProtocolError("a text message from a client whose packets are MessagePack")
        return msgpack.decode(message)

    def _attach(self, attachment: bytes) -> _Incomplete | None:
        """Add an attachment to the incomplete packet; return the packet when it is complete."""
        incomplete = self._incomplete
        if incomplete is None:
            raise ProtocolError("a binary message came without a packet that announces it")
        limit = LARGEST_PACKET * self.engine.max_payload
        if not incomplete.add(attachment, limit):
            return None
        self._incomplete = None
        return incomplete

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

    def _send(self, text: str, attachments: Sequence[bytes] = ()) -> None:
        if self.packed:
            self.engine.outgoing.append(self.pack(engineio.PacketType.MESSAGE + text, attachments))
            return
        self.engine.outgoing.append(engineio.PacketType.MESSAGE + text)
        self.engine.outgoing.extend(attachments)
