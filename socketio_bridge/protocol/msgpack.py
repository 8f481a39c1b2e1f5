"""Socket.IO packets in MessagePack, as `socket.io-msgpack-parser` 3 and the parsers of other languages write them.

A packet is one binary message: a map of `type` (0 to 4), `nsp`, `data` and `id`. What else a client puts into it, such
as `options`, is left out, as there. Binary stands where it belongs, without attachments.

The bridge has packets in one form, that of `socketio_bridge.protocol.packet`. `decode` makes it of a message and
`encode` a message of it, so that emissions between processes, offsets and handlers' types know nothing of parsers.

JavaScript's notepack.io has signs of its own for values that MessagePack has not. They become what `JSON.stringify`
would make of them: an `undefined` null, or no field; a `Date` its ISO 8601 text; NaN and infinite numbers null.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from socketio_bridge.protocol import ProtocolError, packet
from socketio_bridge.protocol.attachments import holds_binary, reconstruct
from socketio_bridge.protocol.packet import Packet, PacketType

_KEPT = 4  # encoded packets: one that goes out to many is encoded once
_LARGEST_ID = 2**53

# The numbers of notepack.io's extension types here: `_with_fixext_numbered` tells apart what it numbers alike.
_ARRAY_BUFFER, _FIXEXT = 0, 1
_FIXEXT_SIGNS = (b"\xd4\x00\x00", b"\xd7\x00")  # of an undefined, and of a Date
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Values of MessagePack that say their length by their first byte, but for those signs: how many bytes follow it.
_SIZES = (
    *(rb"[\x00-\x9f\xc0-\xc3\xe0-\xff]++", rb"[\xcc\xd0].", rb"[\xcd\xd1\xdc\xde].{2}", rb"\xd5.{3}"),
    *(rb"[\xca\xce\xd2\xdd\xdf].{4}", rb"\xd6.{5}", rb"[\xcb\xcf\xd3].{8}", rb"\xd8.{17}"),
    *(rb"\xd4[^\x00].", rb"\xd7[^\x00].{8}"),
    *(b"\\x%x.{%d}" % (0xA0 + length, length) for length in range(32)),  # short texts
)
_SIZED = re.compile(rb"(?:%b)*+" % b"|".join(_SIZES), re.DOTALL)
_UNDEFINED, _DATE = re.compile(rb"(?:\xd4\x00.)++", re.DOTALL), re.compile(rb"(?:\xd7\x00.{8})++", re.DOTALL)
# The others, texts, binary and extensions, by their first byte: how many bytes the length that follows it takes.
_LENGTHS = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xC7: 1, 0xC8: 2, 0xC9: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_EXTENSIONS = range(0xC7, 0xCA)  # whose length does not count the byte of their type

# How a map of more than 255 fields begins; other values may look so. Fewer keys of one hash cost little.
_LARGE_MAP = re.compile(rb"\xde[\x01-\xff]|\xdf")
_ONE_BYTE = re.compile(rb"[\x00-\x80\x90\xa0\xc0-\xc3\xe0-\xff]+")  # values of one byte each
# Bytes of a value by its first byte, where that says it and is no container's.
_BYTES = (
    dict.fromkeys((*range(0x80), *range(0xC0, 0xC4), *range(0xE0, 0x100)), 1)
    | {0xA0 + length: 1 + length for length in range(32)}
    | {0xCC: 2, 0xD0: 2, 0xCD: 3, 0xD1: 3, 0xCA: 5, 0xCE: 5, 0xD2: 5, 0xCB: 9, 0xCF: 9, 0xD3: 9}
    | {0xD4: 3, 0xD5: 4, 0xD6: 6, 0xD7: 10, 0xD8: 18}
)
# Arrays and maps by their first byte: the bytes of the count that follows it.
_COUNTS = dict.fromkeys(range(0x80, 0xA0), 0) | {0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4}
_MAPS = frozenset((*range(0x80, 0x90), 0xDE, 0xDF))
_PLAIN = frozenset({str, int, bool, bytes, type(None)})


class _Map(msgspec.Struct):
    type: int
    nsp: str
    data: Any = msgspec.UNSET
    id: Any = msgspec.UNSET


def _extension(code: int, data: memoryview) -> Any:
    if code == _ARRAY_BUFFER:
        return bytes(data)
    if code == _FIXEXT and len(data) == 1:
        return msgspec.UNSET
    if code == _FIXEXT:
        return _EPOCH + timedelta(milliseconds=int.from_bytes(data, signed=True))
    raise ProtocolError(f"an extension of MessagePack of the type {code}; a packet may hold none but notepack.io's")


_decoder = msgspec.msgpack.Decoder(_Map, ext_hook=_extension)
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError, TypeError, ValueError)


def decode(message: bytes) -> Packet:
    """Decode one packet.

    Args:
        message: A binary message of Engine.IO.

    Returns:
        The packet. The arguments of an event or acknowledgement with binary are Python values, all others raw JSON.

    Raises:
        ProtocolError: It is not MessagePack, or not a packet.
    """
    if _LARGE_MAP.search(message):
        _refuse_containers_as_keys(message)
    try:
        if signs := any(sign in message for sign in _FIXEXT_SIGNS):
            message = _with_fixext_numbered(message)
        read = _decoder.decode(message)
        return _packet(read.type, read.nsp, _plain(read.data) if signs else read.data, read.id)
    except _UNREADABLE as error:
        raise ProtocolError(f"not a packet of socket.io-msgpack-parser: {error}") from error


@lru_cache(_KEPT)
def encode(message: str, attachments: tuple[bytes, ...] = ()) -> bytes:
    """Encode one packet.

    Args:
        message: The packet as `socketio_bridge.protocol.packet` encodes it, in an Engine.IO message: it begins with 4.
        attachments: The packet's binary.
    """
    read = packet.decode(message[1:])
    fields: dict[str, Any] = {"type": read.type.value, "nsp": read.namespace}
    if read.type in (PacketType.EVENT, PacketType.ACK):
        values = reconstruct(read.arguments, attachments)
        fields["data"] = [read.event, *values] if read.type is PacketType.EVENT else values
    elif read.body:
        fields["data"] = msgspec.json.decode(read.body)
    if read.id is not None:
        fields["id"] = read.id
    try:
        return msgspec.msgpack.encode(fields)
    except OverflowError:
        return msgspec.msgpack.encode(_as_numbers(fields))


def _packet(kind: int, namespace: str, data: Any, ack_id: Any) -> Packet:
    if not namespace.startswith("/") or "," in namespace:
        raise ProtocolError(f"{namespace[:80]!r} is no namespace: it must begin with a slash, and hold no comma")
    if not 0 <= kind <= PacketType.CONNECT_ERROR:
        raise ProtocolError(f"the packet's type is {kind}; it must be one from 0 to 4")
    if ack_id is not msgspec.UNSET and (type(ack_id) is not int or not 0 <= ack_id <= _LARGEST_ID):
        raise ProtocolError(f"the packet's id is {ack_id!r:.40}, and no whole number up to 2**53")
    answered = None if ack_id is msgspec.UNSET else ack_id
    packet_type = PacketType(kind)
    if packet_type in (PacketType.EVENT, PacketType.ACK):
        if not isinstance(data, list):
            raise ProtocolError(f"the data of a packet of type {kind} must be an array")
        if packet_type is PacketType.ACK:
            if answered is None:
                raise ProtocolError("an ACK packet needs the id that it answers")
            return Packet(packet_type, namespace, answered, "", _arguments(data))
        if not data or type(data[0]) not in (str, int):
            raise ProtocolError("an event needs a name as its first argument")
        if data[0] in packet.RESERVED_EVENTS:
            raise ProtocolError(f"the event name {data[0]!r} is reserved")
        return Packet(packet_type, namespace, answered, str(data[0]), _arguments(data[1:]))
    if packet_type is PacketType.DISCONNECT and data is not msgspec.UNSET:
        raise ProtocolError("a DISCONNECT packet carries no payload")
    body = "" if data is msgspec.UNSET else msgspec.json.encode(data).decode()
    return Packet(packet_type, namespace, body=body)


def _arguments(values: list[Any]) -> list[Any]:
    if holds_binary(values):
        return [_plain(value) for value in values]
    return [msgspec.Raw(msgspec.json.encode(value)) for value in values]


def _plain(value: Any) -> Any:
    """Replace what JSON has not. What is undefined becomes None in an array, and leaves a map."""
    if isinstance(value, list):
        return [item if type(item) in _PLAIN else None if item is msgspec.UNSET else _plain(item) for item in value]
    if isinstance(value, dict):
        return {
            key: item if type(item) in _PLAIN else _plain(item)
            for key, item in value.items()
            if item is not msgspec.UNSET
        }
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value


def _as_numbers(value: Any) -> Any:
    """Replace integers beyond 64 bits, which MessagePack has not, by the numbers that JavaScript takes them for."""
    if isinstance(value, dict):
        return {key: _as_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_numbers(item) for item in value]
    if type(value) is int and not -(2**63) <= value < 2**64:
        return float(value) if abs(value) < 2**1023 else None
    return value


def _refuse_containers_as_keys(message: bytes) -> None:
    """Refuse a map of which a key is an array or a map.

    An array would become a tuple, and Python's hash of tuples has no secret: a client could give all keys of a map one
    hash, and a map of 1 MB would hold the event loop for more than a minute.
    """
    enclosing: list[tuple[int, bool]] = []
    due, in_map = 1, False  # values that are to come in the innermost container
    position = 0
    while position < len(message):
        while not due:
            if not enclosing:
                return
            due, in_map = enclosing.pop()
        if not in_map and (run := _ONE_BYTE.match(message, position, position + due)):
            due -= run.end() - position
            position = run.end()
            continue
        first = message[position]
        is_key = in_map and due % 2 == 0
        due -= 1
        if (digits := _COUNTS.get(first)) is not None:
            if is_key:
                raise ProtocolError("an array or a map is the key of a map")
            enclosing.append((due, in_map))
            in_map = first in _MAPS
            count = int.from_bytes(message[position + 1 : position + 1 + digits]) if digits else first & 0x0F
            due = 2 * count if in_map else count
            position += 1 + digits
        elif digits := _LENGTHS.get(first):
            length = int.from_bytes(message[position + 1 : position + 1 + digits])
            position += 1 + digits + length + (first in _EXTENSIONS)
        else:
            position += _BYTES[first]


def _with_fixext_numbered(message: bytes) -> bytes:
    """Give the extensions of fixed length a number of their own.

    notepack.io numbers all of its extensions 0, and tells them apart by their first byte: an undefined is a fixext 1, a
    Date a fixext 8, an ArrayBuffer an ext of any length. MessagePack's libraries do not say which it was.
    """
    numbered = bytearray(message)
    position = _end(_SIZED, message, 0)
    while position < len(message):
        first = message[position]
        if digits := _LENGTHS.get(first):
            length = int.from_bytes(message[position + 1 : position + 1 + digits])
            end = position + 1 + digits + length + (first in _EXTENSIONS)
        else:
            run, size = (_UNDEFINED, 3) if first == _FIXEXT_SIGNS[0][0] else (_DATE, 10)
            end = _end(run, message, position)
            numbered[position + 1 : end : size] = bytes([_FIXEXT]) * ((end - position) // size)
            if end == position:
                break  # the message ends within a value
        position = _end(_SIZED, message, end)
    return bytes(numbered)


def _end(run: re.Pattern[bytes], message: bytes, position: int) -> int:
    """Where a run of values ends that begins at a position."""
    found = run.match(message, position)
    return position if found is None else found.end()
