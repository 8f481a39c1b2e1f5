"""What may wait for handlers, and for a client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from socketio_bridge import Options, SocketIOServer, emit
from socketio_bridge.transports import session, websocket
from tests.eventually import eventually
from tests.socketio_bridge.client import PLACEHOLDER, connect, let_read
from tests.socketio_bridge.frame_channel import Wire, frame_protocol

from .chat import Chat


async def test_no_more_is_read_from_a_client_whose_input_waits(chat: Chat) -> None:
    server = SocketIOServer([chat], options=Options(inbound_limit=100))
    async with connect(server) as client:
        await client.join("/chat")
        chat.gate.clear()
        for number in range(20):
            await client.send(f'42/chat,["slow",{number}]')
        await let_read(server, 20)
        assert client.communicator.input_queue.qsize() > 10
        chat.gate.set()
        await client.send('42/chat,1["nothing"]')
        assert await client.receive() == "43/chat,1[]"
        assert chat.log[1:] == list(range(20))


@pytest.mark.parametrize("_way", ["asgi"], indirect=True)  # the protocol has a test of its own
async def test_others_have_their_turn_while_one_sends_many_frames_at_once(server: SocketIOServer) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with connect(server) as client:
        for _ in range(2_000):
            client.communicator.input_queue.put_nowait({"type": "websocket.receive", "text": "40/nowhere,"})
        running = asyncio.create_task(others())
        while not client.communicator.input_queue.empty():
            await asyncio.sleep(0)
        running.cancel()
        assert turns >= 19


async def test_answers_pass_a_congested_input(chat: Chat) -> None:
    """A handler that asks its client waits for what stands behind the client's other events, read or not."""
    server = SocketIOServer([chat], options=Options(inbound_limit=1000))
    async with connect(server) as client:
        await client.join("/chat")
        chat.gate.clear()
        await client.send('42/chat,["slow",-1]')
        await client.send('42/chat,["inquire"]')
        for number in range(50):
            await client.send(f'42/chat,["slow",{number}]')
        await client.send('43/chat,0["because"]')
        await let_read(server, 60)
        assert client.communicator.input_queue.qsize() > 10
        chat.gate.set()
        assert (await client.receive()).startswith("451-/chat,0")
        await client.receive_binary()
        await client.answer_to('["nothing"]')
    assert chat.log[1:-1] == [-1, ["because"], *range(50)]


@pytest.mark.parametrize("query", ["EIO=4&transport=websocket", "EIO=3&transport=websocket"])
@pytest.mark.parametrize("character", ["x", "é", "\N{GRINNING FACE}"])
async def test_a_message_over_max_payload_ends_the_connection_whatever_serves_it(
    chat: Chat, query: str, character: str
) -> None:
    """Uvicorn's own limit is 16 MB unless it is told another, and daphne has none."""
    server = SocketIOServer([chat], options=Options(max_payload=70_000))
    large = character * (69_900 // len(character.encode()))
    async with connect(server, query) as client:
        await client.send("40/chat,")
        assert (await client.receive()).startswith("40/chat,")
        await client.send(f'42/chat,1["greet",{{"name":"{large}"}}]')
        assert (await client.receive()).startswith("43/chat,1")
        await client.send(f'42/chat,1["greet",{{"name":"{large}{"x" * 200}"}}]')
        assert await client.communicator.receive_output(2) == {"type": "websocket.close", "code": 1009}
    assert chat.log[-1] == ("disconnect", "parse error")


async def test_binary_over_max_payload_ends_the_connection(chat: Chat) -> None:
    async with connect(SocketIOServer([chat], options=Options(max_payload=1000))) as client:
        await client.join("/chat")
        await client.send(f'451-/chat,1["size",{PLACEHOLDER}]')
        await client.send(bytes(1001))
        assert await client.communicator.receive_output(2) == {"type": "websocket.close", "code": 1009}


@pytest.mark.parametrize("query", ["EIO=4&transport=websocket", "EIO=3&transport=websocket"])
async def test_a_client_in_no_namespace_has_little_to_say(server: SocketIOServer, query: str) -> None:
    async with connect(server, query) as client:
        await client.send(f'40/chat,{{"token":"{"x" * 64_000}"}}')
        assert await client.receive() == "closed"


async def test_a_client_whose_input_waits_is_pinged_all_the_same(chat: Chat) -> None:
    """It would end the connection by itself when pings stay away; its pongs wait behind its input."""
    server = SocketIOServer([chat], options=Options(inbound_limit=100, ping_interval=0.05, ping_timeout=0.05))
    async with connect(server) as client:
        await client.join("/chat")
        chat.gate.clear()
        for number in range(20):
            await client.send(f'42/chat,["slow",{number}]')
        asyncio.get_running_loop().call_later(0.5, chat.gate.set)
        for _ in range(3):
            assert await client.receive(0.4) == "2"
            await client.send("3")
        await chat.gate.wait()
        await eventually(lambda: len(chat.log) == 21)
    assert chat.log[1:21] == list(range(20))


async def test_a_client_that_does_not_read_is_disconnected(chat: Chat) -> None:
    server = SocketIOServer([chat], options=Options(outbound_limit=1000))
    async with _stuck(server, "ann") as sent:
        for _ in range(20):
            await emit("said", "x" * 100, to="ann", namespace="/chat")
            await asyncio.sleep(0)
        await eventually(lambda: sent[-1]["type"] == "websocket.close")
    assert chat.log[-1] == ("disconnect", "transport error")


async def test_a_client_that_does_not_even_take_the_end_is_cut_off(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_DRAIN_TIMEOUT", 0.05)
    monkeypatch.setattr(websocket, "_CLOSE_TIMEOUT", 0.05)
    server, state = SocketIOServer([chat], options=Options(connect_timeout=0.1)), ServerState()
    protocol, arrived = frame_protocol(server, state), list[bytes]()
    wire = Wire(protocol, arrived.append)
    client = ClientProtocol(parse_uri("ws://testserver/?EIO=4&transport=websocket"))
    protocol.connection_made(wire)
    client.send_request(client.connect())
    protocol.data_received(b"".join(client.data_to_send()))
    await eventually(lambda: arrived)
    protocol.pause_writing()
    await eventually(lambda: not state.tasks, within=10)
    assert wire.is_closing()


async def test_what_is_for_all_reaches_the_others_though_one_does_not_read(chat: Chat) -> None:
    server = SocketIOServer([chat], options=Options(outbound_limit=1000))
    async with _stuck(server, "ann") as sent, connect(server) as bob:
        await bob.join("/chat")
        for number in range(20):
            await emit("said", f"{number:0100}", to=None, namespace="/chat")
            assert await bob.receive() == f'42/chat,["said","{number:0100}"]'
        assert sent[-1]["type"] == "websocket.close"


async def test_what_waits_for_a_client_whose_connect_handler_runs_is_bounded(chat: Chat) -> None:
    server = SocketIOServer([chat], options=Options(outbound_limit=1_000_000))
    chat.gate.clear()
    async with connect(server) as client:
        await client.send("40/chat,")
        await eventually(lambda: chat.connecting)
        for _ in range(100):
            await emit("said", "x" * 100_000, to=None, namespace="/chat")
        assert await client.receive() == "closed"
        chat.gate.set()


async def test_a_slow_connect_handler_is_no_slow_reader(chat: Chat) -> None:
    server = SocketIOServer([chat], options=Options(outbound_limit=1_000_000))
    chat.gate.clear()
    async with connect(server) as client:
        await client.send("40/chat,")
        await eventually(lambda: chat.connecting)
        for number in range(4):
            await emit("said", f"{number:0100000}", to=None, namespace="/chat")
        chat.gate.set()
        assert (await client.receive()).startswith("40/chat,")
        for number in range(4):
            assert await client.receive() == f'42/chat,["said","{number:0100000}"]'


@asynccontextmanager
async def _stuck(server: SocketIOServer, who: str) -> AsyncIterator[list[dict[str, Any]]]:
    """A client that reads until it is in `/chat`, and no further; what was written to it."""
    never = asyncio.Event()
    sent: list[Any] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if message["type"] == "websocket.send" and "said" in message["text"]:
            await never.wait()

    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    scope = {"type": "websocket", "path": "/", "query_string": b"EIO=4&transport=websocket", "headers": []}
    serving = asyncio.create_task(server(scope, incoming.get, send))
    incoming.put_nowait({"type": "websocket.connect"})
    incoming.put_nowait({"type": "websocket.receive", "text": f'40/chat,{{"who":"{who}"}}'})
    await eventually(lambda: any("welcome" in message.get("text", "") for message in sent))
    yield sent
    incoming.put_nowait({"type": "websocket.disconnect"})
    await serving
