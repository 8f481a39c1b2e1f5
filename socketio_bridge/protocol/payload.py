"""Engine.IO packets as HTTP and WebSockets carry them, protocols 3 and 4, without I/O.

A packet is here a `str`, a text packet with its type digit (`"4hello"`), or `bytes`, a binary message without any type.
`encode_packet` and `decode_packet` turn one into a WebSocket frame and back; `encode` and `decode` turn many into the
body of a long-polling request or response, a payload; `to_script` and `from_form` wrap a payload for JSONP. What a text
packet's type means, and whether it has one, is `socketio_bridge.protocol.engineio`'s to say.

python-engineio's own codec is not used: it knows no protocol 3, reads the messages of protocol 4 as JSON and does not
give their text back, and takes at most 16 packets a payload, which clients that emit in bursts exceed. Here a payload
has at most `MAX_PACKETS`; the reference server has no limit, and can be kept busy for seconds by packets of one byte.
"""

from __future__ import annotations

import base64 as base64_codec
import json
import re
from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias, overload
from urllib.parse import parse_qs

from socketio_bridge.protocol import ProtocolError
from socketio_bridge.protocol.engineio import Packet, Revision

Frame: TypeAlias = str | bytes

MAX_PACKETS = 2_000
"""How many packets a payload that comes in may have: an event with all the attachments that it may have
(`socketio_bridge.protocol.packet.MAX_ATTACHMENTS`), and as many events again.
"""

_SEPARATOR = "\x1e"
_BINARY_MESSAGE = b"\x04"
# A length that has more digits than these is longer than any payload.
_TEXT_LENGTH = re.compile(rb"((?:[0-9]\x00){1,10}):\x00")  # in UTF-16: each character two bytes
_BINARY_LENGTH = re.compile(rb"([\x00\x01])([\x00-\x09]{1,10})\xff")
_TO_DIGITS = bytes(range(0x30, 0x3A)) + bytes(246)  # the bytes 0 to 9 as ASCII digits
_FROM_DIGITS = bytes.maketrans(b"0123456789", bytes(range(10)))
_FORM_FIELDS = 100  # that a form may have, of which one is read
_JSONP_INDEX = re.compile(r"[0-9]{1,16}")
_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/_-]+")
_ESCAPED_NEWLINE = re.compile(r"(\\)?\\n")


def encode_packet(packet: Packet, revision: Revision, *, base64: bool = False) -> Frame:
    """One packet as a WebSocket frame; with `base64`, for clients that asked for it (`b64=1`), always as text.

    Binary goes out bare in protocol 4, behind the type's byte in protocol 3 (Engine.IO protocol 4, "Difference between
    v3 and v4").
    """
    if isinstance(packet, str) or base64:
        return _as_text(packet, revision)
    return _BINARY_MESSAGE + packet if revision == 3 else packet


def decode_packet(frame: Frame, revision: Revision) -> Packet:
    """The packet in a WebSocket frame. Raises `ProtocolError` for binary without its type."""
    if isinstance(frame, bytes):
        if revision == 4:
            return frame
        if frame[:1] != _BINARY_MESSAGE:
            raise ProtocolError(f"binary of protocol 3 must start with the byte 4 (message), not with {frame[:1]!r}")
        return frame[1:]
    if frame[:1] != "b":
        return frame
    if revision == 3 and frame[1:2] != "4":
        raise ProtocolError(f"base64 of protocol 3 must start with 'b4' (message), not with {frame[:2]!r}")
    return _from_base64(frame[2 if revision == 3 else 1 :])


@overload
def encode(packets: Iterable[Packet], revision: Revision, *, base64: Literal[True]) -> str: ...
@overload
def encode(packets: Iterable[Packet], revision: Literal[4], *, base64: bool) -> str: ...
@overload
def encode(packets: Iterable[Packet], revision: Revision, *, base64: bool) -> str | bytes: ...
def encode(packets: Iterable[Packet], revision: Revision, *, base64: bool) -> str | bytes:
    """Packets as one payload (Engine.IO protocol 4, "HTTP long-polling / Packet encoding"; 3, "Payload").

    A `str` is text, to be sent as UTF-8 (`text/plain`); `bytes` are protocol 3's binary payload
    (`application/octet-stream`), made only where a packet is binary and the client did not ask for `base64`.
    """
    packets = list(packets)
    if revision == 4:
        return _SEPARATOR.join(_as_text(packet, 4) for packet in packets)
    if not base64 and any(isinstance(packet, bytes) for packet in packets):
        return b"".join(_with_binary_length(packet) for packet in packets)
    return "".join(f"{_utf16_length(text)}:{text}" for text in (_as_text(packet, 3) for packet in packets)) or "0:"


def decode(body: bytes | str, revision: Revision, *, binary: bool = False) -> Iterator[Packet]:
    """The packets of a payload, one after the other: a request's body as it came, or the text that `from_form` found in
    it. `binary` says that the body came as `application/octet-stream`.

    Raises `ProtocolError` for a body that is no payload of this protocol, at the packet that shows it, as the reference
    server's decoder does: those before it count.
    """
    if isinstance(body, bytes):
        if binary and revision == 3:
            yield from _decode_binary(body)
            return
        if binary:
            raise ProtocolError("a payload of protocol 4 is text, this one came as application/octet-stream")
        body = _utf8(body)
    if revision == 3:
        yield from _decode_text(body)
        return
    if body.count(_SEPARATOR) >= MAX_PACKETS:
        raise _too_many()
    for part in body.split(_SEPARATOR):
        if not part:
            raise ProtocolError("the payload has an empty packet: each must have a type from 0 to 6")
        yield decode_packet(part, 4)


def to_script(payload: str, index: str) -> str:
    """A payload as the script that answers a JSONP request (`text/javascript`); `index` is the request's `j`.

    Raises `ProtocolError` where that is no number: it becomes code in the client's page.
    """
    if not _JSONP_INDEX.fullmatch(index):
        raise ProtocolError(f"the JSONP index must be a number of 1 to 16 digits, not {index[:20]!r}")
    # JSON with all but ASCII escaped is JavaScript: of what JSON allows in a string, U+2028 and U+2029 are line ends
    # to a script.
    return f"___eio[{index}]({json.dumps(payload)});"


def from_form(body: bytes) -> str:
    r"""The payload in the form (`application/x-www-form-urlencoded`) that a JSONP client posts, in its field `d`.

    Browsers rewrite line ends in forms, so that clients send a newline as `\n` and what was a backslash before an "n"
    as `\\n`. Raises `ProtocolError` for what is no such form.
    """
    try:
        fields = parse_qs(
            body.decode(), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_FORM_FIELDS
        )
    except ValueError as error:
        raise ProtocolError(f"the request's body is not a form: {error}") from error
    payloads = fields.get("d", [])
    if len(payloads) != 1:
        raise ProtocolError(f"the form must have one field 'd', this one has {len(payloads)}")
    return _ESCAPED_NEWLINE.sub(lambda escape: r"\n" if escape[1] else "\n", payloads[0])


def _as_text(packet: Packet, revision: Revision) -> str:
    if isinstance(packet, str):
        return packet
    return ("b4" if revision == 3 else "b") + base64_codec.b64encode(packet).decode()


def _utf16_length(text: str) -> int:
    """The length as JavaScript counts it: characters beyond U+FFFF are two."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _with_binary_length(packet: Packet) -> bytes:
    """One packet of a binary payload: byte 0 (text) or 1 (binary), the length a byte a digit, byte 255, the data."""
    kind, data = (b"\x00", packet.encode()) if isinstance(packet, str) else (b"\x01", _BINARY_MESSAGE + packet)
    return kind + str(len(data)).encode().translate(_FROM_DIGITS) + b"\xff" + data


def _from_base64(text: str) -> bytes:
    """Binary, as Node.js reads it: line breaks, which Java's and Android's encoders insert, and whatever else is no
    base64 do not count, the URL-safe alphabet does, and padding may lack.
    """
    try:
        return base64_codec.b64decode(text, validate=True)
    except ValueError:
        kept = _NO_BASE64.sub("", text.partition("=")[0])
        kept = kept[: len(kept) - (len(kept) % 4 == 1)]  # a last character alone is no whole byte
        return base64_codec.urlsafe_b64decode(kept.replace("+", "-").replace("/", "_") + "=" * (-len(kept) % 4))


def _decode_text(body: str) -> Iterator[Packet]:
    if not body:
        raise ProtocolError("the payload is empty: it must hold a length and a packet")
    position = number = 0
    try:
        data = body.encode("utf-16-le")  # in which a length is a number of bytes, whatever the characters
    except UnicodeEncodeError as error:
        raise ProtocolError(f"the payload has half a surrogate pair: {error}") from error
    while position < len(data):
        head = _TEXT_LENGTH.match(data, position)
        if head is None:
            raise ProtocolError(f"a packet's length and a colon must stand at character {position // 2} of the payload")
        length = int(head[1][::2])
        position = head.end() + 2 * length
        if position > len(data):
            raise ProtocolError(f"a packet of {length} characters is longer than the rest of its payload")
        number += 1
        if number > MAX_PACKETS:
            raise _too_many()
        if length:  # "0:" is how a payload without packets looks
            yield decode_packet(_utf16(data[head.end() : position]), 3)


def _decode_binary(body: bytes) -> Iterator[Packet]:
    position = number = 0
    while position < len(body):
        head = _BINARY_LENGTH.match(body, position)
        if head is None:
            raise ProtocolError(
                f"a packet's kind (byte 0 or 1), length and byte 255 must stand at byte {position} of the payload"
            )
        length = int(head[2].translate(_TO_DIGITS))
        position = head.end() + length
        if position > len(body):
            raise ProtocolError(f"a packet of {length} bytes is longer than the rest of its payload")
        data = body[head.end() : position]
        if not data:
            raise ProtocolError("the payload has an empty packet: each must have a type from 0 to 6")
        number += 1
        if number > MAX_PACKETS:
            raise _too_many()
        yield decode_packet(data if head[1] == b"\x01" else _utf8(data), 3)


def _too_many() -> ProtocolError:
    return ProtocolError(f"the payload has more than {MAX_PACKETS} packets")


def _utf8(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ProtocolError(f"the payload's text is not UTF-8: {error}") from error


def _utf16(data: bytes) -> str:
    try:
        return data.decode("utf-16-le")
    except UnicodeDecodeError as error:
        raise ProtocolError(f"a packet's length ends within a character: {error}") from error
