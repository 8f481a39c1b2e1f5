"""The WebSocket consumer: moves frames between ASGI and a session, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

import msgspec
from channels.consumer import AsyncConsumer

from socketio_bridge.engineio import Frame
from socketio_bridge.handshake import Handshake, HandshakeRefused
from socketio_bridge.session import Session

if TYPE_CHECKING:
    from socketio_bridge.server import SocketIOServer


class WebSocketConsumer(AsyncConsumer):
    """One WebSocket connection.

    It runs its own receive loop: `AsyncConsumer`'s opens a channel-layer channel and a task for each socket, and looks
    a method up for each message, which costs more than the message itself. The hub speaks to the channel layer for all
    sockets of the process.
    """

    def __init__(self, server: SocketIOServer) -> None:
        self._server = server

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Serve the connection until either side ends it."""
        self.base_send = send
        await receive()  # websocket.connect
        handshake = Handshake.from_scope(scope)
        try:
            revision = handshake.revision(self._server.options.allowed_origins)
        except HandshakeRefused as refusal:
            await deny(scope, send, refusal)
            return
        await send({"type": "websocket.accept"})
        session = Session(self._server, self, handshake, revision)
        session.open()
        try:
            while (message := await receive())["type"] == "websocket.receive":
                text = message.get("text")
                session.receive(message["bytes"] if text is None else text)
                if session.congested:
                    await session.relieved()
        finally:
            await session.finish()

    async def send_frame(self, frame: Frame) -> None:
        """Write one frame."""
        await self.base_send({"type": "websocket.send", "text" if isinstance(frame, str) else "bytes": frame})

    async def close(self) -> None:
        """End the connection."""
        await self.base_send({"type": "websocket.close"})


async def deny(
    scope: MutableMapping[str, Any], send: Callable[[dict[str, Any]], Awaitable[None]], refusal: HandshakeRefused
) -> None:
    """Answer an HTTP request, or a WebSocket before it is accepted, with Engine.IO's error body.

    ASGI servers without the WebSocket denial extension close the connection with status 403 instead.
    """
    if scope["type"] == "websocket":
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close"})
            return
        prefix = "websocket.http.response"
    else:
        prefix = "http.response"
    body = msgspec.json.encode({"code": refusal.code, "message": refusal.message})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": f"{prefix}.start", "status": refusal.status, "headers": headers})
    await send({"type": f"{prefix}.body", "body": body})
