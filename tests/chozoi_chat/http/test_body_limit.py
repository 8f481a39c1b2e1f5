"""A body that is too large is refused before anything reads it to its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from chozoi_chat.http.body_limit import limit_bodies

LARGEST = 100_000
OVERHEAD = 64 * 1024


class Server:
    """What lies behind the limit: reads all, answers with how much that was, and counts how often it is asked."""

    def __init__(self) -> None:
        self.read: list[int] = []
        self.hung_up = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.read.append(0)
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.hung_up += 1
                return
            self.read[-1] += len(message["body"])
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


async def call(server: Server, chunks: list[bytes], length: int | None = None) -> tuple[int, Any]:
    """Send a body in chunks; the status and the answer."""
    sent: list[Any] = []

    def messages() -> Iterator[dict[str, Any]]:
        for number, chunk in enumerate(chunks, 1):
            yield {"type": "http.request", "body": chunk, "more_body": number < len(chunks)}

    waiting = messages()

    async def receive() -> dict[str, Any]:
        return next(waiting)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [] if length is None else [(b"content-length", b"%d" % length)]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
    await limit_bodies(server, LARGEST)(scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


async def test_what_says_that_it_is_too_large_is_not_read() -> None:
    server = Server()
    status, answer = await call(server, [b"never read"], LARGEST + OVERHEAD + 1)
    assert (status, answer["status"], answer["code"], server.read) == (413, False, "upload_too_large", [])


async def test_what_turns_out_too_large_is_read_no_further() -> None:
    server = Server()
    status, answer = await call(server, [b"x" * 60_000] * 10)
    assert (status, answer["code"], server.hung_up) == (413, "upload_too_large", 1)
    assert server.read[0] <= LARGEST + OVERHEAD


async def test_everything_else_passes() -> None:
    server = Server()
    assert await call(server, [b"x" * 60_000] * 2, 120_000) == (200, {})
    assert await call(server, [b""]) == (200, {})
    assert server.read == [120_000, 0]


async def test_a_length_that_is_none_is_counted() -> None:
    server = Server()
    headers = [(b"content-length", b"many")]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await limit_bodies(server, LARGEST)({"type": "http", "headers": headers}, receive, send)
    assert sent[0]["status"] == 200
