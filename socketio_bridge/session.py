"""A session: one client's connection, between a transport that moves frames and the sockets that handlers see.

The rules are `socketio_bridge.protocol`'s; here they get a clock, an outbound queue and sockets.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from socketio_bridge.engineio import EngineIO, Frame, Revision
from socketio_bridge.exceptions import ConnectionRefused, ProtocolError
from socketio_bridge.hub import current_hub
from socketio_bridge.outbound import Outbound
from socketio_bridge.protocol import AckReceived, ConnectRequested, Disconnected, Event, EventReceived, SocketIO
from socketio_bridge.socket import Socket

if TYPE_CHECKING:
    from socketio_bridge.handshake import Handshake
    from socketio_bridge.server import SocketIOServer

logger = logging.getLogger(__name__)

_DRAIN_TIMEOUT = 5.0  # seconds that a client has to read what was queued when the server hangs up


class Transport(Protocol):
    """What a session needs of the consumer that moves its frames. Both may raise when the client is gone."""

    async def send_frame(self, frame: Frame) -> None:
        """Write one frame; return when the transport has room for more."""

    async def close(self) -> None:
        """End the connection."""


class Session:
    """One client's connection.

    The consumer feeds it with `receive`, and reads no further while it is `congested`.
    """

    __slots__ = (
        "_connect_deadline",
        "_departed",
        "_handshake",
        "_hanging_up",
        "_inbound",
        "_loop",
        "_outbound",
        "_protocol",
        "_relief",
        "_server",
        "_sockets",
        "_timer",
        "_transport",
        "closed",
        "hub",
    )

    def __init__(self, server: SocketIOServer, transport: Transport, handshake: Handshake, revision: Revision) -> None:
        self.hub = current_hub()
        self.closed = False
        self._server = server
        self._transport = transport
        self._handshake = handshake
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._protocol = SocketIO(EngineIO(secrets.token_urlsafe(15), revision, server.options, now))
        self._outbound = Outbound(
            transport.send_frame,
            server.options.outbound_limit,
            on_stuck=lambda: self.close("transport error", abruptly=True),
            on_broken=lambda: self.close("transport error", abruptly=True),
        )
        self._sockets: dict[str, Socket] = {}
        self._departed: set[Socket] = set()
        self._inbound = 0
        self._relief: asyncio.Future[None] | None = None
        self._connect_deadline: float | None = now + server.options.connect_timeout
        self._timer: asyncio.TimerHandle | None = None
        self._hanging_up: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Greet the client."""
        event = self._protocol.open()
        self._flush()
        if event is not None:
            self._take(event)
        self._set_timer()

    def receive(self, frame: Frame) -> None:
        """Take a frame from the client; one that breaks the protocol ends the session."""
        if self.closed:
            return
        try:
            event = self._protocol.receive(frame, self._loop.time())
        except ProtocolError as error:
            logger.info("Closing the connection from %s: %s.", self._handshake.address, error)
            self.close("parse error")
            return
        if event is not None:
            self._take(event)
        elif self._protocol.engine.closed:
            self.close("transport close")
        if self._protocol.engine.outgoing:
            self._flush()

    @property
    def congested(self) -> bool:
        """Whether so much input waits for its handlers that no more should be read."""
        return self._inbound > self._server.options.inbound_limit and not self.closed

    async def relieved(self) -> None:
        """Return when the session is no longer congested."""
        while self.congested:
            self._relief = self._loop.create_future()
            await self._relief

    def send_frame(self, frame: str, attachments: Sequence[bytes] = ()) -> None:
        """Queue the frame of a packet for the client, and right behind it the packet's binary."""
        self._outbound.put(frame, *map(self._protocol.engine.frame, attachments))

    def close(self, reason: str, *, abruptly: bool = False) -> None:
        """End the session: its sockets leave with `reason`; what is queued is sent before, unless `abruptly`."""
        if self.closed:
            return
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
        for socket in list(self._sockets.values()):
            self._depart(socket, reason)
        self._relieve()
        if abruptly:
            self._outbound.discard()
        self._hanging_up = self._loop.create_task(self._hang_up())

    async def finish(self) -> None:
        """The transport is gone: close, and return when all handlers have ended."""
        self.close("transport close", abruptly=True)
        for socket in list(self._departed):
            await socket.finished()
        if self._hanging_up is not None:
            await asyncio.wait([self._hanging_up])

    # Called by sockets.

    def accept(self, socket: Socket) -> None:
        """Let a socket in, unless the client left while its connect handler ran."""
        if self.closed or self._sockets.get(socket.namespace) is not socket:
            return
        socket.connected = True
        self._connect_deadline = None
        self._protocol.accept(socket.namespace, socket.id)
        self._flush()

    def refuse(self, socket: Socket, refusal: ConnectionRefused) -> None:
        """Keep a socket out."""
        if self._sockets.pop(socket.namespace, None) is not None:
            self.hub.remove(socket)
        if not self.closed:
            self._protocol.refuse(socket.namespace, refusal)
            self._flush()

    def acknowledge(self, socket: Socket, ack_id: int, values: Sequence[Any]) -> None:
        """Answer an event."""
        if socket.connected:
            self._protocol.acknowledge(socket.namespace, ack_id, values)
            self._flush()

    def disconnect_socket(self, socket: Socket) -> None:
        """Put a socket out of its namespace."""
        if self._sockets.get(socket.namespace) is socket:
            self._protocol.disconnect(socket.namespace)
            self._flush()
            self._depart(socket, "server namespace disconnect")

    def handled(self, event: EventReceived) -> None:
        """Note that an event's handler has ended."""
        self._inbound -= event.size
        if self._relief is not None and not self.congested:
            self._relieve()

    def departed(self, socket: Socket) -> None:
        """Note that the last handler of a socket that left has ended."""
        self._departed.discard(socket)

    def _take(self, event: Event) -> None:
        if type(event) is ConnectRequested:
            self._connect(event)
            return
        socket = self._sockets.get(event.namespace)
        if socket is None:
            return  # The "/" of a protocol 4 client, where the application has none.
        if type(event) is EventReceived:
            self._inbound += event.size
            socket.receive(event)
        elif type(event) is AckReceived:
            socket.acknowledged(event.ack_id, event.arguments)
        elif type(event) is Disconnected:
            self._depart(socket, "client namespace disconnect")

    def _connect(self, request: ConnectRequested) -> None:
        path = request.namespace
        namespace = self._server.namespaces.get(path)
        sid = self._protocol.engine.sid
        if namespace is None:
            # Protocol 4 clients are in "/" whether the application has one or not (Socket.IO protocol 5, "Difference
            # between v5 and v4").
            if path == "/" and self._protocol.revision == 4:
                self._protocol.accept("/", sid)
            else:
                self._protocol.refuse(path, ConnectionRefused("Invalid namespace"))
            self._flush()
            return
        if self._protocol.revision == 4:
            # The client makes up its id itself, of these two parts.
            socket_id = sid if path == "/" else f"{path}#{sid}"
        else:
            socket_id = secrets.token_urlsafe(15)
        socket = Socket(socket_id, namespace, self, self._handshake.for_namespace(request.query, request.auth))
        self._sockets[path] = socket
        socket.arrive()

    def _depart(self, socket: Socket, reason: str) -> None:
        del self._sockets[socket.namespace]
        if not self._sockets and not self.closed:
            self._connect_deadline = self._loop.time() + self._server.options.connect_timeout
            self._set_timer()
        self._departed.add(socket)
        socket.depart(reason)

    def _flush(self) -> None:
        if frames := self._protocol.data_to_send():
            self._outbound.put(*frames)

    def _relieve(self) -> None:
        if self._relief is not None and not self._relief.done():
            self._relief.set_result(None)
        self._relief = None

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._protocol.engine.deadline
        if self._connect_deadline is not None:
            deadline = min(deadline, self._connect_deadline)
        self._timer = self._loop.call_at(deadline, self._on_timer)

    def _on_timer(self) -> None:
        now = self._loop.time()
        engine = self._protocol.engine
        if self._connect_deadline is not None and now >= self._connect_deadline:
            self.close("connect timeout")
            return
        if self.congested:
            # The peer's pongs wait behind input that is not read: it cannot be blamed for their absence.
            engine.postpone(now)
        engine.tick(now)
        if engine.close_reason is not None:
            self.close(engine.close_reason, abruptly=True)
            return
        self._flush()
        self._set_timer()

    async def _hang_up(self) -> None:
        try:
            await asyncio.wait_for(self._outbound.drain(), _DRAIN_TIMEOUT)
        except TimeoutError:
            self._outbound.discard()
        try:
            await self._transport.close()
        except Exception as error:
            logger.debug("The transport was closed already: %r", error)
