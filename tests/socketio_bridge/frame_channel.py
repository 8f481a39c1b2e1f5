"""uvicorn's side of a WebSocket without a network: `FrameProtocol`, for clients of `channels.testing`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from socketio_bridge.transports.uvicorn_protocol import FrameProtocol

Message = MutableMapping[str, Any]
Application = Callable[[Any, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


class Wire(asyncio.Transport):
    """What a TCP connection is to the protocol; what it writes goes to `arrived`."""

    def __init__(self, protocol: FrameProtocol, arrived: Callable[[bytes], None]) -> None:
        super().__init__()
        self._protocol = protocol
        self._arrived = arrived
        self._closing = self._lost = False
        self.reads = asyncio.Event()
        self.reads.set()

    def write(self, data: Any) -> None:
        if self._lost:
            raise RuntimeError("the handler is closed")  # as uvloop does
        self._arrived(bytes(data))

    def pause_reading(self) -> None:
        self.reads.clear()

    def resume_reading(self) -> None:
        self.reads.set()

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self.reads.set()
            asyncio.get_running_loop().call_soon(self._lose)

    def abort(self) -> None:
        self.close()

    def _lose(self) -> None:
        self._protocol.connection_lost(None)
        self._lost = True

    def get_write_buffer_size(self) -> int:
        return 0


def frame_protocol(
    application: Application, state: ServerState, *, largest: int = 50_000_000, compresses: bool = False
) -> FrameProtocol:
    """A protocol as uvicorn makes it for a connection; `largest` bytes a message may have."""
    config = Config(
        application,
        interface="asgi3",
        ws_ping_interval=None,
        ws_per_message_deflate=compresses,
        ws_max_size=largest,
        log_config=None,
    )
    config.load()
    return FrameProtocol(config, state, {})


class OverFrameChannel:
    """An ASGI application that serves another one as uvicorn does with `FrameProtocol`."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def application(own_scope: Any, receive: Any, send: Any) -> None:
            known = {name: scope[name] for name in ("user", "session", "client") if name in scope}
            await self._application({**own_scope, **known}, receive, send)

        state = ServerState()
        protocol = frame_protocol(application, state)
        client = ClientProtocol(parse_uri("ws://testserver/"), max_size=None)
        sent: asyncio.Queue[Message] = asyncio.Queue()

        def arrived(data: bytes) -> None:
            client.receive_data(data)
            for event in client.events_received():
                for message in _as_asgi(event):
                    sent.put_nowait(message)

        wire = Wire(protocol, arrived)
        protocol.connection_made(wire)
        client.send_request(_request(client, scope))
        protocol.data_received(b"".join(client.data_to_send()))
        await receive()  # websocket.connect
        reading = asyncio.ensure_future(self._read(receive, client, protocol, wire))
        try:
            while state.tasks or not sent.empty():
                getting = asyncio.ensure_future(sent.get())
                await asyncio.wait([getting, *state.tasks], return_when=asyncio.FIRST_COMPLETED)
                if getting.done():
                    await send(getting.result())
                else:
                    getting.cancel()
        finally:
            reading.cancel()

    async def _read(self, receive: Any, client: ClientProtocol, protocol: FrameProtocol, wire: Wire) -> None:
        while not wire.is_closing():
            message = await receive()
            await wire.reads.wait()
            if message["type"] == "websocket.disconnect":
                client.send_close(message.get("code") or 1000)
                protocol.data_received(b"".join(client.data_to_send()))
                wire.close()
            else:
                text = message.get("text")
                if text is None:
                    client.send_binary(message["bytes"])
                else:
                    client.send_text(text.encode(errors="surrogatepass"))
                protocol.data_received(b"".join(client.data_to_send()))


def _request(client: ClientProtocol, scope: Any) -> Any:
    request = client.connect()
    query = scope["query_string"].decode()
    request.path = f"{scope['path']}?{query}" if query else scope["path"]
    for name, value in scope["headers"]:
        if name != b"host":
            request.headers[name.decode()] = value.decode("latin-1")
    return request


def _as_asgi(event: Any) -> list[Message]:
    if isinstance(event, Response):
        return [{"type": "websocket.accept"}]
    assert isinstance(event, Frame)
    if event.opcode is Opcode.TEXT:
        return [{"type": "websocket.send", "text": bytes(event.data).decode()}]
    if event.opcode is Opcode.BINARY:
        return [{"type": "websocket.send", "bytes": bytes(event.data)}]
    if event.opcode is Opcode.CLOSE:
        return [{"type": "websocket.close", "code": Close.parse(bytes(event.data)).code}]
    return []
