"""Engine.IO, protocols 3 and 4, without I/O: packets in, messages out; time passed in.

One `EngineIO` is one session, whatever transport carries it: its handshake and its heartbeat. How packets travel is the
transports' affair (`socketio_bridge.transports.websocket`, `socketio_bridge.transports.polling`), what messages mean
`socketio_bridge.protocol.socketio`'s.
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
"""An Engine.IO packet between session and transport: text with its type's digit, or a binary message without one."""


class PacketType(StrEnum):
    """The packet types as they stand at the head of a text packet (Engine.IO protocol 4, "Packet encoding")."""

    OPEN = str(packet.OPEN)
    CLOSE = str(packet.CLOSE)
    PING = str(packet.PING)
    PONG = str(packet.PONG)
    MESSAGE = str(packet.MESSAGE)
    UPGRADE = str(packet.UPGRADE)
    NOOP = str(packet.NOOP)


# Compared with on every packet; reading an enum's member each time would cost more than the comparison.
_CLOSE, _PING, _PONG, _MESSAGE = "1", "2", "3", "4"
_BINARY_MESSAGE = bytes([packet.MESSAGE])
_LATENESS = 0.005  # seconds that a timer may be late without the heartbeat's next deadline being later for it
_STANDSTILL = 1.0  # seconds that a timer is late when the event loop has stood still, and nobody could be heard
# Packets that are no messages which a client may send within `ping_interval`: a heartbeat and an upgrade make three.
_IDLE_LIMIT = 100
_KNOWN = frozenset(kind.value for kind in PacketType)


class EngineIO:
    """One Engine.IO session.

    Packets that came in go to `receive`, which gives back the message if the packet held one. Packets to send gather
    in `outgoing`. The caller calls `tick` when `deadline` has passed; `closed` turns true when the session ended by the
    peer's CLOSE packet or by a missed heartbeat, with its `close_reason`.
    """

    __slots__ = (
        "_awaiting_pong",
        "_idle",
        "_idle_since",
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
        self._idle = 0  # packets that were no messages
        self._idle_since = now
        self.deadline = now
        self._sign_of_life(now)

    @property
    def closed(self) -> bool:
        """Whether the session has ended."""
        return self.close_reason is not None

    def handshake(self, upgrades: Sequence[str] = ()) -> str:
        """The OPEN packet, first of a session; `upgrades` names the transports that the client may go on to.

        (Engine.IO protocol 4, "Handshake"; 3, "Packet / 0 open".) Times go out in milliseconds; `maxPayload` came with
        protocol 4.
        """
        body: dict[str, object] = {
            "sid": self.sid,
            "upgrades": list(upgrades),
            "pingInterval": round(self._ping_interval * 1000),
            "pingTimeout": round(self._ping_timeout * 1000),
        }
        if self.revision == 4:
            body["maxPayload"] = self.max_payload
        return PacketType.OPEN + msgspec.json.encode(body).decode()

    def receive(self, received: Packet, now: float) -> str | bytes | None:
        """Take one packet that came in; give back the message it carried, or None.

        Raises `ProtocolError` for text that is no packet, heartbeats without end, or one in the wrong direction:
        protocol 3 has the client ping, protocol 4 the server (Engine.IO protocol 4, "Difference between v3 and v4").
        """
        if self.revision == 3:
            self._sign_of_life(now)
        if isinstance(received, bytes):
            return received
        kind = received[:1]
        if kind == _MESSAGE:
            return received[1:]
        self._count_idle(now)
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
        elif kind not in _KNOWN:
            raise ProtocolError(f"{received[:20]!r} is not an Engine.IO packet: it must start with a digit from 0 to 6")
        return None

    def tick(self, now: float, *, heard: bool = True) -> None:
        """Do what is due at `now`: ping, or give the peer up.

        A peer whose packets are not read (`heard` is false), or were not while the event loop stood still, is pinged
        all the same, as it goes by our pings in its turn; only the verdict on what it did not send is put off.
        """
        if self.closed or now < self.deadline:
            return
        if heard and now < self.deadline + _STANDSTILL and (self._awaiting_pong or self.revision == 3):
            self.close_reason = "ping timeout"
            return
        if self.revision == 4:
            self._awaiting_pong = True
            self._idle = 0  # which a pong may follow
            self.outgoing.append(_PING)
        self.deadline = max(self.deadline, now - _LATENESS) + self._ping_timeout

    def _count_idle(self, now: float) -> None:
        if now >= self._idle_since + self._ping_interval:
            self._idle, self._idle_since = 0, now
        self._idle += 1
        if self._idle > _IDLE_LIMIT:
            raise ProtocolError(
                f"more than {_IDLE_LIMIT} packets that are no messages within {self._ping_interval:g} s"
            )

    def _sign_of_life(self, now: float) -> None:
        self._awaiting_pong = False
        wait = self._ping_interval
        if self.revision == 3:
            wait += self._ping_timeout
        self.deadline = now + wait
