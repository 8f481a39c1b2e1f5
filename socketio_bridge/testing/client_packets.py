"""Socket.IO packets as clients write and read them, binary included.

Written out here and not borrowed from the server's side, so that a mistake of the one does not hide in the same mistake
of the other.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from socketio_bridge.exceptions import ConnectionRefused

_PACKET = re.compile(r"4([0-6])(?:(\d+)-)?(?:(/[^,]*)(?:,|$))?(\d*)(.*)", re.ASCII | re.DOTALL)
_BINARY = (bytes, bytearray, memoryview)
_MARK = "_placeholder"


class ClientPacket(NamedTuple):
    """A Socket.IO packet that came in; `announced` is how many `attachments` it will have."""

    kind: str
    namespace: str
    ack_id: int | None
    body: Any
    announced: int
    attachments: list[bytes]


def decode(text: str) -> ClientPacket:
    """Read an Engine.IO message, its digit 4 included. Raises `ValueError` for what is no Socket.IO packet."""
    found = _PACKET.fullmatch(text)
    if found is None:
        raise ValueError("it does not have the form of a Socket.IO packet")
    kind, announced, namespace, ack_id, body = found.groups()
    content = msgspec.json.decode(body) if body else None
    return ClientPacket(kind, namespace or "/", int(ack_id) if ack_id else None, content, int(announced or 0), [])


def encode(kind: str, namespace: str, ack_id: int | None, body: Any) -> list[str | bytes]:
    """A packet as Engine.IO messages: text, and behind it the binary that was anywhere in `body`."""
    attachments: list[bytes] = []
    plain = _take_out(msgspec.to_builtins(body, builtin_types=_BINARY, str_keys=True), attachments)
    if attachments:
        kind = {"2": "5", "3": "6"}[kind] + f"{len(attachments)}-"
    text = "" if plain is None else msgspec.json.encode(plain).decode()
    where = "" if namespace == "/" else f"{namespace},"
    return [f"4{kind}{where}{'' if ack_id is None else ack_id}{text}", *attachments]


def put_back(value: Any, attachments: list[bytes]) -> Any:
    """A packet's body with its attachments in the place of their placeholders."""
    if isinstance(value, dict):
        if value.get(_MARK) is True:
            return attachments[value["num"]]
        return {key: put_back(item, attachments) for key, item in value.items()}
    return [put_back(item, attachments) for item in value] if isinstance(value, list) else value


def denial(status: int, body: bytes) -> ConnectionRefused:
    """How the WebSocket was refused: by the bridge with Engine.IO's code and message, by others with what they say."""
    try:
        answer = msgspec.json.decode(body, type=dict[str, Any])
        return ConnectionRefused(answer["message"], {"status": status, "code": answer["code"]})
    except (msgspec.MsgspecError, KeyError):
        return ConnectionRefused(f"The WebSocket was refused with status {status}", {"status": status})


def _take_out(value: Any, attachments: list[bytes]) -> Any:
    if isinstance(value, _BINARY):
        attachments.append(bytes(value))
        return {_MARK: True, "num": len(attachments) - 1}
    if isinstance(value, dict):
        return {key: _take_out(item, attachments) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_take_out(item, attachments) for item in value]
    return value
