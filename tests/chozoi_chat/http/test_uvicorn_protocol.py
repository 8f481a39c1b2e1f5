"""What one connection, one address and all connections together may cost the server that is shipped."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from pytest_django import Settings
from uvicorn.server import ServerState
from websockets.asyncio.client import connect

from chozoi_chat.http import uvicorn_protocol
from chozoi_chat.http.connection_limit import limit_connections
from chozoi_chat.http.uvicorn_protocol import HEAD, HEADERS, BoundedHttpProtocol, BoundedWebSocketProtocol, connections
from tests.eventually import eventually


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers a request with the length of its body; `/slow` waits first. Takes any WebSocket."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        return
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length += len(message["body"])
        if not message["more_body"]:
            break
    if scope["path"] == "/slow":
        await asyncio.sleep(0.4)
    body = b"%d" % length
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """A server of the application; who calls is no proxy."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "10.0.0.1")
    monkeypatch.setattr(uvicorn_protocol, "LINGER", 0.3)
    config = uvicorn.Config(
        limit_connections(application, 5), ws=BoundedWebSocketProtocol, log_config=None, access_log=False
    )
    config.load()
    state = ServerState()

    def protocol() -> asyncio.Protocol:
        return BoundedHttpProtocol(config=config, server_state=state, app_state={})

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await eventually(lambda: not connections.all)
    assert connections.of("127.0.0.1") == 0


class Client:
    """A connection that says what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, said: bytes) -> None:
        self.writer.write(said)

    async def status(self) -> int | None:
        """The status of the next answer, its body read; None: the server hung up."""
        async with asyncio.timeout(10):
            line = await self.reader.readline()
            if not line:
                return None
            length = 0
            while (header := await self.reader.readline()).strip():
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            self.body = await self.reader.readexactly(length)
        return int(line.split()[1])


@contextlib.asynccontextmanager
async def client(port: int) -> AsyncIterator[Client]:
    client = Client(*await asyncio.open_connection("127.0.0.1", port))
    yield client
    client.writer.close()
    with contextlib.suppress(ConnectionError):
        await client.writer.wait_closed()


def head(size: int, *, path: str = "/") -> bytes:
    """A request's head of so many bytes."""
    start, end = b"GET %s HTTP/1.1\r\nHost: x\r\nA: " % path.encode(), b"\r\n\r\n"
    return start + b"a" * (size - len(start) - len(end)) + end


async def test_a_head_is_read_up_to_its_bound(port: int) -> None:
    async with client(port) as at_most, client(port) as more:
        at_most.say(head(HEAD))
        more.say(head(HEAD + 1))
        assert (await at_most.status(), await more.status(), await more.status()) == (200, 431, None)


@pytest.mark.parametrize(
    ("begin", "status"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nA: ", 431, id="a header's value"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n", 431, id="a header's name"),
        pytest.param(b"GET /", 414, id="the URL"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ", 400, id="a trailer"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;a=", 400, id="an extension"),
    ],
)
async def test_what_never_ends_is_refused_at_the_bound(port: int, begin: bytes, status: int) -> None:
    """And what is sent all the same is dropped until the connection ends."""
    async with client(port) as sender:
        sender.say(begin)
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                sender.say(b"a" * HEAD)
                await sender.writer.drain()
        assert await sender.status() == status


async def test_a_request_has_so_many_headers(port: int) -> None:
    async with client(port) as few, client(port) as many, client(port) as trailers:
        few.say(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * HEADERS + b"\r\n")
        many.say(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * (HEADERS + 1) + b"\r\n")
        chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
        trailers.say(chunked + b"a: b\r\n" * (HEADERS + 1) + b"\r\n")
        assert [await sender.status() for sender in (few, many, trailers)] == [200, 431, 431]


async def test_each_request_of_a_connection_is_counted_anew(port: int) -> None:
    async with client(port) as sender:
        for _ in range(4):
            sender.say(head(HEAD // 2))
            assert await sender.status() == 200


async def test_a_body_in_tiny_chunks_is_refused_and_one_in_usual_chunks_is_read(port: int) -> None:
    begin = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with client(port) as usual, client(port) as tiny:
        usual.say(
            begin + b"400\r\n" + b"x" * 1024 + b"\r\n" + (b"400\r\n" + b"x" * 1024 + b"\r\n") * 999 + b"0\r\n\r\n"
        )
        assert (await usual.status(), usual.body) == (200, b"1024000")
        tiny.say(begin + b"1\r\nx\r\n" * 100_000)
        assert await tiny.status() == 400


async def test_requests_ahead_are_few(port: int) -> None:
    async with client(port) as sender:
        sender.say(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n" + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 10)
        assert [await sender.status() for _ in range(11)] == [200] * 11
        sender.say(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n" + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
        assert await sender.status() is None


@pytest.mark.parametrize(
    ("begin", "status"),
    [
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"\r\n", None, id="an empty line"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n", 408, id="half a head"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx", 408, id="half a body"),
    ],
)
async def test_what_does_not_come_in_time_is_waited_for_no_longer(
    port: int, settings: Settings, begin: bytes, status: int | None
) -> None:
    settings.REQUEST_TIMEOUT = 0.2
    async with client(port) as sender:
        sender.say(begin)
        assert (await sender.status(), await sender.status()) == (status, None)


async def test_neither_is_a_head_that_comes_byte_by_byte(port: int, settings: Settings) -> None:
    settings.REQUEST_TIMEOUT = 0.3
    async with client(port) as sender:

        async def trickle() -> None:
            sender.say(b"GET / HTTP/1.1\r\nA: ")
            while True:
                sender.say(b"a")
                await asyncio.sleep(0.02)

        trickling = asyncio.create_task(trickle())
        assert await sender.status() == 408
        trickling.cancel()


async def test_a_body_has_the_time_that_its_size_takes_on_a_slow_line(
    port: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REQUEST_TIMEOUT = 0.3
    monkeypatch.setattr(uvicorn_protocol, "SLOWEST", 10)
    async with client(port) as sender:
        sender.say(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60\r\n\r\n")
        for _ in range(6):
            sender.say(b"x" * 10)
            await asyncio.sleep(0.1)
        assert (await sender.status(), sender.body) == (200, b"60")


async def test_an_answer_may_take_longer(port: int, settings: Settings) -> None:
    """As a long poll does."""
    settings.REQUEST_TIMEOUT = 0.1
    async with client(port) as sender:
        sender.say(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await sender.status() == 200


async def test_an_address_has_so_many_connections(port: int, settings: Settings) -> None:
    settings.MAX_CONNECTIONS_PER_ADDRESS = 3
    async with client(port) as first, client(port):
        async with connect(f"ws://127.0.0.1:{port}"):
            async with client(port) as fourth:
                assert (await fourth.status(), await fourth.status()) == (429, None)
            first.say(head(100))
            assert await first.status() == 200
        await eventually(lambda: connections.all <= 2, "a WebSocket gives its place up, too")
        async with client(port) as another:
            another.say(head(100))
            assert await another.status() == 200


async def test_all_addresses_together_have_so_many(port: int, settings: Settings) -> None:
    settings.MAX_CONNECTIONS = 2
    async with client(port), client(port), client(port) as third:
        assert (await third.status(), await third.status()) == (503, None)


async def test_a_proxy_has_any_number_and_those_behind_it_are_counted(
    port: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "127.0.0.1")
    settings.MAX_CONNECTIONS_PER_ADDRESS = 1
    asked: list[int] = []

    async def ask(address: str) -> tuple[str, int]:
        scope = {"type": "http", "path": "/slow", "client": (address, 1), "extensions": {}}

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                asked.append(message["status"])
                answers.append((address, message["status"]))

        answers: list[tuple[str, int]] = []
        await limited(scope, receive, send)
        return answers[0]

    limited = limit_connections(application, 2)
    async with client(port), client(port), client(port) as third:
        third.say(head(100))
        assert await third.status() == 200
    answers = await asyncio.gather(*map(ask, ["9.9.9.9"] * 3 + ["8.8.8.8"] + ["127.0.0.1"] * 3))
    assert [status for address, status in answers if address == "9.9.9.9"] == [200, 200, 429]
    assert [status for address, status in answers if address != "9.9.9.9"] == [200] * 4
    assert await ask("9.9.9.9") == ("9.9.9.9", 200)


UPGRADE = b"Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param(b"GET /%s HTTP/1.1\r\n" % (b"a" * 20_000) + UPGRADE + KEY, 414, id="a long address"),
        pytest.param(b"GET / HTTP/1.1\r\nA: %s\r\n" % (b"a" * 20_000) + UPGRADE + KEY, 431, id="a long header"),
        pytest.param(b"GET / HTTP/1.1\r\n" + UPGRADE, 400, id="no key"),
    ],
)
async def test_a_web_socket_that_is_refused_for_its_head_gets_an_answer_and_is_closed(
    port: int, request_: bytes, status: int
) -> None:
    async with client(port) as sender:
        sender.say(request_ + b"\r\n")
        assert (await sender.status(), await sender.status()) == (status, None)


async def test_a_web_socket_that_reads_no_pongs_is_closed(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn_protocol, "UNREAD", 100_000)
    async with client(port) as sender:
        sender.say(b"GET / HTTP/1.1\r\n" + UPGRADE + KEY + b"\r\n")
        assert await sender.status() == 101
        transport = sender.writer.transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                sender.say((b"\x89\xfd\0\0\0\0" + b"x" * 125) * 500)
                await sender.writer.drain()
        assert transport.is_closing()
