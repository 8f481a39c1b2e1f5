"""The largest body that a request may have, whatever its path: held before Django writes any of it to the disk.

Django reads a body to its end before it calls a view, and its own limits leave uploaded files out.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

from chozoi_chat.http.refusal import refuse

_FORM_OVERHEAD = 64 * 1024
"""Bytes that a form may have around the file in it."""
LINGER: Final = 2.0
"""Seconds for which what a refused client goes on sending is read and dropped. Closing at once would reset the
connection, and the client, or the proxy that sends for it, might never see the answer."""


def limit_bodies(application: Any, largest: int) -> Any:
    """Wrap an ASGI application so that larger bodies are answered 413 with the code `upload_too_large`.

    Args:
        application: The application that gets all other requests.
        largest: The largest file, in bytes. A body may have 64 KiB more, for the form around the file.
    """
    limit = largest + _FORM_OVERHEAD

    async def limited(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        if _content_length(scope) > limit or await _exceeds(limit, application, scope, receive, send):

            async def send_and_linger(message: Any) -> None:
                if message["type"] == "http.response.body":
                    await send({**message, "more_body": True})
                    await _drop_rest(receive)
                    message = {"type": "http.response.body", "body": b""}
                await send(message)

            await refuse(
                scope,
                receive,
                send_and_linger,
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                code="upload_too_large",
                message=f"the body is too large: at most {largest} bytes are read",
                headers=[(b"connection", b"close")],
            )

    return limited


async def _drop_rest(receive: Any) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER):
            while (await receive()).get("more_body"):
                pass


def _content_length(scope: Any) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"")
    return int(length) if length.isdigit() else 0


async def _exceeds(limit: int, application: Any, scope: Any, receive: Any, send: Any) -> bool:
    """Call the application, and tell whether the body exceeded the limit; if so, nothing has been sent since.

    A body in chunks has no length in its head. To the application, a client whose body grows too large has hung up.
    """
    received = 0

    async def receive_counted() -> Any:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        return message if received <= limit else {"type": "http.disconnect"}

    async def send_counted(message: Any) -> None:
        if received <= limit:
            await send(message)

    await application(scope, receive_counted, send_counted)
    return received > limit
