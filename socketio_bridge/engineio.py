"""Engine.IO, protocols 3 and 4, without I/O: frames in, messages out; time passed in.

One `EngineIO` is one session on a WebSocket: its handshake, heartbeat and the framing of messages. What the messages
mean is `socketio_bridge.protocol`; sockets and timers are `socketio_bridge.session`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec
from engineio import packet

from socketio_bridge.exceptions import ProtocolError
from socketio_bridge.options import Options

Revision: TypeAlias = Literal[3, 4]
Frame: TypeAlias = str | bytes


class PacketType(StrEnum):
    """The packet types as they stand at the head of a text frame (Engine.IO protocol 4, "Packet encoding")."""

    OPEN = str(packet.OPEN)
    CLOSE = str(packet.CLOSE)
    PING = str(packet.PING)
    PONG = str(packet.PONG)
    MESSAGE = str(packet.MESSAGE)
    UPGRADE = str(packet.UPGRADE)
    NOOP = str(packet.NOOP)


# Compared with on every frame; reading an enum's member each time would cost more than the comparison.
_CLOSE, _PING, _PONG, _MESSAGE = "1", "2", "3", "4"
_BINARY_MESSAGE = bytes([packet.MESSAGE])
_KNOWN = frozenset(kind.value for kind in PacketType)


class EngineIO:
    """One Engine.IO session over a WebSocket.

    Frames that came in go to `receive`, which gives back the message if the frame held one. Frames to send, beyond
    messages that the caller frames itself with `frame`, gather in `outgoing`. The caller calls `tick` when `deadline`
    has passed; `closed` turns true when the session ended by the peer's CLOSE packet or by a missed heartbeat, with its
    `close_reason`.
    """

    __slots__ = ("_awaiting_pong", "_options", "close_reason", "deadline", "outgoing", "revision", "sid")

    def __init__(self, sid: str, revision: Revision, options: Options, now: float) -> None:
        self.sid = sid
        self.revision = revision
        self.outgoing: list[Frame] = []
        self.close_reason: str | None = None
        self._options = options
        self._awaiting_pong = False
        self.deadline = now
        self._sign_of_life(now)

    @property
    def max_payload(self) -> int:
        """The largest message that may come in, in bytes."""
        return self._options.max_payload

    @property
    def closed(self) -> bool:
        """Whether the session has ended."""
        return self.close_reason is not None

    def handshake(self) -> str:
        """The OPEN packet, first frame of a session (Engine.IO protocol 4, "Handshake"; 3, "Encoding / Packet / 0
        open").

        Times go out in milliseconds; `maxPayload` came with protocol 4.
        """
        body: dict[str, object] = {
            "sid": self.sid,
            "upgrades": [],
            "pingInterval": round(self._options.ping_interval * 1000),
            "pingTimeout": round(self._options.ping_timeout * 1000),
        }
        if self.revision == 4:
            body["maxPayload"] = self._options.max_payload
        return PacketType.OPEN + msgspec.json.encode(body).decode()

    def receive(self, frame: Frame, now: float) -> str | bytes | None:
        """Take one frame that came in; give back the message it carried, or None.

        Raises `ProtocolError` for a frame that is no packet, or a heartbeat in the wrong direction: protocol 3 has the
        client ping, protocol 4 the server (Engine.IO protocol 4, "Difference between v3 and v4").
        """
        if isinstance(frame, bytes):
            return self._receive_binary(frame, now)
        kind = frame[:1]
        if self.revision == 3:
            self._sign_of_life(now)
        if kind == _MESSAGE:
            return frame[1:]
        if kind == _PONG and self.revision == 4:
            self._sign_of_life(now)
        elif kind == _PING and self.revision == 3:
            # A ping's payload comes back in its pong ("probe" is one; Engine.IO protocol 3, "Packet / 3 pong").
            self.outgoing.append(_PONG + frame[1:])
        elif kind == _CLOSE:
            self.close_reason = "transport close"
        elif kind in (_PING, _PONG):
            raise ProtocolError(
                f"heartbeat in the wrong direction: packet {kind!r} from a client of protocol {self.revision}"
            )
        elif kind not in _KNOWN:
            raise ProtocolError(f"{frame[:20]!r} is not an Engine.IO packet: the first character must be one of 0 to 6")
        return None

    def tick(self, now: float) -> None:
        """Do what is due at `now`: ping, or give the peer up."""
        if self.closed or now < self.deadline:
            return
        if self.revision == 3 or self._awaiting_pong:
            self.close_reason = "ping timeout"
            return
        self._awaiting_pong = True
        self.outgoing.append(_PING)
        self.deadline = now + self._options.ping_timeout

    def postpone(self, now: float) -> None:
        """Start the heartbeat's wait anew, for a peer that could not be heard."""
        self._sign_of_life(now)

    def frame(self, message: str | bytes) -> Frame:
        """The frame of a message: that of text is the same in both protocols, that of binary has a type in 3 alone."""
        if isinstance(message, str):
            return _MESSAGE + message
        return message if self.revision == 4 else _BINARY_MESSAGE + message

    def _receive_binary(self, frame: bytes, now: float) -> bytes:
        # Protocol 4 sends binary messages bare; protocol 3 puts the packet type before them as a byte.
        if self.revision == 4:
            return frame
        self._sign_of_life(now)
        if frame[:1] != _BINARY_MESSAGE:
            raise ProtocolError("a binary frame of protocol 3 must start with the byte 4 (message)")
        return frame[1:]

    def _sign_of_life(self, now: float) -> None:
        self._awaiting_pong = False
        wait = self._options.ping_interval
        if self.revision == 3:
            wait += self._options.ping_timeout
        self.deadline = now + wait
