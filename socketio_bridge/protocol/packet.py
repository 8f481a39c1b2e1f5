"""Socket.IO packets as text: the grammar that protocols 4 and 5 share (Socket.IO protocol 5, "Packet encoding").

`<type>[<attachments>-][<namespace>,][<ack id>][JSON]`. A packet's JSON is split into the raw texts of its arguments and
decoded no further here: a handler's own payload type decodes its argument once, straight from the wire. Where binary
goes among arguments is `socketio_bridge.protocol.attachments`'s to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import msgspec

from socketio_bridge.protocol import ProtocolError
from socketio_bridge.protocol.attachments import holds_binary, take_out

RESERVED_EVENTS = frozenset(
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)
"""Names that the protocol's own events have on either side; no packet may carry them."""

MAX_ATTACHMENTS = 1_000
"""How many attachments a packet that comes in may have.

The protocol has no limit. The newest JavaScript parsers take 10 (`maxAttachments` of socket.io-parser 3.3.6 and 4.2.7),
older ones any number: this is far from what either sends on purpose, and keeps the count of a packet under way small.
Its bytes have a limit of their own in `socketio_bridge.protocol.socketio`.
"""

_MAX_ACK_ID_DIGITS = 16  # 2**53, the largest integer that every client can hold, has 16.
_HEAD = re.compile(r"([0-6])(?:(\d{1,4})-)?(?:(/[^,]*)(?:,|$))?(\d*)", re.ASCII)
_arguments_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_name_decoder = msgspec.json.Decoder(str | int)


class PacketType(IntEnum):
    """Socket.IO's packet types (Socket.IO protocol 5, "Packet types")."""

    CONNECT = 0
    DISCONNECT = 1
    EVENT = 2
    ACK = 3
    CONNECT_ERROR = 4  # ERROR in protocol 4
    BINARY_EVENT = 5
    BINARY_ACK = 6


class Packet(msgspec.Struct, gc=False):
    """One decoded packet.

    `namespace` keeps a query that protocol 4 puts behind it in CONNECT. `arguments` are the raw JSON texts of an ACK's
    or EVENT's arguments (the event's name apart, in `event`); `body` is the raw JSON of a CONNECT. `attachments` is how
    many binary messages follow, to take the places that the arguments hold for them: a BINARY_EVENT or BINARY_ACK is
    decoded as an EVENT or ACK with attachments.
    """

    type: PacketType
    namespace: str = "/"
    id: int | None = None
    event: str = ""
    arguments: list[Any] = []
    body: str = ""
    attachments: int = 0


_TYPES = {str(kind.value): kind for kind in PacketType} | {"5": PacketType.EVENT, "6": PacketType.ACK}


def decode(text: str) -> Packet:
    """Read one packet. Raises `ProtocolError` for anything that the grammar does not allow."""
    head = _HEAD.match(text)
    if head is None:
        raise ProtocolError(f"{text[:20]!r} is not a Socket.IO packet: it must start with a type from 0 to 6")
    kind = _TYPES[head[1]]
    attachments = 0
    if head[1] >= "5" or head[2] is not None:
        attachments = _attachments(head[1], head[2])
    namespace = head[3] or "/"
    digits = head[4]
    if len(digits) > _MAX_ACK_ID_DIGITS:
        raise ProtocolError(f"the ack id has {len(digits)} digits; it may have {_MAX_ACK_ID_DIGITS}")
    ack_id = int(digits) if digits else None
    body = text[head.end() :]
    match kind:
        case PacketType.EVENT:
            arguments = _arguments(body)
            if not arguments:
                raise ProtocolError("an event needs a name as its first argument")
            return Packet(kind, namespace, ack_id, _event_name(arguments[0]), arguments[1:], "", attachments)
        case PacketType.ACK:
            if ack_id is None:
                raise ProtocolError("an ACK packet needs the id that it answers")
            return Packet(kind, namespace, ack_id, "", _arguments(body), "", attachments)
        case PacketType.CONNECT:
            return Packet(kind, namespace, body=body)
        case PacketType.DISCONNECT:
            if body:
                raise ProtocolError("a DISCONNECT packet carries no payload")
            return Packet(kind, namespace)
        case _:
            raise ProtocolError("only a server sends CONNECT_ERROR packets")


def connect(namespace: str, body: Any = None) -> str:
    """A CONNECT packet; `body` is what protocol 5 answers with: `{"sid": …}`."""
    return f"0{_prefix(namespace)}{_dump(body) if body is not None else ''}"


def disconnect(namespace: str) -> str:
    """A DISCONNECT packet."""
    return f"1{_prefix(namespace)}"


def event(namespace: str, name: str, arguments: Sequence[Any], ack_id: int | None = None) -> tuple[str, list[bytes]]:
    """An EVENT packet and no attachments, or, where an argument holds binary, a BINARY_EVENT and its attachments.

    Raises `ValueError` for a reserved name, `TypeError` for an argument that JSON cannot hold.
    """
    head, body, attachments = event_around_id(namespace, name, arguments)
    return f"{head}{'' if ack_id is None else ack_id}{body}", attachments


def event_around_id(namespace: str, name: str, arguments: Sequence[Any]) -> tuple[str, str, list[bytes]]:
    """An event as in `event`, as what stands before and behind its acknowledgement's id: that may be another for each
    client, while the arguments are encoded once.
    """
    if name in RESERVED_EVENTS:
        raise ValueError(
            f"{name!r} is reserved: choose an event name that is none of {', '.join(sorted(RESERVED_EVENTS))}"
        )
    if holds_binary(arguments):
        plain, attachments = take_out([name, *arguments])
        return f"5{len(attachments)}-{_prefix(namespace)}", _dump(plain), attachments
    return f"2{_prefix(namespace)}", _dump([name, *arguments]), []


def ack(namespace: str, ack_id: int, arguments: Sequence[Any]) -> tuple[str, list[bytes]]:
    """An ACK packet, the answer to the event that carried `ack_id`, and no attachments, or a BINARY_ACK with some."""
    if holds_binary(arguments):
        plain, attachments = take_out(arguments)
        return f"6{len(attachments)}-{_prefix(namespace)}{ack_id}{_dump(plain)}", attachments
    return f"3{_prefix(namespace)}{ack_id}{_dump(arguments)}", []


def connect_error(namespace: str, body: Any) -> str:
    """A CONNECT_ERROR packet (protocol 5; an object) or an ERROR packet (protocol 4; a string)."""
    return f"4{_prefix(namespace)}{_dump(body)}"


def _prefix(namespace: str) -> str:
    return "" if namespace == "/" else f"{namespace},"


def _dump(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _attachments(kind: str, digits: str | None) -> int:
    if kind < "5":
        raise ProtocolError(f"a packet of type {kind} has no attachments, this one announces {digits}")
    if digits is None:
        raise ProtocolError(f"a packet of type {kind} needs the number of its attachments and a dash behind its type")
    number = int(digits)
    if number > MAX_ATTACHMENTS:
        raise ProtocolError(f"a packet with {number} attachments; it may have {MAX_ATTACHMENTS}")
    return number


def _arguments(body: str) -> list[msgspec.Raw]:
    try:
        return _arguments_decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
        try:
            return _arguments_decoder.decode(_without_lone_surrogates(body))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise ProtocolError(f"the packet's payload is not a JSON array: {error}") from error


def _without_lone_surrogates(body: str) -> str:
    """The same JSON with every half of a surrogate pair replaced by U+FFFD.

    JavaScript sends such halves, as escapes, when it cuts a string through an emoji; strict decoders take them for
    broken JSON.
    """
    return (
        json.dumps(json.loads(body), ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )


def _event_name(raw: msgspec.Raw) -> str:
    try:
        name = _name_decoder.decode(raw)
    except msgspec.MsgspecError as error:
        raise ProtocolError(f"an event's name must be a string: {error}") from error
    if name in RESERVED_EVENTS:
        raise ProtocolError(f"the event name {name!r} is reserved")
    return str(name)
