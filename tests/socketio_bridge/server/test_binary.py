"""Binary in events and acknowledgements, as `bytes` in handlers."""

from __future__ import annotations

from typing import Any

import pytest

from socketio_bridge import InvalidArguments, Options, Socket, SocketIOServer
from tests.socketio_bridge.client import PLACEHOLDER, FrameClient, connect, let_read

from .chat import Chat


@pytest.fixture(params=[("EIO=4", b""), ("EIO=3", b"\x04")], ids=["protocol 5", "protocol 4"])
async def connection(server: SocketIOServer, request: pytest.FixtureRequest) -> Any:
    """A client, and what stands before binary in its frames."""
    revision, prefix = request.param
    async with connect(server, f"{revision}&transport=websocket") as client:
        await client.send("40/chat,")
        assert (await client.receive()).startswith("40/chat,")
        yield client, prefix


async def test_a_struct_of_bytes_goes_in_and_comes_back(connection: tuple[FrameClient, bytes]) -> None:
    client, prefix = connection
    await client.send('451-/chat,1["upload",{"name":"a","data":{"_placeholder":true,"num":0}}]')
    await client.send(prefix + b"\x00\xff")
    assert await client.receive() == f'461-/chat,1[{{"name":"a","data":{PLACEHOLDER}}}]'
    assert await client.receive_binary() == prefix + b"\x00\xff"


async def test_bytes_alone_and_anything_else(connection: tuple[FrameClient, bytes], chat: Chat) -> None:
    client, prefix = connection
    await client.send(f'451-/chat,1["size",{PLACEHOLDER}]')
    await client.send(prefix + b"abc")
    assert await client.receive() == "43/chat,1[3]"
    await client.send(f'451-/chat,2["show",[{PLACEHOLDER},1],{{"7":true}}]')
    await client.send(prefix + b"abc")
    assert await client.receive() == "43/chat,2[]"
    assert chat.log[1:] == [[b"abc", 1], {7: True}]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (f'"upload",{{"name":{PLACEHOLDER},"data":""}}', "Expected `str`, got `bytes` - at `$.name`"),
        (f'"upload",{PLACEHOLDER}', "Expected `object`, got `bytes`"),
        (f'"upload",{{"data":{PLACEHOLDER}}}', "missing required field `name`"),
        (f'"pair",{PLACEHOLDER}', "Expected `int`, got `bytes`"),
    ],
)
async def test_arguments_with_binary_are_validated_as_all_others(
    connection: tuple[FrameClient, bytes], chat: Chat, arguments: str, problem: str
) -> None:
    client, prefix = connection
    await client.send(f"451-/chat,1[{arguments}]")
    await client.send(prefix + b"abc")
    assert problem in await client.receive()
    assert chat.log[-1][2] is InvalidArguments


async def test_emits_reach_each_generation_in_its_own_framing(
    server: SocketIOServer, connection: tuple[FrameClient, bytes]
) -> None:
    sender, prefix = connection
    async with connect(server) as new, connect(server, "EIO=3&transport=websocket") as old:
        await new.join("/chat", {"who": "ann"})
        await old.send("40/chat?who=ann")
        assert await old.receive() == "40/chat,"
        for client, welcomes in ((new, 2), (old, 1)):
            for _ in range(welcomes):
                assert await client.receive() == '42/chat,["welcome","ann"]'
        await sender.send(f'451-/chat,["upload",{{"name":"a","data":{PLACEHOLDER}}},["ann"]]')
        await sender.send(prefix + b"abc")
        for client, framing in ((new, b""), (old, b"\x04")):
            assert await client.receive() == f'451-/chat,["uploaded",{{"name":"a","data":{PLACEHOLDER}}}]'
            assert await client.receive_binary() == framing + b"abc"


async def test_the_server_asks_with_bytes_and_the_client_answers_with_some(
    connection: tuple[FrameClient, bytes], chat: Chat
) -> None:
    client, prefix = connection
    await client.send('42/chat,["inquire"]')
    assert await client.receive() == f'451-/chat,0["question",{PLACEHOLDER}]'
    assert await client.receive_binary() == prefix + b"why?"
    await client.send(f'461-/chat,0[{PLACEHOLDER},"because"]')
    await client.send(prefix + b"\x01")
    await client.send('42/chat,9["nothing"]')
    assert await client.receive() == "43/chat,9[]"
    assert chat.log[-1] == [b"\x01", "because"]


async def test_binary_for_a_client_that_is_not_in_yet_waits_with_its_packet(server: SocketIOServer, chat: Chat) -> None:
    async def on_connect(socket: Socket) -> None:
        await socket.emit("picture", b"abc")

    chat.on_connect = on_connect  # type: ignore[method-assign]
    async with connect(server) as client:
        await client.join("/chat")
        assert await client.receive() == f'451-/chat,["picture",{PLACEHOLDER}]'
        assert await client.receive_binary() == b"abc"


async def test_input_that_waits_counts_its_binary(chat: Chat) -> None:
    server = SocketIOServer([chat], options=Options(inbound_limit=1000))
    async with connect(server) as client:
        await client.join("/chat")
        chat.gate.clear()
        await client.send('42/chat,["slow",0]')
        for _ in range(5):
            await client.send(f'451-/chat,["size",{PLACEHOLDER}]')
            await client.send(b"x" * 900)
        await let_read(server, 11)
        assert client.communicator.input_queue.qsize() > 4
        chat.gate.set()
        await client.send('42/chat,1["nothing"]')
        assert await client.receive() == "43/chat,1[]"
