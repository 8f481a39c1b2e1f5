"""What is emitted to rooms."""

from __future__ import annotations

from socketio_bridge import SocketIOServer, emit
from tests.socketio_bridge.client import connect

from .chat import Chat


async def test_emits_reach_each_socket_of_the_rooms_once_and_not_the_sender(server: SocketIOServer) -> None:
    async with connect(server) as ann, connect(server) as bob, connect(server) as cat:
        for client, who in ((ann, "ann"), (bob, "bob"), (cat, "cat")):
            await client.join("/chat", {"who": who})
            await client.receive()
        await ann.send('42/chat,["say","hi",["bob","ann","bob"]]')
        assert await bob.receive() == '42/chat,["said","hi"]'
        for client in (ann, bob, cat):
            await client.send('42/chat,9["nothing"]')
            assert await client.receive() == "43/chat,9[]"


async def test_who_left_gets_nothing_more(server: SocketIOServer, chat: Chat) -> None:
    async with connect(server) as ann:
        await ann.join("/chat", {"who": "ann"})
        await ann.receive()
        await ann.send("41/chat,")
        await ann.join("/news")
        await emit("said", "late", to="ann", namespace="/chat")
        await ann.send("40/chat,")
        assert (await ann.receive()).startswith("40/chat,")
