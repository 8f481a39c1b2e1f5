"""An Engine.IO session, protocols 3 and 4: the handshake, the heartbeat, the end.

An `EngineIO` does no I/O and reads no clock: the caller hands it the packets that came in and the time, and sends what
gathers in `outgoing`. `socketio_bridge.protocol.payload` turns packets into WebSocket frames and HTTP bodies, and
`socketio_bridge.protocol.socketio` gives messages their meaning.

The numbers of the packet types are python-engineio's.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec
from engineio import packet

from socketio_bridge.protocol import ProtocolError

Revision: TypeAlias = Literal[3, 4]
Packet: TypeAlias = str | bytes
"""An Engine.IO packet: text that begins with the digit of its type, or a binary message as its bare bytes."""


class PacketType(StrEnum):
    """A packet's type, the first character of a text packet (Engine.IO protocol 4, "Packet encoding")."""

    OPEN = str(packet.OPEN)
    CLOSE = str(packet.CLOSE)
    PING = str(packet.PING)
    PONG = str(packet.PONG)
    MESSAGE = str(packet.MESSAGE)
    UPGRADE = str(packet.UPGRADE)
    NOOP = str(packet.NOOP)


# Plain strings, as each packet is compared with them: reading a member of the enum costs more than the comparison.
_CLOSE, _PING, _PONG, _MESSAGE = (
    kind.value for kind in (PacketType.CLOSE, PacketType.PING, PacketType.PONG, PacketType.MESSAGE)
)
_TYPES = frozenset(kind.value for kind in PacketType)
# Seconds that a timer may be late before the next deadline moves with it.
_LATENESS = 0.005
# Seconds of lateness that show that the event loop stood still: meanwhile no pong could be read.
_STANDSTILL = 1.0
# How many packets other than messages a client may send within `ping_interval`. A heartbeat and an upgrade make three;
# without a limit a client could have the server answer pings without end.
_CONTROL_LIMIT = 100


class EngineIO:
    """The server's side of one Engine.IO session.

    Args:
        sid: The session's id.
        revision: The protocol that the client speaks, 3 or 4.
        now: The time in seconds, on any clock that never goes back; `receive` and `tick` take the same clock's.
        ping_interval: Seconds between two heartbeats.
        ping_timeout: Seconds that the peer has for its part of a heartbeat.
        max_payload: The largest message that the client may send, in bytes. The handshake tells it to the client; the
            transports enforce it.

    Attributes:
        outgoing: The packets to send, in order. The caller takes them out.
        deadline: When `tick` is due, on the clock of `now`.
        close_reason: Socket.IO's reason for the end ("transport close", "ping timeout"); None while the session is
            open.
    """

    __slots__ = (
        "_awaiting_pong",
        "_control_count",
        "_control_since",
        "_ping_interval",
        "_ping_timeout",
        "close_reason",
        "deadline",
        "max_payload",
        "outgoing",
        "revision",
        "sid",
    )

    def __init__(
        self, sid: str, revision: Revision, now: float, *, ping_interval: float, ping_timeout: float, max_payload: int
    ) -> None:
        self.sid = sid
        self.revision = revision
        self.max_payload = max_payload
        self._ping_interval = ping_interval
        self._ping_timeout = ping_timeout
        self.outgoing: list[Packet] = []
        self.close_reason: str | None = None
        self._awaiting_pong = False
        self._control_count = 0
        self._control_since = now
        self.deadline = now
        self._sign_of_life(now)

    @property
    def closed(self) -> bool:
        """Whether the session has ended."""
        return self.close_reason is not None

    def handshake(self, upgrades: Sequence[str] = ()) -> str:
        """Make the OPEN packet, the first of a session (Engine.IO protocol 4, "Handshake"; 3, "Packet / 0 open").

        Args:
            upgrades: The transports that the client may change over to.
        """
        body: dict[str, object] = {
            "sid": self.sid,
            "upgrades": list(upgrades),
            "pingInterval": round(self._ping_interval * 1000),
            "pingTimeout": round(self._ping_timeout * 1000),
        }
        if self.revision == 4:  # which brought it
            body["maxPayload"] = self.max_payload
        return PacketType.OPEN + msgspec.json.encode(body).decode()

    def receive(self, received: Packet, now: float) -> str | bytes | None:
        """Take one packet from the client.

        The client pings in protocol 3, the server in protocol 4 (Engine.IO protocol 4, "Difference between v3 and
        v4").

        Returns:
            The message that the packet carries; None for a packet of another type.

        Raises:
            ProtocolError: It is no packet, a heartbeat in the wrong direction, or one packet too many that is no
                message.
        """
        if self.revision == 3:
            self._sign_of_life(now)
        if isinstance(received, bytes):
            return received
        kind = received[:1]
        if kind == _MESSAGE:
            return received[1:]
        self._count_control_packet(now)
        if kind == _PONG and self.revision == 4:
            self._sign_of_life(now)
        elif kind == _PING and self.revision == 3:
            # A ping's payload comes back in its pong (Engine.IO protocol 3, "Packet / 3 pong").
            self.outgoing.append(_PONG + received[1:])
        elif kind == _CLOSE:
            self.close_reason = "transport close"
        elif kind in (_PING, _PONG):
            raise ProtocolError(
                f"heartbeat in the wrong direction: packet {kind!r} from a client of protocol {self.revision}"
            )
        elif kind not in _TYPES:
            raise ProtocolError(f"{received[:20]!r} is not an Engine.IO packet: it must start with a digit from 0 to 6")
        return None

    def tick(self, now: float, *, heard: bool = True) -> None:
        """Do what is due: send a ping, or end the session of a peer that missed its heartbeat.

        Args:
            now: The time in seconds.
            heard: Whether the peer's packets are being read. If they are not, or were not while the event loop stood
                still, a missing pong proves nothing: the session goes on, and the peer gets its ping, as it too ends
                the connection without one.
        """
        if self.closed or now < self.deadline:
            return
        if heard and now < self.deadline + _STANDSTILL and (self._awaiting_pong or self.revision == 3):
            self.close_reason = "ping timeout"
            return
        if self.revision == 4:
            self._awaiting_pong = True
            self._control_count = 0  # the pong to this ping is always allowed
            self.outgoing.append(_PING)
        self.deadline = max(self.deadline, now - _LATENESS) + self._ping_timeout

    def _count_control_packet(self, now: float) -> None:
        if now >= self._control_since + self._ping_interval:
            self._control_count, self._control_since = 0, now
        self._control_count += 1
        if self._control_count > _CONTROL_LIMIT:
            raise ProtocolError(
                f"more than {_CONTROL_LIMIT} packets that are no messages within {self._ping_interval:g} s"
            )

    def _sign_of_life(self, now: float) -> None:
        self._awaiting_pong = False
        wait = self._ping_interval
        if self.revision == 3:
            wait += self._ping_timeout
        self.deadline = now + wait
