"""A body that is too large is refused before anything reads it to its end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from chozoi_chat.http.body_limit import limit_bodies
from devstack.embedded import free_port
from tests.eventually import eventually

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
        return next(waiting, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [] if length is None else [(b"content-length", b"%d" % length)]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
    await limit_bodies(server, LARGEST)(scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


async def test_what_says_that_it_is_too_large_never_comes_through() -> None:
    server = Server()
    status, answer = await call(server, [b"never read"], LARGEST + OVERHEAD + 1)
    assert (status, answer["status"], answer["code"], server.read) == (413, False, "upload_too_large", [])


async def test_what_turns_out_too_large_is_read_no_further() -> None:
    server = Server()
    status, answer = await call(server, [b"x" * 60_000] * 10)
    assert (status, answer["code"], server.hung_up) == (413, "upload_too_large", 1)
    assert server.read[0] <= LARGEST + OVERHEAD


@pytest.mark.slow
async def test_a_client_that_sends_all_first_gets_the_answer() -> None:
    """As proxies do. A server that closes with bytes unread resets the connection, and the answer with it."""
    port = free_port()
    application = limit_bodies(Server(), LARGEST)
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started, "uvicorn serves")
    try:
        for _ in range(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000\r\n\r\n")
            for _ in range(90):
                writer.write(b"x" * 100_000)
                await writer.drain()
            assert b"413 Request Entity Too Large" in await reader.readline()
            assert b"upload_too_large" in await reader.read()
            writer.close()
    finally:
        server.should_exit = True
        await serving


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
