"""Engine.IO packets as WebSockets and HTTP carry them, protocols 3 and 4.

`encode_packet` and `decode_packet` turn a packet into a WebSocket frame and back. `encode` and `decode` turn many into
a payload, the body of a long-polling request or response, and back. `to_script` and `from_form` wrap a payload for
JSONP. `socketio_bridge.protocol.engineio` checks the types of text packets.

python-engineio encodes the payloads of protocol 4. The rest is written here, because python-engineio

- does not have protocol 3;
- parses the text of a message as JSON and does not keep the text, which Socket.IO's packets need;
- decodes at most 16 packets a payload, and clients that emit in bursts send more;
- escapes only quotation marks in JSONP.
"""

from __future__ import annotations

import base64 as base64_codec
import json
import re
from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias, overload
from urllib.parse import parse_qs

from engineio import packet as engineio_packet
from engineio.payload import Payload

from socketio_bridge.protocol import ProtocolError
from socketio_bridge.protocol.engineio import Packet, Revision

Frame: TypeAlias = str | bytes

MAX_PACKETS = 2_000
"""How many packets a payload from a client may have.

It leaves room for an event with `socketio_bridge.protocol.packet.MAX_ATTACHMENTS` and as many events again. The
reference server has no limit, and packets of one byte can keep it busy for seconds.
"""

_SEPARATOR = "\x1e"
_BINARY_MESSAGE = bytes([engineio_packet.MESSAGE])
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
    """Encode one packet as a WebSocket frame.

    A binary message is its bare bytes in protocol 4, and follows the byte of its type in protocol 3 (Engine.IO protocol
    4, "Difference between v3 and v4").

    Args:
        packet: The packet.
        revision: The protocol, 3 or 4.
        base64: Whether the client cannot take binary (`b64=1`): then every frame is text.
    """
    if isinstance(packet, str) or base64:
        return _as_text(packet, revision)
    return _BINARY_MESSAGE + packet if revision == 3 else packet


def decode_packet(frame: Frame, revision: Revision) -> Packet:
    """Decode the packet in a WebSocket frame.

    Raises:
        ProtocolError: A binary message of protocol 3 does not begin with its type.
    """
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
    """Encode packets as one payload (Engine.IO protocol 4, "HTTP long-polling / Packet encoding"; 3, "Payload").

    Args:
        packets: The packets; there may be none.
        revision: The protocol, 3 or 4.
        base64: Whether the client cannot take binary (`b64=1`).

    Returns:
        Text, to be sent as UTF-8 (`text/plain`); or protocol 3's binary payload (`application/octet-stream`), where a
        packet is binary and the client takes it.
    """
    packets = list(packets)
    if revision == 4:
        encoded: str = Payload([_for_engineio(packet) for packet in packets]).encode()
        return encoded
    if not base64 and any(isinstance(packet, bytes) for packet in packets):
        return b"".join(_with_binary_length(packet) for packet in packets)
    return "".join(f"{_utf16_length(text)}:{text}" for text in (_as_text(packet, 3) for packet in packets)) or "0:"


def decode(body: bytes | str, revision: Revision, *, binary: bool = False) -> Iterator[Packet]:
    """Decode the packets of a payload, one after the other.

    Args:
        body: A request's body, or the text that `from_form` found in it.
        revision: The protocol, 3 or 4.
        binary: Whether the body came as `application/octet-stream`.

    Raises:
        ProtocolError: The body is no payload of this protocol. It is raised at the packet that shows it; as in the
            reference server, the packets before it count.
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
    """Wrap a payload as the script that answers a JSONP request (Engine.IO protocol 3, "JSONP polling").

    Args:
        payload: A payload of text.
        index: The parameter `j` of the request.

    Raises:
        ProtocolError: The index is not a number. It becomes code in the client's page, so nothing else may pass.
    """
    if not _JSONP_INDEX.fullmatch(index):
        raise ProtocolError(f"the JSONP index must be a number of 1 to 16 digits, not {index[:20]!r}")
    # `dumps` escapes all but ASCII. JSON allows U+2028 and U+2029 in a string, but they end a line of a script.
    return f"___eio[{index}]({json.dumps(payload)});"


def from_form(body: bytes) -> str:
    r"""Find the payload in the form that a JSONP client posts: its field `d`.

    Browsers rewrite the line ends in a form. Clients therefore send a newline as `\n`, and a backslash before an "n" as
    `\\n`.

    Args:
        body: A body of the type `application/x-www-form-urlencoded`.

    Raises:
        ProtocolError: It is no form, or does not have one field `d`.
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


def _for_engineio(packet: Packet) -> engineio_packet.Packet:
    if isinstance(packet, bytes):
        return engineio_packet.Packet(engineio_packet.MESSAGE, packet)
    return engineio_packet.Packet(int(packet[0]), packet[1:])


def _as_text(packet: Packet, revision: Revision) -> str:
    if isinstance(packet, str):
        return packet
    return ("b4" if revision == 3 else "b") + base64_codec.b64encode(packet).decode()


def _utf16_length(text: str) -> int:
    """The length in JavaScript, which counts a character beyond U+FFFF as two."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _with_binary_length(packet: Packet) -> bytes:
    """Encode one packet of a binary payload: the byte 0 (text) or 1 (binary), a byte for each digit of the length, the
    byte 255, the data (Engine.IO protocol 3, "Payload").
    """
    kind, data = (b"\x00", packet.encode()) if isinstance(packet, str) else (b"\x01", _BINARY_MESSAGE + packet)
    return kind + str(len(data)).encode().translate(_FROM_DIGITS) + b"\xff" + data


def _from_base64(text: str) -> bytes:
    """Decode base64 as Node.js does.

    It ignores what is not base64, such as the line breaks of Java's and Android's encoders, takes the URL-safe alphabet
    too, and needs no padding.
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
