"""A way for the test client to a server on the network."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

Application = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]

_OWN = frozenset({"host", "upgrade", "connection"})  # headers that a WebSocket's client makes itself


def over_network(url: str) -> Application:
    """Make an ASGI application that passes a WebSocket on to a server.

    Args:
        url: The server's address, such as `LiveServer.url`.

    Raises:
        ImportError: The package websockets is missing, which comes with `uvicorn[standard]`.
    """
    from websockets.asyncio.client import ClientConnection, connect
    from websockets.exceptions import ConnectionClosed, InvalidStatus

    async def pass_down(connection: ClientConnection, send: Any) -> None:
        with suppress(ConnectionClosed):
            async for frame in connection:
                kind = "text" if isinstance(frame, str) else "bytes"
                await send({"type": "websocket.send", kind: frame})
        await send({"type": "websocket.close"})

    async def application(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        await receive()
        query = scope["query_string"].decode()
        address = f"{url.replace('http', 'ws', 1)}{scope['path']}?{query}"
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        own = [(name, value) for name, value in headers if name not in _OWN]
        try:
            connection = await connect(address, additional_headers=own, proxy=None, ping_interval=None, max_size=None)
        except InvalidStatus as refusal:
            status, body = refusal.response.status_code, refusal.response.body or b""
            await send({"type": "websocket.http.response.start", "status": status, "headers": []})
            await send({"type": "websocket.http.response.body", "body": bytes(body)})
            return
        await send({"type": "websocket.accept"})
        reader = asyncio.get_running_loop().create_task(pass_down(connection, send))
        try:
            while (message := await receive())["type"] == "websocket.receive":
                with suppress(ConnectionClosed):
                    frame = message.get("text")
                    await connection.send(message["bytes"] if frame is None else frame)
        finally:
            reader.cancel()
            await connection.close()

    return application
