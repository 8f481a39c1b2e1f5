"""How clients leave, or are put out."""

from __future__ import annotations

import asyncio
import gc

import pytest

from socketio_bridge import AckTimeout, Options, SocketIOServer
from socketio_bridge.transports.session import Session
from tests.socketio_bridge.client import connect

from .chat import Chat


async def test_a_handler_puts_its_client_out_after_its_answer(server: SocketIOServer, chat: Chat) -> None:
    async with connect(server) as client:
        await client.join("/chat")
        await client.send('42/chat,1["leave"]')
        assert await client.receive() == '43/chat,1["bye"]'
        assert await client.receive() == "41/chat,"
        await client.join("/news")
        assert chat.log[-1] == ("disconnect", "server namespace disconnect")


async def test_the_answer_of_a_handler_that_puts_its_client_out_is_sent_though_others_end_first(
    server: SocketIOServer, chat: Chat
) -> None:
    async with connect(server) as client:
        await client.join("/chat")
        chat.gate.clear()
        await client.send('42/chat,1["say bye"]')
        await client.send('42/chat,2["quick"]')
        assert await client.receive() == "43/chat,2[]"
        await client.send('42/chat,3["say bye"]')
        await client.caught_up()
        chat.gate.set()
        frames = [await client.receive() for _ in range(3)]
        assert sorted(frames[:2]) == ['43/chat,1["bye"]', '43/chat,3["bye"]']
        assert frames[2] == "41/chat,"


async def test_a_handler_puts_its_client_out_of_all_namespaces_and_hangs_up(server: SocketIOServer, chat: Chat) -> None:
    async with connect(server) as client:
        await client.join("/chat")
        await client.join("/news")
        await client.send('42/chat,1["leave",true]')
        frames = [await client.receive() for _ in range(4)]
        assert frames == ['43/chat,1["bye"]', "41/chat,", "41/news,", "closed"]
    assert chat.log[-1] == ("disconnect", "server namespace disconnect")


@pytest.mark.parametrize("query", ["EIO=4&transport=websocket", "EIO=3&transport=websocket"])
async def test_a_connection_ends_without_a_word_so_that_its_client_comes_back(
    server: SocketIOServer, chat: Chat, query: str
) -> None:
    """To a DISCONNECT no client would come back."""
    async with connect(server, query) as client:
        await client.send("40/chat,")
        assert (await client.receive()).startswith("40/chat")
        [socket] = chat.local_sockets()
        socket.reconnect()
        assert await client.receive() == "closed"
    assert chat.log[-1] == ("disconnect", "try again later")
    assert chat.local_sockets() == []


async def test_a_client_leaves_a_namespace_and_keeps_the_other(server: SocketIOServer, chat: Chat) -> None:
    async with connect(server) as client:
        await client.join("/chat")
        await client.join("/news")
        await client.send("41/chat,")
        await client.join("/chat")
        assert chat.log[1] == ("disconnect", "client namespace disconnect")


@pytest.mark.parametrize("frame", ["", "9", "42", '42["foo"', '42/news,["foo"]', "2", b"\x00", "4" + "9" * 50])
async def test_a_broken_frame_ends_this_connection_alone(
    server: SocketIOServer, chat: Chat, frame: str | bytes
) -> None:
    async with connect(server) as good, connect(server) as bad:
        await good.join("/chat")
        await bad.join("/chat")
        await bad.send(frame)
        assert await bad.receive() == "closed"
        await good.send('42/chat,1["nothing"]')
        assert await good.receive() == "43/chat,1[]"
        assert chat.log[-1] == ("disconnect", "parse error")


async def test_a_client_that_does_not_answer_pings_is_given_up(chat: Chat) -> None:
    server = SocketIOServer([chat], options=Options(ping_interval=0.05, ping_timeout=0.05))
    async with connect(server) as client:
        await client.join("/chat")
        assert await client.receive() == "2"
        await client.send("3")
        assert await client.receive() == "2"
        assert await client.receive() == "closed"
    assert chat.log[-1] == ("disconnect", "ping timeout")


async def test_pings_keep_their_interval_where_the_timeout_is_longer(chat: Chat) -> None:
    server = SocketIOServer([chat], options=Options(ping_interval=0.05, ping_timeout=60))
    async with connect(server) as client:
        for _ in range(3):
            assert await client.receive() == "2"
            await client.send("3")


async def test_by_a_socket_that_has_left_nothing_reaches_its_client(server: SocketIOServer, chat: Chat) -> None:
    """Which may be in the namespace again."""
    async with connect(server) as client:
        await client.join("/chat")
        [left] = chat.sockets
        await client.send("41/chat,")
        await client.join("/chat")
        await left.emit("said", "late")
        with pytest.raises(AckTimeout, match="has left"):
            await asyncio.wait_for(left.call("question", timeout=10), 1)
        assert await client.answer_to('["nothing"]') == "[]"


async def test_nothing_of_a_client_stays_behind(server: SocketIOServer, chat: Chat) -> None:
    def sessions() -> int:
        chat.sockets.clear()
        gc.collect()
        return sum(type(item) is Session for item in gc.get_objects())

    before = sessions()
    for query in ("EIO=4&transport=websocket", "EIO=3&transport=websocket"):
        async with connect(server, query) as client:
            await client.send("40/chat,")
            assert (await client.receive()).startswith("40/chat,")
            await client.send('42/chat,["nothing"]')
    assert sessions() == before


async def test_who_left_had_these_rooms_and_closed_with_this_code(server: SocketIOServer, chat: Chat) -> None:
    """What the reference server tells in `disconnecting`, and in the details of `disconnect`."""
    async with connect(server) as client:
        await client.join("/chat", {"who": "ann"})
        [socket] = chat.sockets
        assert (socket.transport, socket.close_code) == ("websocket", None)
        await client.communicator.disconnect(code=4001, timeout=2)
    assert chat.log[-1] == ("disconnect", "transport close")
    assert socket.rooms == {socket.id, "ann"}
    assert socket.close_code == 4001


async def test_there_is_no_code_where_the_server_closed(server: SocketIOServer, chat: Chat) -> None:
    async with connect(server) as client:
        await client.join("/chat")
        await client.send('42/chat,["leave",true]')
        assert await client.receive() == "41/chat,"
        assert await client.receive() == "closed"
    assert chat.log[-1] == ("disconnect", "server namespace disconnect")
    assert chat.sockets[0].close_code is None
