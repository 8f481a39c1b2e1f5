"""A client as Socket.IO knows it: its sockets, one in each namespace that it has joined.

Its connection moves the packets and keeps the time; what they may say, and when, is
`socketio_bridge.protocol.socketio`'s.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Callable, Collection, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from socketio_bridge.adapter.adapter import Adapter
from socketio_bridge.exceptions import ConnectionRefused, TryAgainLater
from socketio_bridge.handshake import Handshake
from socketio_bridge.protocol.socketio import (
    AckReceived,
    ConnectRequested,
    Disconnected,
    Event,
    EventReceived,
    ParserRefused,
    SocketIO,
)
from socketio_bridge.sockets.interfaces import Connection, Handlers, SocketHooks
from socketio_bridge.sockets.socket import Socket

logger = logging.getLogger(__name__)

_MOST_NAMESPACES = 100  # that one client may be in; patterns would let it be in any number

_hooks: WeakKeyDictionary[Adapter, SocketHooks[Socket]] = WeakKeyDictionary()


def extend_sockets(adapter: Adapter, hooks: SocketHooks[Socket] | None) -> None:
    """Have an extension follow the sockets of all clients that connect from now on; None: have none do so."""
    if hooks is None:
        _hooks.pop(adapter, None)
    else:
        _hooks[adapter] = hooks


class Client:
    """The sockets of one connection; `find_namespace` gives the handlers of a namespace, if there are any."""

    __slots__ = (
        "_connecting",
        "_connection",
        "_departed",
        "_find_namespace",
        "_handshake",
        "_hooks",
        "_in_default",
        "_parser_refused",
        "_protocol",
        "_sockets",
    )

    def __init__(
        self,
        connection: Connection,
        protocol: SocketIO,
        handshake: Handshake,
        find_namespace: Callable[[str], Handlers[Socket] | None],
    ) -> None:
        self._connection = connection
        self._find_namespace = find_namespace
        self._hooks = _hooks.get(connection.adapter) if protocol.revision == 5 else None
        self._protocol = protocol
        self._handshake = handshake
        self._sockets: dict[str, Socket] = {}  # by namespace
        self._connecting: dict[str, ConnectRequested] = {}  # by namespace; what is not answered yet
        self._departed: set[Socket] = set()  # those that left, and whose handlers still run
        self._parser_refused = False
        self._in_default = False  # a protocol 4 client is in "/", which the application does not have

    def take(self, event: Event) -> None:
        """Do what a packet of the client's says."""
        if type(event) is ConnectRequested:
            self._connect(event)
            return
        socket = None if event.namespace is None else self._sockets.get(event.namespace)
        if socket is None:
            if type(event) is ParserRefused:
                self._refuse_parser(event)
            # The "/" of a protocol 4 client, where the application has none; or a socket that is put off.
            elif type(event) is Disconnected:
                self._in_default &= event.namespace != "/"
                self._connecting.pop(event.namespace, None)
                self._keep_if_joined()
            return
        if type(event) is EventReceived:
            self._connection.received(event)
            socket.receive(event)
        elif type(event) is AckReceived:
            socket.acknowledged(event.ack_id, event.arguments)
        elif type(event) is Disconnected:
            self._depart(socket, "client namespace disconnect")

    def upgraded(self) -> None:
        """The connection has changed over to a WebSocket."""
        for socket in self._sockets.values():
            socket.upgraded()

    @property
    def namespaces(self) -> Collection[str]:
        """The paths of the namespaces in which it has a socket."""
        return self._sockets.keys()

    def leave(self, reason: str) -> None:
        """Leave all namespaces: the session has ended."""
        for socket in list(self._sockets.values()):
            self._depart(socket, reason)

    async def finished(self) -> None:
        """Return when all handlers of the sockets that left have ended."""
        for socket in list(self._departed):
            await socket.finished()

    # Called by sockets.

    def accept(self, socket: Socket) -> None:
        """Let a socket in, unless the client left while its connect handler ran."""
        if self._connection.closed or self._sockets.get(socket.namespace) is not socket:
            return
        self._connecting.pop(socket.namespace, None)
        self._connection.keep()
        self._connection.joined = True
        self._protocol.accept(socket.namespace, socket.id, socket.pid)
        self._connection.flush()
        if self._hooks is not None:
            self._hooks.accepted(socket)

    def refuse(self, socket: Socket, refusal: ConnectionRefused) -> None:
        """Keep a socket out, unless the client left while its connect handler ran."""
        if self._shut_out(socket):
            self._connecting.pop(socket.namespace, None)
            self._refuse(socket.namespace, refusal)

    def put_off(self, socket: Socket, refusal: TryAgainLater) -> None:
        """Have a client try again later, unless it left while its connect handler ran; see `TryAgainLater`."""
        if self._shut_out(socket):
            logger.debug("A client is not let into %s now: %s", socket.namespace, refusal)
            spread = 1 + random.random() / 2  # no secret  # noqa: S311
            delay = min(refusal.retry_after * spread, self._connection.options.connect_timeout)
            request = self._connecting[socket.namespace]
            asyncio.get_running_loop().call_later(delay, self._try_again, request)

    def acknowledge(self, socket: Socket, ack_id: int, values: Sequence[Any]) -> None:
        """Answer an event."""
        if socket.connected:
            self._protocol.acknowledge(socket.namespace, ack_id, values)
            self._connection.flush()

    def disconnect_socket(self, socket: Socket) -> None:
        """Put a socket out of its namespace."""
        if self._sockets.get(socket.namespace) is socket:
            self._protocol.disconnect(socket.namespace)
            self._connection.flush()
            self._depart(socket, "server namespace disconnect")

    def disconnect(self) -> None:
        """Put the client out of all its namespaces, and end the connection."""
        for socket in list(self._sockets.values()):
            self.disconnect_socket(socket)
        self._connection.close("forced server close")

    def departed(self, socket: Socket) -> None:
        """Note that the last handler of a socket that left has ended."""
        self._departed.discard(socket)

    def _connect(self, request: ConnectRequested) -> None:
        path = request.namespace
        namespace = self._find_namespace(path)
        sid = self._connection.sid
        if namespace is None:
            # Protocol 4 clients are in "/" whether the application has one or not (Socket.IO protocol 5, "Difference
            # between v5 and v4"). So they are in a namespace, and may stay when another refuses them.
            if path == "/" and self._protocol.revision == 4:
                self._protocol.accept("/", sid)
                self._connection.flush()
                self._in_default = True
                self._connection.keep()
            else:
                self._refuse(path, ConnectionRefused("Invalid namespace"))
            return
        before = self._sockets.get(path)
        if before is not None:
            # The client left without a word, as it does before it is answered, and is back.
            self._depart(before, "client namespace disconnect")
        if len(self._sockets) >= _MOST_NAMESPACES:
            self._refuse(path, ConnectionRefused(f"A connection may join {_MOST_NAMESPACES} namespaces"))
            return
        if self._protocol.revision == 4:
            # The client makes up its id itself, of these two parts.
            socket_id = sid if path == "/" else f"{path}#{sid}"
        else:
            socket_id = secrets.token_urlsafe(15)
        auth = dict(request.auth)  # the request may be needed again as it is
        handshake = self._handshake.for_namespace(request.query, auth)
        socket = Socket(socket_id, path, namespace, self, self._connection, handshake, self._hooks)
        if self._hooks is not None:
            self._hooks.connecting(socket, auth)
        self._sockets[path] = socket
        self._connecting[path] = request
        socket.arrive(before)

    def _try_again(self, request: ConnectRequested) -> None:
        """End the connection, upon which its client tries again; where it is in another namespace, try again here."""
        if self._connection.closed or self._connecting.get(request.namespace) is not request:
            return
        if any(namespace not in self._connecting for namespace in self._sockets):
            self._connect(request)
        else:
            self._connection.close("try again later")

    def _shut_out(self, socket: Socket) -> bool:
        """Take a socket away that is not let in; False: the client left while its connect handler ran."""
        if self._sockets.get(socket.namespace) is not socket:
            return False
        del self._sockets[socket.namespace]
        self._connection.adapter.remove(socket)
        self._keep_if_joined()
        return True

    def _keep_if_joined(self) -> None:
        if not self._sockets and not self._in_default:
            self._connection.keep_for_a_while()

    def _refuse_parser(self, refused: ParserRefused) -> None:
        """Say so, and once in the log.

        A client whose encoding is unknown would not read an answer, and would be back at once if its connection ended.
        So that one is left alone until it should have joined a namespace (`Options.connect_timeout`).
        """
        if not self._parser_refused:
            logger.info("Refused the client at %s: %s.", self._handshake.address, refused.message)
        self._parser_refused = True
        if refused.namespace is not None:
            self._refuse(refused.namespace, ConnectionRefused(refused.message))

    def _refuse(self, namespace: str, refusal: ConnectionRefused) -> None:
        self._protocol.refuse(namespace, refusal.message, refusal.data)
        self._connection.flush()

    def _depart(self, socket: Socket, reason: str) -> None:
        del self._sockets[socket.namespace]
        self._connecting.pop(socket.namespace, None)
        self._keep_if_joined()
        self._departed.add(socket)
        if self._hooks is not None:
            self._hooks.left(socket, reason)
        socket.depart(reason)
