"""A client of the MessagePack parser among others, frame by frame."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from socketio_bridge import Options, SocketIOServer, emit
from tests.socketio_bridge.client import FrameClient, connect

from .chat import Chat


@pytest.fixture
def server(chat: Chat) -> SocketIOServer:
    return SocketIOServer([chat], options=Options(parsers=("json", "msgpack")))


async def send(client: FrameClient, **fields: Any) -> None:
    await client.send(msgspec.msgpack.encode({"nsp": "/chat", **fields}))


async def receive(client: FrameClient) -> Any:
    return msgspec.msgpack.decode(await client.receive_binary())


async def join(client: FrameClient, who: str) -> None:
    await send(client, type=0, data={"who": who})
    assert (await receive(client))["type"] == 0
    assert await receive(client) == {"type": 2, "nsp": "/chat", "data": ["welcome", who]}


async def test_arguments_are_validated_and_answers_come_back(server: SocketIOServer, chat: Chat) -> None:
    async with connect(server) as client:
        await join(client, "ann")
        await send(client, type=2, data=["greet", {"name": "bob", "times": 2}], id=3)
        assert await receive(client) == {"type": 3, "nsp": "/chat", "id": 3, "data": ["hello bobhello bob"]}
        await send(client, type=2, data=["greet", {"name": 7}], id=4)
        [answer] = (await receive(client))["data"]
        assert "Expected `str`, got `int`" in answer["error"]
        await send(client, type=2, data=["upload", {"name": "p", "data": b"\x00"}], id=5)
        assert (await receive(client))["data"] == [{"name": "p", "data": b"\x00"}]


async def test_half_a_surrogate_pair_is_replaced(server: SocketIOServer) -> None:
    """JSON can hold it in an escape, text of MessagePack cannot."""
    async with connect(server) as client:
        await join(client, "ann")
        await emit("said", msgspec.Raw(rb'"\ud800"'), to="ann", namespace="/chat")
        assert (await receive(client))["data"] == ["said", "\ufffd"]


async def test_what_cannot_be_encoded_it_misses_alone(server: SocketIOServer, caplog: pytest.LogCaptureFixture) -> None:
    deep = b"[" * 2_000 + b"]" * 2_000
    async with connect(server) as packed, connect(server) as plain:
        await join(packed, "ann")
        await plain.join("/chat", {"who": "ann"})
        assert (await receive(packed))["data"] == ["welcome", "ann"]
        assert await plain.receive() == '42/chat,["welcome","ann"]'
        await emit("said", msgspec.Raw(deep), to="ann", namespace="/chat")
        await emit("said", "after it", to="ann", namespace="/chat")
        assert (await receive(packed))["data"] == ["said", "after it"]
        assert await plain.receive() == f'42/chat,["said",{deep.decode()}]'
        assert await plain.receive() == '42/chat,["said","after it"]'
    assert "An event that MessagePack cannot hold" in caplog.text


async def test_what_is_no_packet_ends_its_connection(server: SocketIOServer, chat: Chat) -> None:
    async with connect(server) as client:
        await join(client, "ann")
        await client.send(b"\xc1")
        assert await client.receive() == "closed"
    assert chat.log[-1] == ("disconnect", "parse error")
