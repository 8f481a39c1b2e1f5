"""The largest body that a request may have, whatever it asks for: held before Django writes any of it to the disk.

Django reads a body to its end before a view is asked, and its own limits leave uploaded files out.
"""

from __future__ import annotations

from typing import Any

import msgspec

_OVERHEAD = 64 * 1024
"""Bytes that a form may have around the file in it."""


def limit_bodies(application: Any, largest: int) -> Any:
    """An ASGI application that answers 413 to bodies of more than `largest` bytes, and is `application` to others."""
    most = largest + _OVERHEAD

    async def limited(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
        elif _announced(scope) > most:
            await _refuse(send, largest)
        else:
            await _counted(application, scope, receive, send, largest, most)

    return limited


def _announced(scope: Any) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"")
    return int(length) if length.isdigit() else 0


async def _counted(application: Any, scope: Any, receive: Any, send: Any, largest: int, most: int) -> None:
    """For bodies that come in chunks and say no length: one that grows too large is as if the client had hung up."""
    received = 0

    async def receive_counted() -> Any:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        return message if received <= most else {"type": "http.disconnect"}

    async def send_counted(message: Any) -> None:
        if received <= most:
            await send(message)

    await application(scope, receive_counted, send_counted)
    if received > most:
        await _refuse(send, largest)


async def _refuse(send: Any, largest: int) -> None:
    refusal = {
        "status": False,
        "message": f"the body is too large: at most {largest} bytes are read",
        "code": "upload_too_large",
    }
    body = msgspec.json.encode(refusal)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
