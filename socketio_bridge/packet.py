"""Socket.IO packets as text: the grammar that protocols 4 and 5 share (Socket.IO protocol 5, "Packet encoding").

`<type>[<attachments>-][<namespace>,][<ack id>][JSON]`. A packet's JSON is split into the raw texts of its arguments and
decoded no further here: a handler's own payload type decodes its argument once, straight from the wire.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import msgspec

from socketio_bridge.exceptions import ProtocolError

RESERVED_EVENTS = frozenset(
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)
"""Names that the protocol's own events have on either side; no packet may carry them."""

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
    or EVENT's arguments (the event's name apart, in `event`); `body` is the raw JSON of a CONNECT.
    """

    type: PacketType
    namespace: str = "/"
    id: int | None = None
    event: str = ""
    arguments: list[msgspec.Raw] = []
    body: str = ""


_TYPES = {str(kind.value): kind for kind in PacketType}


def decode(text: str) -> Packet:
    """Read one packet. Raises `ProtocolError` for anything that the grammar does not allow."""
    head = _HEAD.match(text)
    if head is None:
        raise ProtocolError(f"{text[:20]!r} is not a Socket.IO packet: it must start with a type from 0 to 6")
    kind = _TYPES[head[1]]
    if head[2] is not None and kind not in (PacketType.BINARY_EVENT, PacketType.BINARY_ACK):
        raise ProtocolError(f"a packet of type {kind.name} has no attachments, this one announces {head[2]}")
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
            return Packet(kind, namespace, ack_id, _event_name(arguments[0]), arguments[1:])
        case PacketType.ACK:
            if ack_id is None:
                raise ProtocolError("an ACK packet needs the id that it answers")
            return Packet(kind, namespace, ack_id, "", _arguments(body))
        case PacketType.CONNECT:
            return Packet(kind, namespace, body=body)
        case PacketType.DISCONNECT:
            if body:
                raise ProtocolError("a DISCONNECT packet carries no payload")
            return Packet(kind, namespace)
        case PacketType.CONNECT_ERROR:
            raise ProtocolError("only a server sends CONNECT_ERROR packets")
        case _:
            raise ProtocolError("binary packets are not supported yet")


def connect(namespace: str, body: Any = None) -> str:
    """A CONNECT packet; `body` is what protocol 5 answers with: `{"sid": …}`."""
    return f"0{_prefix(namespace)}{_dump(body) if body is not None else ''}"


def disconnect(namespace: str) -> str:
    """A DISCONNECT packet."""
    return f"1{_prefix(namespace)}"


def event(namespace: str, name: str, arguments: Sequence[Any], ack_id: int | None = None) -> str:
    """An EVENT packet. Raises `ValueError` for a reserved name, `TypeError` for an argument that JSON cannot hold."""
    if name in RESERVED_EVENTS:
        raise ValueError(
            f"{name!r} is reserved: choose an event name that is none of {', '.join(sorted(RESERVED_EVENTS))}"
        )
    return f"2{_prefix(namespace)}{'' if ack_id is None else ack_id}{_dump([name, *arguments])}"


def ack(namespace: str, ack_id: int, arguments: Sequence[Any]) -> str:
    """An ACK packet: the answer to the event that carried `ack_id`."""
    return f"3{_prefix(namespace)}{ack_id}{_dump(arguments)}"


def connect_error(namespace: str, body: Any) -> str:
    """A CONNECT_ERROR packet (protocol 5; an object) or an ERROR packet (protocol 4; a string)."""
    return f"4{_prefix(namespace)}{_dump(body)}"


def _prefix(namespace: str) -> str:
    return "" if namespace == "/" else f"{namespace},"


def _dump(value: Any) -> str:
    return msgspec.json.encode(value).decode()


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
