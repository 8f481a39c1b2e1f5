"""The answer of ASGI middleware that refuses a request before Django or the Socket.IO server gets it."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec


async def refuse(
    scope: Any,
    receive: Any,
    send: Any,
    status: HTTPStatus,
    *,
    code: str,
    message: str,
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> None:
    """Refuse an HTTP request or the handshake of a WebSocket, with the body that the REST API gives its refusals.

    A handshake is answered by the extension "WebSocket Denial Response" of ASGI. A server without the extension closes
    the WebSocket, which its client sees as 403.

    Args:
        scope: The request's scope, of type "http" or "websocket".
        receive: Of the same request. It is called for a WebSocket only.
        send: Of the same request. Nothing has been sent yet.
        status: The status of the answer.
        code: The code of the refusal, one of docs/clients.md.
        message: Why the request is refused, for developers.
        headers: More headers, their names in small letters.
    """
    response = "http.response"
    if scope["type"] == "websocket":
        await receive()  # websocket.connect
        response = "websocket.http.response"
        if response not in scope.get("extensions", {}):
            await send({"type": "websocket.close"})
            return
    body = msgspec.json.encode({"status": False, "message": message, "code": code})
    own_headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": f"{response}.start", "status": status, "headers": [*own_headers, *headers]})
    await send({"type": f"{response}.body", "body": body})
