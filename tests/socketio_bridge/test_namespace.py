"""Which handler an event is for, and which namespace serves a path: handlers of all other events, and patterns."""

from __future__ import annotations

import asyncio
import gc
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from socketio_bridge import Namespace, Options, Socket, SocketIOServer, emit, event
from socketio_bridge.adapter.rooms import Rooms
from tests.eventually import eventually
from tests.socketio_bridge.client import FrameClient, connect

pytestmark = pytest.mark.usefixtures("redis_server")


class Relay(Namespace):
    path = "/relay"

    @event("known")
    async def known(self, socket: Socket, first: int, *rest: str) -> Any:
        return first, *rest

    @event("*")
    async def any_other(self, socket: Socket, name: str, first: Any = None, *rest: int) -> Any:
        return name, first, *rest


class Overlapping(Namespace):
    path = "/overlapping"

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[str] = []
        self.gate = asyncio.Event()

    @event("*", overlapping=True)
    async def any_other(self, socket: Socket, name: str) -> None:
        self.begun.append(name)
        await self.gate.wait()


class Shop(Namespace):
    pattern = re.compile(r"/shop/\d+")

    async def on_startup(self) -> None:
        self.started = True

    @event("where")
    async def where(self, socket: Socket) -> str:
        await socket.enter_room("customers")
        await emit("visited", to="customers", namespace=socket.namespace, except_=socket.id)
        return socket.namespace


class Stalls(Namespace):
    """Those that are open today."""

    open = {"/stall/cheese"}

    def serves(self, path: str) -> bool:
        if path == "/stall/broken":
            raise LookupError("a bug in serves")
        return path in self.open

    @event("where")
    async def where(self, socket: Socket) -> str:
        return socket.namespace


class FlagshipShop(Namespace):
    path = "/shop/1"

    @event("where")
    async def where(self, socket: Socket) -> str:
        return "the flagship"


@pytest.fixture
def overlapping() -> Overlapping:
    return Overlapping()


@pytest.fixture
async def client(overlapping: Overlapping) -> AsyncIterator[FrameClient]:
    server = SocketIOServer([Relay(), overlapping, Shop(), Stalls(), FlagshipShop()], options=Options())
    async with connect(server) as client:
        yield client


def _rooms_kept() -> int:
    """How many namespaces have rooms in memory."""
    gc.collect()
    return sum(type(each) is Rooms for each in gc.get_objects())


class TestCatchAll:
    async def test_takes_the_events_that_no_other_handler_takes(self, client: FrameClient) -> None:
        await client.join("/relay")
        assert await client.answer_to('["known",1,"a","b"]', "/relay") == '[1,"a","b"]'
        assert await client.answer_to('["else",{"a":1},2,3]', "/relay") == '["else",{"a":1},2,3]'
        assert await client.answer_to('["else"]', "/relay") == '["else",null]'

    async def test_an_event_may_have_its_name(self, client: FrameClient) -> None:
        await client.join("/relay")
        assert await client.answer_to('["*",1]', "/relay") == '["*",1]'

    async def test_may_overlap(self, client: FrameClient, overlapping: Overlapping) -> None:
        await client.join("/overlapping")
        for name in ("a", "b"):
            await client.send(f'42/overlapping,["{name}"]')
        await eventually(lambda: overlapping.begun == ["a", "b"])
        overlapping.gate.set()


class TestDynamicNamespaces:
    async def test_a_connection_may_join_so_many_namespaces_and_no_more(self, client: FrameClient) -> None:
        for number in range(100):
            await client.join(f"/shop/{number}")
        await client.send("40/shop/1000,")
        assert await client.receive() == '44/shop/1000,{"message":"A connection may join 100 namespaces"}'
        await client.send("41/shop/1,")
        await client.join("/shop/1000")

    async def test_a_pattern_serves_paths_that_match_as_a_whole_and_are_nobody_elses(self, client: FrameClient) -> None:
        for path in ("/shop/1", "/shop/2", "/shop/3"):
            await client.join(path)
        assert await client.answer_to('["where"]', "/shop/1") == '["the flagship"]'
        assert await client.answer_to('["where"]', "/shop/2") == '["/shop/2"]'
        await client.send("40/shop/2/x,")
        assert await client.receive() == '44/shop/2/x,{"message":"Invalid namespace"}'

    async def test_what_no_pattern_tells_the_namespace_itself_does(self, client: FrameClient) -> None:
        await client.join("/stall/cheese")
        assert await client.answer_to('["where"]', "/stall/cheese") == '["/stall/cheese"]'
        for path in ("/stall/fish", "/stall/broken"):
            await client.send(f"40{path},")
            assert await client.receive() == f'44{path},{{"message":"Invalid namespace"}}'

    async def test_each_path_has_rooms_of_its_own(self, client: FrameClient) -> None:
        for path in ("/shop/2", "/shop/3"):
            await client.join(path)
            assert await client.answer_to('["where"]', path) == f'["{path}"]'
        await emit("hi", to="customers", namespace="/shop/3")
        await emit("hi", to="customers", namespace="/shop/2")
        assert [await client.receive(), await client.receive()] == ['42/shop/3,["hi"]', '42/shop/2,["hi"]']

    async def test_a_client_that_wanders_through_many_leaves_nothing_behind(self, client: FrameClient) -> None:
        await client.join("/relay")
        before = _rooms_kept()
        for number in range(2, 302):
            await client.join(f"/shop/{number}")
            await client.answer_to('["where"]', f"/shop/{number}")
            await client.send(f"41/shop/{number},")
        assert await client.answer_to('["a"]', "/relay") == '["a",null]'
        assert _rooms_kept() == before

    async def test_rooms_that_a_socket_enters_after_it_left_are_kept_nowhere(self, client: FrameClient) -> None:
        left: list[Socket] = []

        async def on_disconnect(self: Shop, socket: Socket, reason: str) -> None:
            await socket.enter_room("customers")
            await socket.leave_room("others")
            left.append(socket)

        await client.join("/relay")
        before = _rooms_kept()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Shop, "on_disconnect", on_disconnect)
            await client.join("/shop/2")
            await client.send("41/shop/2,")
            await eventually(lambda: left)
        assert _rooms_kept() == before
