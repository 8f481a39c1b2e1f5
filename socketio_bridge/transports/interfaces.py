"""What consumers know of a session, wherever it lives, and what a session knows of a WebSocket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from socketio_bridge.options import TransportName
from socketio_bridge.protocol import ProtocolError
from socketio_bridge.protocol.engineio import Packet, Revision
from socketio_bridge.protocol.payload import Frame

TURN = 100
"""How many packets that came at once are taken before other clients have their turn."""

FRAME_CHANNEL = "socketio_bridge.frame_channel"
"""The ASGI extension of a WebSocket that has a `FrameChannel`: a key of `scope["extensions"]`."""


class FrameReceiver(Protocol):
    """Takes what comes by a `FrameChannel`. None of its methods raises."""

    def receive(self, frame: Frame) -> bool:
        """Take a message; False: hold the next ones back until `FrameChannel.go_on`."""

    def disconnected(self, code: int | None) -> None:
        """The WebSocket has ended, with that close code."""

    def writing_resumed(self) -> None:
        """`FrameChannel.writing_paused` is false again."""


class FrameChannel(Protocol):
    """A WebSocket without ASGI's messages and coroutines between it and the session.

    Attributes:
        writing_paused: Whether the client does not take what was written before.
    """

    writing_paused: bool

    def begin(self, receiver: FrameReceiver) -> None:
        """Hand all messages to `receiver` from now on, those first that ASGI's `receive` has not returned yet."""

    def write(self, frames: Sequence[Frame]) -> None:
        """Send messages, in order with those that ASGI's `send` sends; where the connection has ended, nothing."""

    def go_on(self) -> None:
        """Hand over what was held back."""

    def abort(self) -> None:
        """End the connection at once, whatever the client has not taken."""


class PacketWriter(Protocol):
    """A WebSocket that takes packets at once."""

    on_writing_resumed: Callable[[], None]

    @property
    def writing_paused(self) -> bool:
        """Whether the client does not take what was written before."""

    def write(self, packets: Sequence[Packet]) -> None:
        """Write packets."""


class Transport(Protocol):
    """A connection that packets can be pushed into, a WebSocket. Both methods may raise when the client is gone."""

    @property
    def writer(self) -> PacketWriter | None:
        """Takes packets at once in place of `send`; None: this connection has no such way."""

    async def send(self, packets: Sequence[Packet]) -> None:
        """Write packets; return when there is room for more."""

    async def close(self) -> None:
        """End the connection; return within seconds."""


class AnySession(Protocol):
    """One client's connection as consumers see it: a `Session` of this process, or a `RemoteSession` of another.

    Consumers feed it with `receive` or `take`, and read no further while it is `congested`. Its packets are fetched by
    `poll`, or pushed into the WebSocket that is attached to it.
    """

    closed: bool
    failed: bool  # by a client that broke the protocol
    upgrading: bool  # a WebSocket is there to change over to
    wants_base64: bool  # the client cannot take binary

    @property
    def sid(self) -> str:
        """Engine.IO's session id."""

    @property
    def revision(self) -> Revision:
        """The Engine.IO protocol that the client speaks."""

    @property
    def transport(self) -> TransportName:
        """How packets travel now."""

    @property
    def max_payload(self) -> int:
        """The largest message, and HTTP body, that the client may send now, in bytes."""

    @property
    def congested(self) -> bool:
        """Whether no more should be read from the client for now."""

    async def relieved(self) -> None:
        """Return when more may be read."""

    async def poll(self) -> list[Packet]:
        """The packets that wait for the client, at least one. Raises `ProtocolError` for a poll that may not be."""

    def receive(self, packet: Packet) -> None:
        """Take a packet from the client."""

    async def take(self, packets: Iterable[Packet]) -> None:
        """Take the packets of a payload; return when more may come. Raises the `ProtocolError` of a broken payload."""

    def begin_upgrade(self) -> None:
        """A WebSocket is there to change over to."""

    def let_polls_go(self) -> None:
        """The WebSocket has probed: the client changes over when no poll of its is pending any more."""

    def abandon_upgrade(self) -> None:
        """The WebSocket that probed is gone: polling goes on."""

    def attach(self, transport: Transport) -> None:
        """Push packets into a WebSocket from now on."""

    def release(self) -> None:
        """Let the client's pending poll go, with nothing if nothing waits."""

    def fail(self, error: ProtocolError) -> None:
        """End the session because the client broke the protocol."""

    def close(self, reason: str, *, abruptly: bool = False) -> None:
        """End the session; what is queued is sent before, unless `abruptly`."""

    def drain(self, reason: str) -> None:
        """End the session as soon as what the client has sent is handled and answered; read no more of it."""

    async def finish(self, code: int | None = None) -> None:
        """The WebSocket is gone, ended by the client with that close code, or else by this side: end the session, and
        return when that is done.
        """
