"""What stands around handlers: middleware of namespaces and of events, and handlers of all other events."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest

from socketio_bridge import (
    NO_ACK,
    ConnectionRefused,
    InvalidArguments,
    Namespace,
    Options,
    Socket,
    SocketIOServer,
    emit,
    event,
)
from socketio_bridge.hub import current_hub
from socketio_bridge.namespace import CallNext
from tests.socketio_bridge.client import FrameClient, connect

PLACEHOLDER = '{"_placeholder":true,"num":0}'


class Greeting(msgspec.Struct):
    name: str


async def sign_in(socket: Socket) -> None:
    if socket.handshake.auth.get("who") is None:
        raise ConnectionRefused("Sign in first", {"code": "nobody"})
    socket.data.who = socket.handshake.auth["who"]
    socket.data.log = []


async def keep_out_eve(socket: Socket) -> None:
    if socket.data.who == "eve":
        raise ConnectionRefused("Not you")


async def note(socket: Socket, event: str, arguments: list[Any], call_next: CallNext) -> Any:
    socket.data.log.append(f"before {event} {arguments}")
    try:
        answer = await call_next(arguments)
    except InvalidArguments as error:
        return f"no: {error}"
    socket.data.log.append(f"after {event} {answer}")
    return answer


async def guard(socket: Socket, event: str, arguments: list[Any], call_next: CallNext) -> Any:
    if event == "forbidden":
        return "not for you"
    if event == "ignored":
        return NO_ACK
    if event == "broken":
        raise RuntimeError("a bug in a middleware")
    if event == "translated":
        return await call_next([{"name": argument} for argument in arguments])
    return await call_next(arguments)


class Guarded(Namespace):
    path = "/guarded"
    connect_middleware = (sign_in, keep_out_eve)
    event_middleware = (note, guard)

    async def on_connect(self, socket: Socket) -> None:
        await socket.emit("welcome", socket.data.who)

    async def on_error(self, socket: Socket, event: str, arguments: Sequence[Any], error: Exception) -> Any:
        return f"{type(error).__name__}: {error}"

    @event("greet")
    async def greet(self, socket: Socket, greeting: Greeting) -> str:
        return f"hello {greeting.name}"

    @event("translated")
    async def translated(self, socket: Socket, greeting: Greeting) -> str:
        return f"hello {greeting.name}"

    @event("size")
    async def size(self, socket: Socket, data: bytes) -> int:
        return len(data)

    @event("log")
    async def log(self, socket: Socket) -> Any:
        return list(socket.data.log)


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


class Observed(Namespace):
    path = "/observed"

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, str, list[Any]]] = []

    async def on_connect(self, socket: Socket) -> None:
        socket.data.who = socket.handshake.auth["who"]
        await socket.emit("welcome", socket.data.who)

    def on_outgoing(self, socket: Socket, event: str, arguments: list[Any]) -> None:
        self.sent.append((socket.data.who, event, arguments))
        if event == "broken":
            raise LookupError("a bug in on_outgoing")

    @event("tell")
    async def tell(self, socket: Socket, name: str, *arguments: Any) -> str:
        await emit(name, *arguments, to=None, namespace=self.path)
        return "told"

    @event("ask_me")
    async def ask_me(self, socket: Socket) -> None:
        await socket.call("question", 1, timeout=2)


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
    server = SocketIOServer([Guarded(), Relay(), overlapping, Shop(), Stalls(), FlagshipShop()], options=Options())
    async with connect(server) as client:
        yield client


async def answer(client: FrameClient, namespace: str, event: str) -> str:
    await client.send(f"42{namespace},1{event}")
    frame = await client.receive()
    assert frame.startswith(f"43{namespace},1")
    return frame.removeprefix(f"43{namespace},1")


class TestConnectMiddleware:
    async def test_runs_before_the_connect_handler_in_order(self, client: FrameClient) -> None:
        await client.join("/guarded", {"who": "ann"})
        assert await client.receive() == '42/guarded,["welcome","ann"]'

    async def test_may_refuse(self, client: FrameClient) -> None:
        await client.send("40/guarded,")
        assert await client.receive() == '44/guarded,{"message":"Sign in first","data":{"code":"nobody"}}'
        await client.send('40/guarded,{"who":"eve"}')
        assert await client.receive() == '44/guarded,{"message":"Not you"}'


class TestEventMiddleware:
    @pytest.fixture
    async def guarded(self, client: FrameClient) -> FrameClient:
        await client.join("/guarded", {"who": "ann"})
        await client.receive()
        return client

    async def test_runs_around_the_handler(self, guarded: FrameClient) -> None:
        assert await answer(guarded, "/guarded", '["greet",{"name":"bob"}]') == '["hello bob"]'
        await guarded.send('42/guarded,["greet",{"name":"bob"}]')
        notes = ["before greet [{'name': 'bob'}]", "after greet hello bob"] * 2
        assert msgspec.json.decode(await answer(guarded, "/guarded", '["log"]')) == [[*notes, "before log []"]]

    async def test_answers_in_the_handlers_place(self, guarded: FrameClient) -> None:
        assert await answer(guarded, "/guarded", '["forbidden"]') == '["not for you"]'
        await guarded.send('42/guarded,7["ignored"]')
        assert await answer(guarded, "/guarded", '["forbidden"]') == '["not for you"]'

    async def test_changes_the_arguments(self, guarded: FrameClient) -> None:
        assert await answer(guarded, "/guarded", '["translated","bob"]') == '["hello bob"]'

    async def test_sees_what_the_handler_and_its_types_raise(self, guarded: FrameClient) -> None:
        assert await answer(guarded, "/guarded", '["greet",{"name":1}]') == (
            '["no: Expected `str`, got `int` - at `$.name`"]'
        )

    async def test_its_own_errors_are_handled_as_the_handlers(self, guarded: FrameClient) -> None:
        assert await answer(guarded, "/guarded", '["broken"]') == '["RuntimeError: a bug in a middleware"]'
        assert (await answer(guarded, "/guarded", '["nowhere"]')).startswith("[\"UnknownEvent: 'nowhere' is no event")

    async def test_binary_goes_through(self, guarded: FrameClient) -> None:
        await guarded.send(f'451-/guarded,1["size",{PLACEHOLDER}]')
        await guarded.send(b"abc")
        assert await guarded.receive() == "43/guarded,1[3]"


class TestCatchAll:
    async def test_takes_the_events_that_no_other_handler_takes(self, client: FrameClient) -> None:
        await client.join("/relay")
        assert await answer(client, "/relay", '["known",1,"a","b"]') == '[1,"a","b"]'
        assert await answer(client, "/relay", '["else",{"a":1},2,3]') == '["else",{"a":1},2,3]'
        assert await answer(client, "/relay", '["else"]') == '["else",null]'

    async def test_an_event_may_have_its_name(self, client: FrameClient) -> None:
        await client.join("/relay")
        assert await answer(client, "/relay", '["*",1]') == '["*",1]'

    async def test_may_overlap(self, client: FrameClient, overlapping: Overlapping) -> None:
        await client.join("/overlapping")
        for name in ("a", "b"):
            await client.send(f'42/overlapping,["{name}"]')
        while overlapping.begun != ["a", "b"]:
            await asyncio.sleep(0)
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
        assert await answer(client, "/shop/1", '["where"]') == '["the flagship"]'
        assert await answer(client, "/shop/2", '["where"]') == '["/shop/2"]'
        await client.send("40/shop/2/x,")
        assert await client.receive() == '44/shop/2/x,{"message":"Invalid namespace"}'

    async def test_what_no_pattern_tells_the_namespace_itself_does(self, client: FrameClient) -> None:
        await client.join("/stall/cheese")
        assert await answer(client, "/stall/cheese", '["where"]') == '["/stall/cheese"]'
        for path in ("/stall/fish", "/stall/broken"):
            await client.send(f"40{path},")
            assert await client.receive() == f'44{path},{{"message":"Invalid namespace"}}'

    async def test_each_path_has_rooms_of_its_own(self, client: FrameClient) -> None:
        for path in ("/shop/2", "/shop/3"):
            await client.join(path)
            assert await answer(client, path, '["where"]') == f'["{path}"]'
        await emit("hi", to="customers", namespace="/shop/3")
        await emit("hi", to="customers", namespace="/shop/2")
        assert [await client.receive(), await client.receive()] == ['42/shop/3,["hi"]', '42/shop/2,["hi"]']

    async def test_a_client_that_wanders_through_many_leaves_nothing_behind(self, client: FrameClient) -> None:
        await client.join("/relay")
        hub = current_hub()
        for number in range(2, 302):
            await client.join(f"/shop/{number}")
            await answer(client, f"/shop/{number}", '["where"]')
            await client.send(f"41/shop/{number},")
        assert await answer(client, "/relay", '["a"]') == '["a",null]'
        assert set(hub._namespaces) == {"/relay"}

    async def test_rooms_that_a_socket_enters_after_it_left_are_kept_nowhere(self, client: FrameClient) -> None:
        left: list[Socket] = []

        async def on_disconnect(self: Shop, socket: Socket, reason: str) -> None:
            await socket.enter_room("customers")
            await socket.leave_room("others")
            left.append(socket)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Shop, "on_disconnect", on_disconnect)
            await client.join("/shop/2")
            await client.send("41/shop/2,")
            await client.join("/relay")
            assert left
        assert set(current_hub()._namespaces) == {"/relay"}


class TestOutgoingEvents:
    @pytest.fixture
    def observed(self) -> Observed:
        return Observed()

    async def test_each_is_seen_as_the_client_will_see_it(self, observed: Observed) -> None:
        server = SocketIOServer([observed], options=Options())
        async with connect(server) as ann, connect(server) as bob:
            for client, who in ((ann, "ann"), (bob, "bob")):
                await client.join("/observed", {"who": who})
                assert await client.receive() == f'42/observed,["welcome","{who}"]'
            await ann.send('42/observed,1["tell","news",{"a":[1]},null]')
            assert await bob.receive() == '42/observed,["news",{"a":[1]},null]'
            await ann.send(f'451-/observed,["tell","file",{PLACEHOLDER}]')
            await ann.send(b"\x01\x02")
            assert await bob.receive() == f'451-/observed,["file",{PLACEHOLDER}]'
        news, file = ("news", [{"a": [1]}, None]), ("file", [b"\x01\x02"])
        assert observed.sent[:2] == [("ann", "welcome", ["ann"]), ("bob", "welcome", ["bob"])]
        assert sorted(observed.sent[2:4]) == [("ann", *news), ("bob", *news)]
        assert sorted(observed.sent[4:]) == [("ann", *file), ("bob", *file)]

    async def test_questions_are_events_and_acknowledgements_are_not(self, observed: Observed) -> None:
        server = SocketIOServer([observed], options=Options())
        async with connect(server) as ann:
            await ann.join("/observed", {"who": "ann"})
            await ann.send('42/observed,1["ask_me"]')
            assert [await ann.receive(), await ann.receive()][1] == '42/observed,0["question",1]'
            await ann.send("43/observed,0[]")
            assert await ann.receive() == "43/observed,1[]"
        assert observed.sent[1:] == [("ann", "question", [1])]

    async def test_an_observer_that_fails_holds_nothing_up(self, observed: Observed) -> None:
        server = SocketIOServer([observed], options=Options())
        async with connect(server) as ann:
            await ann.join("/observed", {"who": "ann"})
            await ann.send('42/observed,1["tell","broken"]')
            assert [await ann.receive() for _ in range(3)][1:] == ['42/observed,["broken"]', '43/observed,1["told"]']
