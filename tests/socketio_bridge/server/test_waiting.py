"""Waiting for one event of a client: `once` of Socket.IO's sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from socketio_bridge import Namespace, Options, Socket, SocketIOServer, event
from tests.eventually import eventually
from tests.socketio_bridge.client import PLACEHOLDER, FrameClient, connect


class Shop(Namespace):
    path = "/shop"

    def __init__(self) -> None:
        super().__init__()
        self.log: list[Any] = []
        self.sockets: list[Socket] = []

    async def on_connect(self, socket: Socket) -> None:
        self.sockets.append(socket)
        if socket.handshake.auth.get("who") == "impatient":
            await socket.wait_for("chosen", timeout=1)

    async def on_error(self, socket: Socket, event: str, arguments: Any, error: Exception) -> Any:
        self.log.append((event, type(error).__name__))

    @event("buy")
    async def buy(self, socket: Socket, timeout: float) -> Any:
        await socket.emit("choose")
        try:
            return await socket.wait_for("chosen", timeout=timeout)
        except TimeoutError as error:
            self.log.append(str(error).replace(socket.id, "…"))
            return "too late"

    @event("changed")
    async def changed(self, socket: Socket, what: str) -> str:
        self.log.append(what)
        return "noted"


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
async def client(shop: Shop) -> AsyncIterator[FrameClient]:
    async with connect(SocketIOServer([shop], options=Options())) as client:
        await client.join("/shop")
        yield client


async def test_a_handler_waits_for_an_event_that_comes_behind_it(client: FrameClient) -> None:
    await client.send('42/shop,1["buy",5]')
    assert await client.receive() == '42/shop,["choose"]'
    await client.send('42/shop,["chosen","tea",{"cups":2}]')
    assert await client.receive() == '43/shop,1[["tea",{"cups":2}]]'


async def test_it_is_acknowledged_though_it_has_no_handler(client: FrameClient, shop: Shop) -> None:
    await client.send('42/shop,1["buy",5]')
    assert await client.receive() == '42/shop,["choose"]'
    await client.send('42/shop,2["chosen"]')
    assert sorted([await client.receive(), await client.receive()]) == ["43/shop,1[[]]", "43/shop,2[]"]
    assert shop.log == []


async def test_binary_arrives(client: FrameClient) -> None:
    await client.send('42/shop,1["buy",5]')
    await client.receive()
    await client.send(f'451-/shop,["chosen",{PLACEHOLDER}]')
    await client.send(b"tea")
    assert await client.receive() == f"461-/shop,1[[{PLACEHOLDER}]]"
    assert await client.receive_binary() == b"tea"


async def test_its_own_handler_runs_as_well(client: FrameClient, shop: Shop) -> None:
    waiting = [asyncio.create_task(shop.sockets[0].wait_for("changed", timeout=5)) for _ in range(2)]
    await asyncio.sleep(0)
    await client.send('42/shop,1["changed","price"]')
    assert await client.receive() == '43/shop,1["noted"]'
    assert await asyncio.gather(*waiting) == [["price"], ["price"]]
    assert shop.log == ["price"]


async def test_the_next_one_is_an_event_like_any(client: FrameClient, shop: Shop) -> None:
    await client.send('42/shop,1["buy",5]')
    await client.receive()
    await client.send('42/shop,["chosen","tea"]')
    await client.send('42/shop,["chosen","coffee"]')
    assert await client.receive() == '43/shop,1[["tea"]]'
    await eventually(lambda: shop.log)
    assert shop.log == [("chosen", "UnknownEvent")]


async def test_who_waits_in_vain_is_told(client: FrameClient, shop: Shop) -> None:
    await client.send('42/shop,1["buy",0.05]')
    await client.receive()
    assert await client.receive() == '43/shop,1["too late"]'
    assert shop.log == ["<Socket … in /shop> did not emit 'chosen' within 0.05 s"]
    await client.send('42/shop,["chosen"]')
    await eventually(lambda: len(shop.log) > 1)
    assert shop.log[1] == ("chosen", "UnknownEvent"), "nobody waits any more"


async def test_who_waits_for_a_client_that_leaves_is_told(client: FrameClient, shop: Shop) -> None:
    await client.send('42/shop,1["buy",5]')
    await client.receive()
    await client.send("41/shop,")
    await eventually(lambda: shop.log)
    assert shop.log == ["<Socket … in /shop> has left: client namespace disconnect"]
    with pytest.raises(TimeoutError, match="has left"):
        await shop.sockets[0].wait_for("chosen", timeout=5)


async def test_what_python_cannot_hold_is_not_taken(client: FrameClient, shop: Shop) -> None:
    await client.send('42/shop,1["buy",5]')
    await client.receive()
    await client.send('42/shop,["chosen",1e999]')
    await client.send('42/shop,["chosen",1]')
    assert await client.receive() == "43/shop,1[[1]]"


async def test_a_connect_handler_cannot_wait(shop: Shop, client: FrameClient, caplog: pytest.LogCaptureFixture) -> None:
    """The client emits when it is in, which it is when the handler has returned."""
    await client.send('40/shop,{"who":"impatient"}')
    assert await client.receive() == '44/shop,{"message":"Internal Server Error"}'
    assert "before it is let in" in caplog.text
