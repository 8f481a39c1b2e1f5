"""Socket.IO packets as text: the grammar that protocols 4 and 5 share (Socket.IO protocol 5, "Packet encoding").

    <type>[<attachments>-][<namespace>,][<ack id>][JSON]

`decode` splits a packet's JSON into the raw texts of its arguments and decodes no further: a handler's own type decodes
its argument once, straight from the wire. Where binary goes, `socketio_bridge.protocol.attachments` says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import msgspec

from socketio_bridge.protocol import ProtocolError
from socketio_bridge.protocol.attachments import deconstruct, holds_binary

RESERVED_EVENTS = frozenset(
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)
"""Names of the libraries' own events; no packet may carry them (the list is socket.io's `RESERVED_EVENTS`)."""

MAX_ATTACHMENTS = 1_000
"""How many attachments a packet from a client may have.

The protocol has no limit. The newest JavaScript parsers take 10 (`maxAttachments` of socket.io-parser 3.3.6 and 4.2.7),
older ones any number: no client sends this many on purpose. `socketio_bridge.protocol.socketio` limits their bytes.
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
    """A decoded packet.

    Attributes:
        type: Its type. A BINARY_EVENT or BINARY_ACK is decoded as an EVENT or ACK with attachments.
        namespace: The namespace's path. In a CONNECT of protocol 4 a query may follow it (`/chat?token=…`).
        id: The acknowledgement's id; None: the packet has none.
        event: An EVENT's name.
        arguments: The raw JSON (`msgspec.Raw`) of each argument of an EVENT or ACK, without the event's name.
        body: The raw JSON of a CONNECT or CONNECT_ERROR.
        attachments: How many binary messages follow, to be put into the arguments.
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
    """Decode one packet.

    Raises:
        ProtocolError: The grammar does not allow it, an event has a reserved name, or there are more than
            `MAX_ATTACHMENTS` attachments.
    """
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
        case PacketType.DISCONNECT:
            if body:
                raise ProtocolError("a DISCONNECT packet carries no payload")
            return Packet(kind, namespace)
        case _:
            return Packet(kind, namespace, body=body)


def connect(namespace: str, body: Any = None) -> str:
    """Encode a CONNECT packet.

    Args:
        namespace: The namespace's path.
        body: From a server of protocol 5 `{"sid": …}`, from a client its `auth`; None: nothing.
    """
    return f"0{_prefix(namespace)}{_dump(body) if body is not None else ''}"


def disconnect(namespace: str) -> str:
    """Encode a DISCONNECT packet."""
    return f"1{_prefix(namespace)}"


def event(namespace: str, name: str, arguments: Sequence[Any], ack_id: int | None = None) -> tuple[str, list[bytes]]:
    """Encode an event.

    Args:
        namespace: The namespace's path.
        name: The event's name.
        arguments: Anything that msgspec encodes to JSON, with binary anywhere in it.
        ack_id: The id that the acknowledgement will carry; None: no acknowledgement is wanted.

    Returns:
        An EVENT packet and no attachments; where an argument holds binary, a BINARY_EVENT packet and its attachments.

    Raises:
        ValueError: The name is reserved.
        TypeError: JSON cannot hold an argument.
    """
    head, body, attachments = event_around_id(namespace, name, arguments)
    return f"{head}{'' if ack_id is None else ack_id}{body}", attachments


def event_around_id(namespace: str, name: str, arguments: Sequence[Any]) -> tuple[str, str, list[bytes]]:
    """Encode an event whose acknowledgement's id differs from client to client: its arguments are encoded once.

    Returns:
        The text before the id, the text behind it, and the attachments.
    """
    if name in RESERVED_EVENTS:
        raise ValueError(
            f"{name!r} is reserved: choose an event name that is none of {', '.join(sorted(RESERVED_EVENTS))}"
        )
    if holds_binary(arguments):
        plain, attachments = deconstruct([name, *arguments])
        return f"5{len(attachments)}-{_prefix(namespace)}", _dump(plain), attachments
    return f"2{_prefix(namespace)}", _dump([name, *arguments]), []


def addressed(text: str, namespace: str) -> str:
    """Address an event to a namespace.

    Args:
        text: What `event` gives for the namespace `/`, with or without Engine.IO's type before it.
        namespace: The namespace's path.
    """
    position = text.index("[")  # before it are digits and a dash: such an event has no ack id
    return f"{text[:position]}{_prefix(namespace)}{text[position:]}"


def ack(namespace: str, ack_id: int, arguments: Sequence[Any]) -> tuple[str, list[bytes]]:
    """Encode the acknowledgement of the event that carried `ack_id`.

    Returns:
        An ACK packet and no attachments; where an argument holds binary, a BINARY_ACK packet and its attachments.
    """
    if holds_binary(arguments):
        plain, attachments = deconstruct(arguments)
        return f"6{len(attachments)}-{_prefix(namespace)}{ack_id}{_dump(plain)}", attachments
    return f"3{_prefix(namespace)}{ack_id}{_dump(arguments)}", []


def connect_error(namespace: str, body: Any) -> str:
    """Encode a CONNECT_ERROR packet (protocol 5: `body` is an object) or an ERROR packet (protocol 4: a string)."""
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
    """Replace every half of a surrogate pair in a JSON text by U+FFFD.

    JavaScript sends such a half, as an escape, when it cuts a string through an emoji. Strict decoders reject it.
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
