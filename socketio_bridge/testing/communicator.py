"""A Socket.IO client for tests, on Channels' `WebsocketCommunicator`."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar
from unittest import mock
from urllib.parse import urlencode

import msgspec
from asgiref.testing import ApplicationCommunicator

from socketio_bridge.exceptions import ConnectionRefused
from socketio_bridge.protocol import packet as packets
from socketio_bridge.protocol.attachments import reconstruct
from socketio_bridge.protocol.engineio import PacketType as EnginePacketType
from socketio_bridge.protocol.engineio import Revision
from socketio_bridge.protocol.packet import Packet, PacketType
from socketio_bridge.protocol.payload import Frame, decode_packet, encode_packet
from socketio_bridge.testing.over_network import over_network

_Found = TypeVar("_Found")

# In a `TestCase` the database connections hold its transaction: Channels must not close them while a client is open.
# Channels' own communicators see to it one call at a time; clients overlap, so they are counted.
_connections_stay_open = mock.patch("channels.db.close_old_connections")
_open_clients = 0


class Disconnected(Exception):
    """The test client's connection has ended.

    Attributes:
        reason: The JavaScript client's word for it. "io server disconnect": the server disconnected the socket from its
            namespace. "transport close": the server ended the connection. "io client disconnect": this client did.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SocketIOCommunicator:
    """A Socket.IO client in one namespace of an ASGI application, over a WebSocket that needs no network; or of a
    server.

        async with SocketIOCommunicator(application, "/orders", auth={"token": token}) as client:
            assert await client.call("follow", {"order_id": 7}) == ["following"]
            assert await client.receive() == ("shipped", [{"order_id": 7}])

    The client answers heartbeats by itself. Events take arguments that msgspec encodes to JSON, with `bytes` anywhere
    in them. A method waits up to `timeout` seconds and then raises `TimeoutError`. When what it waits for cannot come
    any more, it raises `Disconnected`, or what the application itself raised.

    Args:
        application: A `SocketIOServer`, or an ASGI application that mounts one, with its middleware. Or the address of
            a server, such as `LiveServer.url`: over the network then, by the package websockets.
        namespace: The namespace's path.
        eio: The Engine.IO protocol: 4 as spoken by clients 3.x and 4.x, 3 by clients 2.x.
        path: Where the application serves Socket.IO.
        query: Parameters for the URL. With `eio=3` they go into the CONNECT packet too, as from clients 2.x.
        auth: The payload of the CONNECT packet; `eio=4` only.
        headers: Headers of the request.

    Attributes:
        id: The socket's id, the same as on the server; None until it is connected.

    Raises:
        ValueError: `eio` is neither 3 nor 4, or `auth` is given with `eio=3`.
    """

    def __init__(
        self,
        application: Any,
        namespace: str = "/",
        *,
        eio: Revision = 4,
        path: str = "/socket.io/",
        query: Mapping[str, str] | None = None,
        auth: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if eio not in (3, 4):
            raise ValueError(f"eio is {eio!r}; it must be 4 (clients 3.x and 4.x) or 3 (clients 2.x)")
        if eio == 3 and auth is not None:
            raise ValueError("auth needs eio=4: clients 2.x have none, they send a query")
        self.namespace = namespace
        self.id: str | None = None
        self._eio = eio
        self._query = dict(query or {})
        self._auth = auth
        parameters = urlencode({**self._query, "EIO": eio, "transport": "websocket"})
        named = {"host": "testserver"} | {name.lower(): value for name, value in (headers or {}).items()}
        # asgiref's, because channels.testing needs daphne.
        self._communicator = ApplicationCommunicator(
            over_network(application) if isinstance(application, str) else application,
            {
                "type": "websocket",
                "path": path,
                "query_string": parameters.encode(),
                "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in named.items()],
                "subprotocols": [],
                "scheme": "ws",
                "client": ["127.0.0.1", 0],
                # With the extension a refused handshake is answered with its reason, as ASGI servers do.
                "extensions": {"websocket.http.response": {}},
            },
        )
        self._reader: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()  # set when one of the attributes below changes
        self._accepted = False
        self._ended: Exception | None = None
        self._events: deque[Packet] = deque()
        self._answers: dict[int, list[Any]] = {}
        self._ack_ids = itertools.count()
        self._asked: int | None = None  # the ack id of the event that was received last
        self._incomplete: Packet | None = None  # its attachments are still to come
        self._attachments: list[bytes] = []
        self._sid = ""

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.disconnect()

    @property
    def connected(self) -> bool:
        """Whether the socket is in its namespace."""
        return self.id is not None and self._ended is None

    # `timeout` is an argument everywhere here, as in Channels' own communicators.

    async def connect(self, timeout: float = 1) -> None:  # noqa: ASYNC109
        """Connect to the server and to the namespace. `async with` calls it.

        Raises:
            ConnectionRefused: The server refused the client, with the `message` and `data` of the exception (clients
                2.x get no data). If the WebSocket itself was refused, `data` has the HTTP `status`, and Engine.IO's
                `code` if the answer has one.
        """
        _client_opens()
        self._put({"type": "websocket.connect"})
        self._reader = asyncio.create_task(self._read())
        self._communicator.future.add_done_callback(self._application_ended)
        try:
            await self._wait(lambda: self.id, timeout, f"answer to the CONNECT of {self.namespace}")
        except BaseException:
            await self.drop()
            raise

    async def emit(self, event: str, *arguments: Any) -> None:
        """Send an event.

        Raises:
            ValueError: The event's name is reserved.
        """
        self._send(*packets.event(self.namespace, event, arguments))

    async def call(self, event: str, *arguments: Any, timeout: float = 1) -> list[Any]:  # noqa: ASYNC109
        """Send an event, wait for its acknowledgement, and return the acknowledgement's arguments."""
        ack_id = next(self._ack_ids)
        self._send(*packets.event(self.namespace, event, arguments, ack_id))
        hint = "a handler that raises answers only if on_error does; see the log"
        return await self._wait(
            lambda: self._answers.pop(ack_id, None), timeout, f"acknowledgement of {event!r} ({hint})"
        )

    async def receive(self, timeout: float = 1) -> tuple[str, list[Any]]:  # noqa: ASYNC109
        """Wait for the next event from the server; return its name and its arguments."""
        packet = await self._wait(lambda: self._events.popleft() if self._events else None, timeout, "event")
        self._asked = packet.id
        return packet.event, packet.arguments

    async def receive_nothing(self, timeout: float = 0.1) -> bool:  # noqa: ASYNC109
        """Wait for `timeout` seconds; return whether no event came. One that came is left for `receive`."""
        try:
            await self._wait(lambda: self._events or None, timeout, "event")
        except (TimeoutError, Disconnected):
            return True
        return False

    async def acknowledge(self, *arguments: Any) -> None:
        """Acknowledge the event that `receive` returned last.

        Raises:
            RuntimeError: The server asked for no acknowledgement of it, or has had it.
        """
        if self._asked is None:
            raise RuntimeError("The event that was received last asked for no acknowledgement, or has had it.")
        ack_id, self._asked = self._asked, None
        self._send(*packets.ack(self.namespace, ack_id, arguments))

    async def disconnected(self, timeout: float = 1) -> str:  # noqa: ASYNC109
        """Wait until the connection has ended; return the reason, as in `Disconnected`."""
        ended = await self._wait(lambda: self._ended, timeout, "end of the connection")
        if isinstance(ended, Disconnected):
            return ended.reason
        raise ended

    async def disconnect(self, timeout: float = 1) -> None:  # noqa: ASYNC109
        """Leave the namespace and close the connection, as `socket.disconnect()` does in JavaScript.

        Returns when the server's handlers have ended, `on_disconnect` among them.
        """
        if self.connected:
            self._send(packets.disconnect(self.namespace))
        await self.drop(timeout)

    async def drop(self, timeout: float = 1) -> None:  # noqa: ASYNC109
        """Lose the connection without a packet, as on a bad network. Returns when the server's handlers have ended."""
        if self._reader is None:
            return
        reader, self._reader = self._reader, None
        try:
            self._end(Disconnected("io client disconnect"))
            self._put({"type": "websocket.disconnect", "code": 1005})
            await self._communicator.wait(timeout)
        finally:
            reader.cancel()
            _client_closes()
        if self._communicator.future.cancelled():
            raise TimeoutError(f"a handler did not end within {timeout} s of the disconnect")

    async def _wait(self, take: Callable[[], _Found | None], timeout: float, what: str) -> _Found:  # noqa: ASYNC109
        try:
            async with asyncio.timeout(timeout):
                while (found := take()) is None:
                    if self._ended is not None:
                        raise self._ended
                    self._changed.clear()
                    await self._changed.wait()
                return found
        except TimeoutError:
            raise TimeoutError(f"no {what} within {timeout} s") from None

    def _send(self, text: str, attachments: Sequence[bytes] = ()) -> None:
        if self.id is None:
            raise RuntimeError("not connected: use `async with SocketIOCommunicator(…) as client`")
        if self._ended is not None:
            raise self._ended
        self._write(EnginePacketType.MESSAGE + text)
        for attachment in attachments:
            self._write(attachment)

    def _write(self, packet: str | bytes) -> None:
        frame = encode_packet(packet, self._eio)
        self._put({"type": "websocket.receive", "text" if isinstance(frame, str) else "bytes": frame})

    def _put(self, message: dict[str, Any]) -> None:
        _ = self._communicator.future  # starts the application
        self._communicator.input_queue.put_nowait(message)

    async def _read(self) -> None:
        while True:
            self._receive(await self._communicator.output_queue.get())

    def _application_ended(self, application: asyncio.Future[None]) -> None:
        # Messages that the application sent just before it ended may not have been read yet.
        while not self._communicator.output_queue.empty():
            self._receive(self._communicator.output_queue.get_nowait())
        error = None if application.cancelled() else application.exception()
        self._end(error if isinstance(error, Exception) else Disconnected("transport close"))

    def _end(self, how: Exception) -> None:
        if self._ended is None:
            self._ended = how
            self._changed.set()

    def _receive(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "websocket.accept":
                self._accepted = True
            case "websocket.send":
                frame = message["bytes"] if message.get("text") is None else message["text"]
                try:
                    self._take(frame)
                except Exception as error:
                    self._end(ValueError(f"the application sent {frame!r:.200}, which is no packet: {error!r}"))
            case "websocket.http.response.start":
                self._status = message["status"]
            case "websocket.http.response.body":
                self._end(_refusal(self._status, message.get("body", b"")))
            case "websocket.close" if self._accepted:
                self._end(Disconnected("transport close"))
            case "websocket.close":
                self._end(_refusal(403, b""))
        self._changed.set()

    def _take(self, frame: Frame) -> None:
        received = decode_packet(frame, self._eio)
        if isinstance(received, str) and received[0] != EnginePacketType.MESSAGE:
            self._engine_packet(received)
            return
        if isinstance(received, str):
            packet = packets.decode(received[1:])
        elif self._incomplete is not None:
            packet = self._incomplete
            self._attachments.append(received)
        else:
            raise ValueError("binary without a packet that announces it")
        if len(self._attachments) < packet.attachments:
            self._incomplete = packet
            return
        attachments, self._attachments, self._incomplete = self._attachments, [], None
        if packet.attachments:
            packet.arguments = reconstruct(packet.arguments, attachments)
        else:
            packet.arguments = [msgspec.json.decode(argument) for argument in packet.arguments]
        if packet.namespace == self.namespace:
            self._packet(packet)

    def _engine_packet(self, received: str) -> None:
        match received[0]:
            case EnginePacketType.OPEN:
                self._sid = msgspec.json.decode(received[1:])["sid"]
                if self._eio == 4:
                    self._write(EnginePacketType.MESSAGE + packets.connect(self.namespace, self._auth))
                elif self.namespace != "/":  # where clients 2.x are without asking
                    query = f"?{urlencode(self._query)}" if self._query else ""
                    self._write(f"40{self.namespace}{query},")
            case EnginePacketType.CLOSE:
                self._end(Disconnected("transport close"))
            case EnginePacketType.PING:
                self._write(EnginePacketType.PONG + received[1:])

    def _packet(self, packet: Packet) -> None:
        body: Any = msgspec.json.decode(packet.body) if packet.body else None
        match packet.type:
            case PacketType.CONNECT:
                own = self._sid if self.namespace == "/" else f"{self.namespace}#{self._sid}"  # as clients 2.x make it
                self.id = own if self._eio == 3 else body["sid"]
            case PacketType.DISCONNECT:
                self._end(Disconnected("io server disconnect"))
            case PacketType.EVENT:
                self._events.append(packet)
            case PacketType.ACK if packet.id is not None:
                self._answers[packet.id] = packet.arguments
            case PacketType.CONNECT_ERROR if isinstance(body, dict):
                self._end(ConnectionRefused(body["message"], body.get("data")))
            case PacketType.CONNECT_ERROR:
                self._end(ConnectionRefused(body))


def _refusal(status: int, body: bytes) -> ConnectionRefused:
    """How a WebSocket was refused: by the bridge with Engine.IO's code and message, by others with their status."""
    try:
        answer = msgspec.json.decode(body, type=dict[str, Any])
        return ConnectionRefused(answer["message"], {"status": status, "code": answer["code"]})
    except (msgspec.MsgspecError, KeyError):
        return ConnectionRefused(f"The WebSocket was refused with status {status}", {"status": status})


def _client_opens() -> None:
    global _open_clients
    if _open_clients == 0:
        _connections_stay_open.start()
    _open_clients += 1


def _client_closes() -> None:
    global _open_clients
    _open_clients -= 1
    if _open_clients == 0:
        _connections_stay_open.stop()
