"""What a socket knows of its surroundings: its connection, its client, its handlers, and who extends it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from socketio_bridge.adapter.adapter import Adapter
from socketio_bridge.exceptions import ConnectionRefused, TryAgainLater
from socketio_bridge.options import Options, TransportName
from socketio_bridge.protocol.engineio import Packet
from socketio_bridge.protocol.socketio import EventReceived

_Socket = TypeVar("_Socket", contravariant=True)


class Connection(Protocol):
    """What carries the packets of a client: a session, whatever its transport."""

    joined: bool  # a namespace of the application let the client in
    close_code: int | None  # by which the client ended its WebSocket

    @property
    def adapter(self) -> Adapter:
        """The adapter of this process."""

    @property
    def options(self) -> Options:
        """How the bridge behaves."""

    @property
    def sid(self) -> str:
        """Engine.IO's session id."""

    @property
    def transport(self) -> TransportName:
        """How packets travel now."""

    @property
    def closed(self) -> bool:
        """Whether it has ended."""

    @property
    def ready(self) -> bool:
        """Whether the client is there to take what is sent now."""

    def send(self, packet: Packet, attachments: Sequence[bytes] = ()) -> None:
        """Queue a packet for the client, and right behind it the packet's binary."""

    def flush(self) -> None:
        """Queue what the protocol has to say."""

    def close(self, reason: str, *, abruptly: bool = False) -> None:
        """End the connection; what is queued is sent before, unless `abruptly`."""

    def keep(self) -> None:
        """The client is in a namespace: it may stay."""

    def keep_for_a_while(self) -> None:
        """The client is in no namespace any more: it may stay until it should have joined another."""

    def received(self, event: EventReceived) -> None:
        """Note that an event waits for its handler."""

    def handled(self, event: EventReceived) -> None:
        """Note that an event's handler has ended."""

    def expect_answer(self, count: int = 1) -> None:
        """The client owes so many more acknowledgements."""


class SocketOwner(Protocol[_Socket]):
    """The client that a socket is one of: what the socket asks of it."""

    def accept(self, socket: _Socket) -> None:
        """Let a socket in."""

    def refuse(self, socket: _Socket, refusal: ConnectionRefused) -> None:
        """Keep a socket out."""

    def put_off(self, socket: _Socket, refusal: TryAgainLater) -> None:
        """Have the client of a socket that cannot be let in now try again later."""

    def acknowledge(self, socket: _Socket, ack_id: int, values: Sequence[Any]) -> None:
        """Answer an event."""

    def disconnect_socket(self, socket: _Socket) -> None:
        """Put a socket out of its namespace."""

    def disconnect(self) -> None:
        """Put the client out of all its namespaces, and end the connection."""

    def departed(self, socket: _Socket) -> None:
        """Note that the last handler of a socket that left has ended."""


class Handlers(Protocol[_Socket]):
    """An application's handlers for one namespace: `socketio_bridge.namespace.Namespace`, which documents them."""

    @property
    def watches_outgoing(self) -> bool:
        """Whether they want to know what goes out."""

    @property
    def watches_upgrade(self) -> bool:
        """Whether they want to know when a connection changes over to a WebSocket."""

    def handles(self, event: str) -> bool:
        """Whether there is a handler for an event."""

    def sends(self, socket: _Socket, text: str, attachments: Sequence[bytes]) -> None:
        """An encoded event goes out."""

    def may_overlap(self, event: str) -> bool:
        """Whether the handler of an event may run beside others of its kind."""

    def is_volatile(self, event: str) -> bool:
        """Whether an event waits for no other ones of its socket but those of its kind."""

    async def run_connect_middleware(self, socket: _Socket) -> None:
        """Decide whether the client is let in, before `on_connect`; raises as that does."""

    async def on_connect(self, socket: _Socket) -> None:
        """The client asks to be let in; raises `ConnectionRefused` or `TryAgainLater` to keep it out."""

    async def dispatch(self, socket: _Socket, event: str, arguments: list[Any]) -> Any:
        """Handle an event; what answers its acknowledgement."""

    async def on_upgrade(self, socket: _Socket) -> None:
        """The connection of a client that is in has changed over to a WebSocket."""

    async def on_disconnect(self, socket: _Socket, reason: str) -> None:
        """A client that was in has left."""

    def save(self, socket: _Socket) -> Any:
        """What `on_recover` gets when the client comes back: anything that msgpack holds."""

    async def recover(self, socket: _Socket, saved: Any) -> None:
        """A client that was cut off has come back; raises as `on_connect`."""


class Restored(NamedTuple):
    """What an extension brings a socket back with; `saved` is for `Handlers.on_recover`."""

    saved: Any


class SocketHooks(Protocol[_Socket]):
    """An extension that follows the sockets of protocol 5 clients. It may note things in `Socket.extension_state`."""

    def connecting(self, socket: _Socket, auth: dict[str, Any]) -> None:
        """A client asks for a namespace. What the client's library put into `auth` for the extension is taken out."""

    async def restore(self, socket: _Socket) -> Restored | None:
        """Make the socket the one that its client had before; None: it is a new one, and connects as such."""

    def resume(self, socket: _Socket) -> None:
        """A socket that was restored is let in: what it missed is sent before all else."""

    def accepted(self, socket: _Socket) -> None:
        """A socket was let in."""

    def emit(self, socket: _Socket, packet: str, attachments: list[bytes], *, volatile: bool) -> None:
        """Send an encoded event to one socket."""

    def changed(self, socket: _Socket) -> None:
        """The socket's rooms have changed."""

    def handled(self, socket: _Socket) -> None:
        """A handler of the socket has ended: its data may have changed."""

    def left(self, socket: _Socket, reason: str) -> None:
        """The socket has left."""
