"""`LiveServer`: an application on a port, for clients that are not in process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from django.core.asgi import get_asgi_application
from django.test import Client as Browser

from socketio_bridge import ConnectionRefused, Namespace, Options, Socket, SocketIOServer, emit, event
from socketio_bridge.testing import LiveServer, SocketIOCommunicator, session_headers
from tests.clients.client import Client
from tests.clients.driver import Driver

pytestmark = pytest.mark.asyncio(loop_scope="session")  # the loop of the clients' driver


class Echo(Namespace):
    path = "/echo"

    async def on_connect(self, socket: Socket) -> None:
        if socket.handshake.auth.get("who") == "stranger":
            raise ConnectionRefused("Who are you?", {"code": "stranger"})
        await socket.enter_room("all")

    @event("echo")
    async def echo(self, socket: Socket, value: Any) -> Any:
        return value

    @event("cookie")
    async def cookie(self, socket: Socket) -> str:
        return socket.handshake.headers.get("cookie", "")


@pytest.fixture
def live(redis_server: None) -> Iterator[LiveServer]:
    options = Options()
    application = SocketIOServer([Echo()], options=options).mount("/socket.io", beside=get_asgi_application())
    with LiveServer(application, options=options) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def client(live: LiveServer) -> AsyncIterator[SocketIOCommunicator]:
    async with SocketIOCommunicator(live.url, "/echo") as client:
        yield client


async def test_the_test_client_speaks_to_it_over_the_network(client: SocketIOCommunicator) -> None:
    assert await client.call("echo", {"a": [1, b"\x01"]}) == [{"a": [1, b"\x01"]}]
    assert client.connected


async def test_of_both_generations(live: LiveServer) -> None:
    async with SocketIOCommunicator(live.url, "/echo", eio=3, query={"who": "ann"}) as client:
        assert await client.call("echo", "a") == ["a"]


async def test_refusals_are_the_same(live: LiveServer) -> None:
    with pytest.raises(ConnectionRefused, match="Who are you") as refused:
        await SocketIOCommunicator(live.url, "/echo", auth={"who": "stranger"}).connect()
    assert refused.value.data == {"code": "stranger"}
    with pytest.raises(ConnectionRefused, match="Forbidden") as refused:
        await SocketIOCommunicator(live.url, "/echo", headers={"origin": "https://evil.example"}).connect()
    assert refused.value.data == {"status": 403, "code": 4}


async def test_it_is_a_process_of_its_own_to_the_test(live: LiveServer, client: SocketIOCommunicator) -> None:
    await emit("news", 1, to="all", namespace="/echo")
    assert await client.receive(5) == ("news", [1])


async def test_it_serves_pages_too(live: LiveServer) -> None:
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{live.url}/healthz")).status_code == 200


async def test_connections_can_be_cut(live: LiveServer, driver: Driver) -> None:
    options = {"reconnection": True, "reconnectionDelay": 50, "reconnectionDelayMax": 50}
    async with Client(
        driver, version="4.8", url=live.url, namespace="/echo", path="/socket.io", options=options
    ) as stock:
        assert await stock.ask("echo", 1) == 1
        async with SocketIOCommunicator(live.url, "/echo") as client:
            live.cut_connections()
            assert await client.disconnected(5) == "transport close"
        await stock.reconnected()
        assert await stock.ask("echo", 2) == 2


async def test_a_session_is_taken_along(live: LiveServer) -> None:
    browser = Browser()
    browser.cookies["sessionid"] = "x"
    browser.cookies["other"] = "y"
    async with SocketIOCommunicator(live.url, "/echo", headers=session_headers(browser)) as client:
        assert await client.call("cookie") == ["sessionid=x; other=y"]


async def test_it_stops_while_clients_are_connected(redis_server: None) -> None:
    options = Options()
    application = SocketIOServer([Echo()], options=options).mount("/socket.io", beside=get_asgi_application())
    with LiveServer(application, options=options) as server:
        client = SocketIOCommunicator(server.url, "/echo")
        await client.connect()
    assert await client.disconnected(5) == "transport close"
    await client.drop()


async def test_one_that_cannot_start_says_so() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no"})

    with pytest.raises(RuntimeError, match="did not start"):
        await asyncio.to_thread(LiveServer(broken, options=Options()).__enter__)
