"""Middleware of namespaces and of events."""

from __future__ import annotations

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
from socketio_bridge.adapter.adapter import current_adapter
from socketio_bridge.namespace import CallNext
from tests.socketio_bridge.client import PLACEHOLDER, FrameClient, connect

pytestmark = pytest.mark.usefixtures("redis_server")


class Greeting(msgspec.Struct):
    name: str


async def sign_in(socket: Socket) -> None:
    if socket.handshake.auth.get("who") is None:
        raise ConnectionRefused("Sign in first", {"code": "nobody"})
    socket.data.who = socket.handshake.auth["who"]
    socket.data.log = []
    await socket.enter_room("signed in")


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


@pytest.fixture
async def client() -> AsyncIterator[FrameClient]:
    async with connect(SocketIOServer([Guarded()], options=Options())) as client:
        yield client


class TestConnectMiddleware:
    async def test_runs_before_the_connect_handler_in_order(self, client: FrameClient) -> None:
        await client.join("/guarded", {"who": "ann"})
        assert await client.receive() == '42/guarded,["welcome","ann"]'

    async def test_who_joined_a_room_in_middleware_hears_it(self, client: FrameClient) -> None:
        await client.join("/guarded", {"who": "ann"})
        await client.receive()
        await emit("said", to="signed in", namespace="/guarded")
        assert await client.receive() == '42/guarded,["said"]'

    async def test_who_is_refused_has_left_the_rooms_that_middleware_put_it_into(self, client: FrameClient) -> None:
        await client.send('40/guarded,{"who":"eve"}')
        assert await client.receive() == '44/guarded,{"message":"Not you"}'
        assert current_adapter().rooms("/guarded").select(["signed in"]) == set()
        assert current_adapter().all_sockets() == []

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
        assert await guarded.answer_to('["greet",{"name":"bob"}]', "/guarded") == '["hello bob"]'
        await guarded.send('42/guarded,["greet",{"name":"bob"}]')
        notes = ["before greet [{'name': 'bob'}]", "after greet hello bob"] * 2
        assert msgspec.json.decode(await guarded.answer_to('["log"]', "/guarded")) == [[*notes, "before log []"]]

    async def test_answers_in_the_handlers_place(self, guarded: FrameClient) -> None:
        assert await guarded.answer_to('["forbidden"]', "/guarded") == '["not for you"]'
        await guarded.send('42/guarded,7["ignored"]')
        assert await guarded.answer_to('["forbidden"]', "/guarded") == '["not for you"]'

    async def test_changes_the_arguments(self, guarded: FrameClient) -> None:
        assert await guarded.answer_to('["translated","bob"]', "/guarded") == '["hello bob"]'

    async def test_sees_what_the_handler_and_its_types_raise(self, guarded: FrameClient) -> None:
        assert await guarded.answer_to('["greet",{"name":1}]', "/guarded") == (
            '["no: Expected `str`, got `int` - at `$.name`"]'
        )

    async def test_gets_no_arguments_that_python_cannot_hold(self, guarded: FrameClient) -> None:
        assert await guarded.answer_to('["greet",1e999]', "/guarded") == '["InvalidArguments: Number out of range"]'

    async def test_its_own_errors_are_handled_as_the_handlers(self, guarded: FrameClient) -> None:
        assert await guarded.answer_to('["broken"]', "/guarded") == '["RuntimeError: a bug in a middleware"]'
        assert (await guarded.answer_to('["nowhere"]', "/guarded")).startswith("[\"UnknownEvent: 'nowhere' is no event")

    async def test_binary_goes_through(self, guarded: FrameClient) -> None:
        await guarded.send(f'451-/guarded,1["size",{PLACEHOLDER}]')
        await guarded.send(b"abc")
        assert await guarded.receive() == "43/guarded,1[3]"
