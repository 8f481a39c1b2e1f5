"""A WebSocket client made for load: one `asyncio.Protocol` a socket, frames counted without decoding their JSON.

It does the little of RFC 6455 that a load generator needs (opening handshake, masked text frames out, whole text frames
in) and answers Engine.IO 4 pings. Everything that a measurement means is left to `load.py`.

Frames go out masked with the key 0, which is legal and lets a frame be prepared once and sent many times; a server
unmasks it like any other.
"""

import asyncio
import base64
import os
from collections.abc import Callable
from typing import cast

PING, PONG = b"2", b"3"
ENGINE_OPEN, NAMESPACE_CONNECTED, NAMESPACE_REFUSED = b"0{", b"40", b"44"


class ServerClosed(ConnectionError):
    """The server closed or refused a socket that the measurement still needed."""


def text_frame(payload: bytes) -> bytes:
    """One whole masked text frame (RFC 6455, section 5.2), mask key 0."""
    size = len(payload)
    if size < 126:
        head = bytes((0x81, 0x80 | size))
    elif size < 65536:
        head = bytes((0x81, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x81, 0x80 | 127)) + size.to_bytes(8, "big")
    return head + b"\0\0\0\0" + payload


PONG_FRAME = text_frame(PONG)


class LoadSocket(asyncio.Protocol):
    """One client socket: opens, joins a namespace, then counts the events whose packet starts with `counted`.

    `on_counted(n)` is called once a chunk of received bytes with the number of counted packets in it; other events are
    only tallied in `other_events` (with the first of them kept for error messages).
    """

    __slots__ = (
        "_buffer", "_connect", "_host", "_resource", "_upgraded", "connected", "counted",
        "first_other_event", "on_counted", "on_lost", "other_events", "transport",
    )  # fmt: skip

    def __init__(self, host: str, resource: str, connect_packet: bytes) -> None:
        self._host = host
        self._resource = resource
        self._connect = text_frame(connect_packet)
        self._buffer = b""
        self._upgraded = False
        self.connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.counted = b"\xff"
        self.on_counted: Callable[[int], None] = lambda count: None
        self.on_lost: Callable[[], None] = lambda: None
        self.other_events = 0
        self.first_other_event = b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its type
        key = base64.b64encode(os.urandom(16)).decode()
        self.transport.write(
            f"GET {self._resource} HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        if not self._upgraded:
            head, separator, data = data.partition(b"\r\n\r\n")
            if not separator:
                self._buffer = head
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self._fail(f"the server answered {head[:200]!r} where 101 Switching Protocols was due")
                return
            self._upgraded = True
        hits = 0
        position, size, counted = 0, len(data), self.counted
        while size - position >= 2:
            length = data[position + 1]
            start = position + 2
            if length == 126:
                if size < position + 4:
                    break
                length = data[position + 2] << 8 | data[position + 3]
                start = position + 4
            elif length == 127:
                if size < position + 10:
                    break
                length = int.from_bytes(data[position + 2 : position + 10], "big")
                start = position + 10
            end = start + length
            if end > size:
                break
            if data[position] == 0x81 and data.startswith(counted, start):
                hits += 1
            else:
                self._uncounted(data[position], data[start:end])
            position = end
        if position < size:
            self._buffer = data[position:]
        if hits:
            self.on_counted(hits)

    def _uncounted(self, first_byte: int, payload: bytes) -> None:
        """Everything rare: pings, the steps of connecting, events that are not counted, closing."""
        if first_byte == 0x81:
            if payload == PING:
                self.transport.write(PONG_FRAME)
            elif payload.startswith(ENGINE_OPEN):
                self.transport.write(self._connect)
            elif payload.startswith(NAMESPACE_CONNECTED):
                if not self.connected.done():
                    self.connected.set_result(None)
            elif payload.startswith(NAMESPACE_REFUSED):
                self._fail(f"the namespace was refused: {payload[:300]!r}")
            else:
                self.other_events += 1
                self.first_other_event = self.first_other_event or payload[:300]
        elif first_byte == 0x89:  # a WebSocket ping: the pong carries the same payload, which is always short
            self.transport.write(bytes((0x8A, 0x80 | len(payload))) + b"\0\0\0\0" + payload)
        elif first_byte == 0x88:
            self._fail(f"the server closed the WebSocket: {payload!r}")

    def _fail(self, message: str) -> None:
        if not self.connected.done():
            self.connected.set_exception(ServerClosed(message))
        self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.connected.done():
            self.connected.set_exception(ServerClosed(f"the connection ended before it was of use: {error!r}"))
        self.on_lost()


async def open_socket(port: int, resource: str, connect_packet: bytes, *, timeout: float = 30.0) -> LoadSocket:
    """Connect to 127.0.0.1 and join the namespace. Raises ServerClosed when refused, TimeoutError when late."""
    loop = asyncio.get_running_loop()
    _, socket = await loop.create_connection(
        lambda: LoadSocket(f"127.0.0.1:{port}", resource, connect_packet), "127.0.0.1", port
    )
    async with asyncio.timeout(timeout):
        await socket.connected
    return socket
