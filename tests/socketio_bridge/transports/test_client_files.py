"""The JavaScript client below the server's path, as the reference server's own tests have it ("server attachment")."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.contrib.staticfiles.finders import find

import socketio_bridge
from socketio_bridge import Namespace, Options, SocketIOServer
from socketio_bridge.transports.client_files import CLIENT_FILES, CLIENT_VERSION
from tests.clients.node import installed_clients

SHIPPED = Path(socketio_bridge.__file__).parent / "static" / "socketio_bridge"
SHOP = "https://shop.example"


async def django(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def served(**options: Any) -> httpx.AsyncClient:
    server = SocketIOServer([Namespace()], options=Options(**options))
    application: Any = server.mount("/socket.io", beside=django, middleware=lambda served: None)
    return httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://testserver/socket.io")


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    async with served(allowed_origins=[SHOP]) as browser:
        yield browser


@pytest.mark.parametrize("name", sorted(CLIENT_FILES))
async def test_each_file_is_served(browser: httpx.AsyncClient, name: str) -> None:
    answer = await browser.get(f"/{name}", params={"buster": "1"})
    kind = "json" if name.endswith(".map") else "javascript"
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"application/{kind}; charset=utf-8"
    assert answer.headers["etag"] == f'"{CLIENT_VERSION}"'
    assert answer.headers["cache-control"] == "public, max-age=0"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.content == (SHIPPED / name).read_bytes()


@pytest.mark.parametrize(
    ("accepted", "gzipped"),
    [("gzip, br", True), ("br;q=1.0, gzip; q=0.5", True), ("gzip;q=0", False), ("br", False), ("", False)],
)
async def test_it_is_compressed_for_those_who_take_it(browser: httpx.AsyncClient, accepted: str, gzipped: bool) -> None:
    async with browser.stream("GET", "/socket.io.js", headers={"accept-encoding": accepted}) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert ("content-encoding" in answer.headers) is gzipped
    assert (gzip.decompress(raw) if gzipped else raw) == (SHIPPED / "socket.io.js").read_bytes()
    assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("tag", [f'"{CLIENT_VERSION}"', f'W/"{CLIENT_VERSION}"', f'"1.0", "{CLIENT_VERSION}"'])
async def test_who_has_this_version_gets_304(browser: httpx.AsyncClient, tag: str) -> None:
    answer = await browser.get("/socket.io.js", headers={"if-none-match": tag})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == f'"{CLIENT_VERSION}"'
    assert (await browser.get("/socket.io.js", headers={"if-none-match": '"1.0"'})).status_code == 200


async def test_only_get_and_head(browser: httpx.AsyncClient) -> None:
    head = await browser.head("/socket.io.min.js", headers={"accept-encoding": "identity"})
    size = (SHIPPED / "socket.io.min.js").stat().st_size
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")
    assert (await browser.post("/socket.io.min.js")).status_code == 405


async def test_pages_of_allowed_origins_may_read_it(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/socket.io.js", headers={"origin": SHOP})
    assert answer.headers["access-control-allow-origin"] == SHOP
    answer = await browser.get("/socket.io.js", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["/LICENSE", "/../socket.io.js", "/deeper/socket.io.js", "/socket.io.slim.js"])
async def test_nothing_else_is_served(browser: httpx.AsyncClient, path: str) -> None:
    assert (await browser.get(path)).status_code == 299


async def test_without_serve_client_django_has_the_path() -> None:
    async with served(serve_client=False) as browser:
        assert (await browser.get("/socket.io.js")).status_code == 299


async def test_a_server_in_a_router_serves_it_too() -> None:
    transport = httpx.ASGITransport(SocketIOServer([Namespace()], options=Options()))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as browser:
        assert (await browser.get("/anywhere/socket.io.js")).status_code == 200


def test_it_is_among_the_static_files() -> None:
    assert find("socketio_bridge/socket.io.min.js") == str(SHIPPED / "socket.io.min.js")


@pytest.mark.parametrize("name", sorted(CLIENT_FILES))
def test_the_files_are_those_of_the_client_that_tests_use(name: str) -> None:
    """After an update of the client: copy its `dist` and LICENSE here, and set CLIENT_VERSION."""
    package = installed_clients() / "node_modules" / "socket.io-client-4"
    assert (SHIPPED / name).read_bytes() == (package / "dist" / name).read_bytes()
    assert (SHIPPED / "LICENSE").read_bytes() == (package / "LICENSE").read_bytes()
    assert f"Socket.IO v{CLIENT_VERSION}\n" in (SHIPPED / "socket.io.js").read_text()[:50]
