"""A client without a network: an ASGI connection to a server, speaking frames."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from channels.testing import WebsocketCommunicator

from socketio_bridge import SocketIOServer

ways: list[Callable[[Any], Any]] = []
"""What serves the server's WebSockets, for all of `connect`; none: they are ASGI's messages, without a server."""

PLACEHOLDER = '{"_placeholder":true,"num":0}'
"""Where the first attachment belongs, in the JSON of a packet."""


class FrameClient:
    """Sends and receives Engine.IO frames."""

    def __init__(self, communicator: WebsocketCommunicator) -> None:
        self.communicator = communicator
        self.closed = False

    async def send(self, frame: str | bytes) -> None:
        """Send one frame."""
        kind = "text" if isinstance(frame, str) else "bytes"
        await self.communicator.send_input({"type": "websocket.receive", kind: frame})

    async def receive(self, within: float = 2.0) -> str:
        """The next frame; `"closed"` when the server ended the connection."""
        message = await self.communicator.receive_output(within)
        if message["type"] == "websocket.close":
            self.closed = True
            return "closed"
        return str(message["text"])

    async def receive_binary(self, within: float = 2.0) -> bytes:
        """The next frame, which must be binary."""
        return bytes((await self.communicator.receive_output(within))["bytes"])

    async def answer_to(self, event: str, namespace: str = "/chat") -> str:
        """Send an event and have it acknowledged next: with these arguments, as JSON."""
        await self.send(f"42{namespace},1{event}")
        frame = await self.receive()
        assert frame.startswith(f"43{namespace},1")
        return frame.removeprefix(f"43{namespace},1")

    async def caught_up(self) -> None:
        """Return when the server has read all that was sent: it refuses a namespace that nobody serves at once."""
        await self.send("40/nowhere,")
        frame = await self.receive()
        assert frame.startswith("44/nowhere,"), frame

    async def join(self, namespace: str = "/chat", auth: dict[str, Any] | None = None) -> str:
        """Connect to a namespace (protocol 5); the socket's id."""
        await self.send(f"40{namespace},{json.dumps(auth) if auth else ''}")
        answer = await self.receive()
        assert answer.startswith(f"40{namespace},"), answer
        return str(json.loads(answer.partition(",")[2])["sid"])


async def let_read(server: SocketIOServer, frames: int) -> None:
    """Return when a server has read so many frames of a new client: it would have read as many of any other one."""
    async with connect(server) as client:
        for _ in range(frames):
            await client.caught_up()


@asynccontextmanager
async def connect(
    server: SocketIOServer, query: str = "EIO=4&transport=websocket", *, user: Any = None
) -> AsyncIterator[FrameClient]:
    """A client that has read its handshake; `user` is whom middleware finds."""
    application: Any = server
    for way in ways:
        application = way(application)
    communicator = WebsocketCommunicator(application, f"/socket.io/?{query}", headers=[(b"host", b"testserver")])
    if user is not None:
        communicator.scope["user"] = user
    accepted, _ = await communicator.connect(2.0)
    assert accepted
    client = FrameClient(communicator)
    try:
        assert (await client.receive()).startswith("0{")
        if "EIO=3" in query:
            assert await client.receive() == "40"
        yield client
    finally:
        await communicator.disconnect(timeout=2.0)
