"""A client leaves a namespace without a word while it is not answered yet: each request to join gets an answer."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from socketio_bridge import ConnectionRefused, Namespace, Options, Socket, SocketIOServer, event
from tests.eventually import eventually
from tests.socketio_bridge.client import FrameClient, connect

from .chat import Chat, News

EIO3, EIO4 = "EIO=3&transport=websocket", "EIO=4&transport=websocket"


class Slow(Namespace):
    """Its connect handler hangs, or loses what it waited for, as the client says."""

    path = "/slow"
    log: list[str]

    def __init__(self) -> None:
        super().__init__()
        self.log = []

    async def on_connect(self, socket: Socket) -> None:
        self.log.append("connect")
        if "hang" in socket.handshake.auth:
            await asyncio.get_running_loop().create_future()
        if "lose" in socket.handshake.auth:
            waited_for = asyncio.get_running_loop().create_future()
            waited_for.cancel()
            await waited_for
        if "refuse" in socket.handshake.auth:
            raise ConnectionRefused("no")

    async def on_disconnect(self, socket: Socket, reason: str) -> None:
        self.log.append("disconnect")

    @event("note")
    async def note(self, socket: Socket) -> str:
        self.log.append("note")
        return "noted"


def request(query: str, who: str) -> str:
    return f"40/chat?who={who}" if query is EIO3 else f'40/chat,{{"who":"{who}"}}'


async def next_packet(client: FrameClient) -> tuple[str, Any]:
    head, _, body = (await client.receive()).partition(",")
    return head, json.loads(body) if body else None


@pytest.mark.parametrize("query", [EIO3, EIO4])
async def test_who_left_before_the_answer_came_may_join_again(server: SocketIOServer, chat: Chat, query: str) -> None:
    chat.gate.clear()
    async with connect(server, query) as client:
        await client.send(request(query, "ann"))
        await eventually(lambda: chat.connecting)
        await client.send(request(query, "bob"))
        await client.caught_up()
        chat.gate.set()
        assert (await client.receive()).startswith("40/chat,"), "one answer"
        assert await next_packet(client) == ("42/chat", ["welcome", "bob"])
        assert await client.answer_to('["greet",{"name":"bob"}]') == '["hello bob"]'
        assert chat.log == [("connect", "ann"), ("disconnect", "client namespace disconnect"), ("connect", "bob")]
        left, here = chat.sockets
        assert (left.connected, here.connected) == (False, True)
    assert chat.log[3:] == [("disconnect", "transport close")]


@pytest.mark.parametrize("query", [EIO3, EIO4])
async def test_who_joins_again_while_in_is_a_new_socket(server: SocketIOServer, chat: Chat, query: str) -> None:
    async with connect(server, query) as client:
        for who in ("ann", "bob"):
            await client.send(request(query, who))
            assert (await client.receive()).startswith("40/chat,")
            assert await next_packet(client) == ("42/chat", ["welcome", who])
        assert chat.log == [("connect", "ann"), ("disconnect", "client namespace disconnect"), ("connect", "bob")]


async def test_what_is_sent_on_the_first_answer_is_for_the_second_request(server: SocketIOServer, chat: Chat) -> None:
    """The first answer was on its way when the client asked again: it takes it for the one that it waits for."""
    async with connect(server) as client:
        await client.join("/chat")
        chat.gate.clear()
        await client.send("40/chat,")
        await client.send('42/chat,5["greet",{"name":"ann"}]')
        await client.caught_up()
        chat.gate.set()
        assert (await client.receive()).startswith("40/chat,")
        assert await client.receive() == '43/chat,5["hello ann"]'


async def test_what_is_sent_on_the_first_answer_is_dropped_when_the_second_is_no() -> None:
    slow = Slow()
    async with connect(SocketIOServer([slow, News()], options=Options())) as client:
        await client.join("/slow")
        await client.send('40/slow,{"refuse":1}')
        await client.send('42/slow,1["note"]')
        assert await client.receive() == '44/slow,{"message":"no"}'
        await client.send('42/slow,2["note"]')
        await client.join("/news")
    assert slow.log == ["connect", "disconnect", "connect"]


async def test_of_many_requests_at_once_those_between_are_not_looked_at(server: SocketIOServer, chat: Chat) -> None:
    chat.gate.clear()
    async with connect(server) as client:
        for number in range(20):
            await client.send(request(EIO4, f"n{number}"))
            await asyncio.sleep(0)
        await client.caught_up()
        chat.gate.set()
        assert (await client.receive()).startswith("40/chat,")
        assert await next_packet(client) == ("42/chat", ["welcome", "n19"])
        assert len([entry for entry in chat.log if entry[0] == "connect"]) <= 2, "the first one's handler had begun"


async def test_who_takes_a_request_back_keeps_the_connection(server: SocketIOServer, chat: Chat) -> None:
    """Swift's client says DISCONNECT for a namespace that has not answered."""
    chat.gate.clear()
    async with connect(server) as client:
        await client.join("/news")
        await client.send("40/chat,")
        await client.send("41/chat,")
        await client.caught_up()
        chat.gate.set()
        await client.join("/chat")


async def test_a_connect_handler_that_hangs_is_a_refusal_beside_another_namespace() -> None:
    slow = Slow()
    server = SocketIOServer([slow, News()], options=Options(connect_timeout=0.1))
    async with connect(server) as client:
        await client.join("/news")
        await client.send('40/slow,{"hang":1}')
        assert await client.receive() == '44/slow,{"message":"Internal Server Error"}'
        await client.join("/slow")
    assert slow.log == ["connect", "connect", "disconnect"]


async def test_a_connect_handler_that_lost_what_it_waited_for_is_a_refusal() -> None:
    slow = Slow()
    async with connect(SocketIOServer([slow, News()], options=Options())) as client:
        await client.send('40/slow,{"lose":1}')
        assert await client.receive() == '44/slow,{"message":"Internal Server Error"}'
        await client.join("/slow")


async def test_a_socket_is_connected_and_in_its_own_room_when_its_connect_handler_runs() -> None:
    seen: list[tuple[bool, set[str], str]] = []

    class Desk(Namespace):
        async def on_connect(self, socket: Socket) -> None:
            seen.append((socket.connected, socket.rooms, socket.id))
            if "refuse" in socket.handshake.auth:
                refused.append(socket)
                raise ConnectionRefused("no")

    refused: list[Socket] = []
    async with connect(SocketIOServer([Desk()], options=Options())) as client:
        await client.send('40{"refuse":1}')
        assert (await client.receive()).startswith("44")
        await client.send("40")
        own_id = json.loads((await client.receive()).removeprefix("40"))["sid"]
        assert seen[1] == (True, {own_id}, own_id)
        assert not refused[0].connected


async def test_who_left_while_the_middleware_ran_has_no_connect_handler() -> None:
    gate, log = asyncio.Event(), []

    async def wait(socket: Socket) -> None:
        log.append("middleware")
        await gate.wait()

    class Desk(Namespace):
        connect_middleware = (wait,)

        async def on_connect(self, socket: Socket) -> None:
            log.append("connect")

        async def on_disconnect(self, socket: Socket, reason: str) -> None:
            log.append("disconnect")

    async with connect(SocketIOServer([Desk()], options=Options())) as client:
        await client.send("40")
        await eventually(lambda: log)
        asyncio.get_running_loop().call_later(0.05, gate.set)
    assert log == ["middleware"]
