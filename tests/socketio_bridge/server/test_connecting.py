"""Connecting: to the server, and to its namespaces."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from channels.testing import WebsocketCommunicator

from socketio_bridge import ConnectionRefused, Namespace, Options, Socket, SocketIOServer, TryAgainLater
from tests.eventually import eventually
from tests.socketio_bridge.client import connect

from .chat import Chat, News

EVIL_ORIGIN = [(b"origin", b"https://evil.example")]
BROKEN_ORIGIN = [(b"origin", b"http://[")]


async def test_a_socket_has_an_id_of_its_own_in_each_namespace(server: SocketIOServer) -> None:
    async with connect(server) as client:
        assert await client.join("/chat") != await client.join("/news")


async def test_a_protocol_4_client_makes_up_its_id_of_namespace_and_session(server: SocketIOServer, chat: Chat) -> None:
    async with connect(server, "EIO=3&transport=websocket") as client:
        await client.send("40/chat?who=ann")
        assert await client.receive() == "40/chat,"
        assert await client.receive() == '42/chat,["welcome","ann"]'
        assert chat.sockets[0].id.startswith("/chat#")


async def test_what_is_emitted_in_the_connect_handler_comes_after_the_answer(server: SocketIOServer) -> None:
    async with connect(server) as client:
        await client.join("/chat", {"who": "ann"})
        assert await client.receive() == '42/chat,["welcome","ann"]'


async def test_the_handshake_comes_when_the_websocket_is_open(server: SocketIOServer) -> None:
    websocket = WebsocketCommunicator(server, "/socket.io/?EIO=4&transport=websocket")
    await websocket.connect(1)
    assert (await websocket.receive_from(1)).startswith("0{")
    await websocket.disconnect(timeout=2)


async def test_refusals_reach_the_client_with_their_reason(server: SocketIOServer, chat: Chat) -> None:
    async with connect(server) as client:
        await client.send('40/chat,{"who":"stranger"}')
        assert await client.receive() == '44/chat,{"message":"Go away","data":{"code":"stranger"}}'
        await client.send('40/chat,{"who":"bug"}')
        assert await client.receive() == '44/chat,{"message":"Internal Server Error"}'
        await client.join("/chat")
    assert chat.log == [("connect", ""), ("disconnect", "transport close")]


async def test_an_unknown_namespace_is_refused(server: SocketIOServer) -> None:
    async with connect(server) as client:
        await client.send("40/nowhere,")
        assert await client.receive() == '44/nowhere,{"message":"Invalid namespace"}'
        await client.send("40")
        assert await client.receive() == '44{"message":"Invalid namespace"}'


async def test_a_client_without_a_namespace_is_not_kept(chat: Chat) -> None:
    server = SocketIOServer([chat], options=Options(connect_timeout=0.05))
    async with connect(server) as client:
        assert await client.receive() == "closed"


async def _connect_timeout_passes(server: SocketIOServer) -> None:
    """For all who are here before: a client that comes now and joins nothing has been closed."""
    async with connect(server) as client:
        assert await client.receive() == "closed"


async def test_a_refused_2x_client_is_kept(chat: Chat) -> None:
    """It is in "/" still, and would connect again for ever if its connection were ended."""
    server = SocketIOServer([chat], options=Options(connect_timeout=0.05))
    async with connect(server, "EIO=3&transport=websocket") as client:
        await client.send("40/chat?who=stranger")
        assert await client.receive() == '44/chat,"Go away"'
        await _connect_timeout_passes(server)
        await client.send("2")
        assert await client.receive() == "3"
        await client.send("41")
        assert await client.receive() == "closed", "it has left all namespaces"


async def test_a_2x_client_that_the_application_keeps_out_of_its_default_namespace_is_not_kept() -> None:
    class Closed(Namespace):
        async def on_connect(self, socket: Socket) -> None:
            raise ConnectionRefused("Go away")

    server = SocketIOServer([Closed()], options=Options(connect_timeout=0.05))
    communicator = WebsocketCommunicator(server, "/socket.io/?EIO=3&transport=websocket")
    await communicator.connect(1)
    assert (await communicator.receive_from(1)).startswith("0{")
    assert await communicator.receive_from(1) == '44"Go away"'
    assert (await communicator.receive_output(1))["type"] == "websocket.close"


async def test_a_client_that_leaves_its_last_namespace_is_not_kept(chat: Chat) -> None:
    server = SocketIOServer([chat], options=Options(connect_timeout=0.05))
    async with connect(server) as client:
        await client.join("/chat")
        await _connect_timeout_passes(server)
        await client.send("41/chat,")
        assert await client.receive() == "closed"


async def test_a_client_that_is_refused_when_it_has_left_its_last_namespace_is_not_kept(chat: Chat) -> None:
    server = SocketIOServer([chat, News()], options=Options(connect_timeout=0.1))
    async with connect(server) as client:
        await client.join("/news")
        chat.gate.clear()
        await client.send('40/chat,{"who":"stranger"}')
        await client.send("41/news,")
        await client.caught_up()
        chat.gate.set()
        assert (await client.receive()).startswith("44/chat,")
        assert await client.receive() == "closed"


async def test_a_client_that_left_while_its_connect_handler_ran_is_let_go(server: SocketIOServer, chat: Chat) -> None:
    chat.gate.clear()
    async with connect(server) as client:
        await client.send("40/chat,")
        await eventually(lambda: chat.connecting)
        chat_gate = asyncio.get_running_loop().call_later(0.05, chat.gate.set)
    assert chat_gate.when() > 0
    assert chat.log == [("connect", ""), ("disconnect", "transport close")]


@pytest.mark.parametrize(
    ("query", "headers", "status", "body"),
    [
        ("EIO=4&transport=carrier-pigeon", [], 400, b'{"code":0,"message":"Transport unknown"}'),
        ("EIO=4&transport=constructor", [], 400, b'{"code":0,"message":"Transport unknown"}'),
        ("EIO=4", [], 400, b'{"code":0,"message":"Transport unknown"}'),
        ("EIO=4&transport=websocket&sid=x", [], 400, b'{"code":1,"message":"Session ID unknown"}'),
        ("EIO=2&transport=websocket", [], 400, b'{"code":5,"message":"Unsupported protocol version"}'),
        ("EIO=&transport=websocket", [], 400, b'{"code":5,"message":"Unsupported protocol version"}'),
        ("EIO=4&transport=websocket", EVIL_ORIGIN, 403, b'{"code":4,"message":"Forbidden"}'),
        ("EIO=4&transport=websocket", BROKEN_ORIGIN, 403, b'{"code":4,"message":"Forbidden"}'),
    ],
)  # fmt: skip
async def test_bad_handshakes_get_the_protocols_error(
    server: SocketIOServer, query: str, headers: list[tuple[bytes, bytes]], status: int, body: bytes
) -> None:
    communicator = WebsocketCommunicator(server, f"/socket.io/?{query}", headers=[(b"host", b"chat"), *headers])
    communicator.scope["extensions"] = {"websocket.http.response": {}}
    await communicator.send_input({"type": "websocket.connect"})
    start = await communicator.receive_output(1)
    assert (start["type"], start["status"]) == ("websocket.http.response.start", status)
    assert (await communicator.receive_output(1))["body"] == body


async def test_a_client_that_names_no_protocol_speaks_3(server: SocketIOServer) -> None:
    """The official iOS client for 2.x servers puts `transport=websocket` into the URL, and no `EIO`."""
    async with connect(server, "transport=websocket&token=t") as client:
        assert await client.receive() == "40"
        await client.send("40/chat")
        assert await client.receive() == "40/chat,"


async def test_a_server_may_demand_that_the_protocol_is_named(chat: Chat) -> None:
    server = SocketIOServer([chat], options=Options(eio_required=True))
    communicator = WebsocketCommunicator(server, "/socket.io/?transport=websocket")
    communicator.scope["extensions"] = {"websocket.http.response": {}}
    await communicator.send_input({"type": "websocket.connect"})
    assert (await communicator.receive_output(1))["status"] == 400
    assert (await communicator.receive_output(1))["body"] == b'{"code":5,"message":"Unsupported protocol version"}'


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [(b"http://chat", ()), (b"https://shop.example", ("https://shop.example",)), (b"https://any.example", ("*",))],
)
async def test_own_and_allowed_origins_may_connect(origin: bytes, allowed: tuple[str, ...]) -> None:
    server = SocketIOServer([News()], options=Options(allowed_origins=allowed))
    headers = [(b"host", b"chat"), (b"origin", origin)]
    communicator = WebsocketCommunicator(server, "/socket.io/?EIO=4&transport=websocket", headers=headers)
    communicator.scope["scheme"] = "ws"
    accepted, _ = await communicator.connect(1)
    assert accepted
    await communicator.disconnect()


class Away(Namespace):
    """Lets nobody in while it is away."""

    path = "/away"

    def __init__(self) -> None:
        super().__init__()
        self.away, self.tries, self.left = True, 0, 0

    async def on_connect(self, socket: Socket) -> None:
        self.tries += 1
        await socket.enter_room("everybody")
        if self.away:
            raise TryAgainLater("the store is away", retry_after=0.1)

    async def on_disconnect(self, socket: Socket, reason: str) -> None:
        self.left += 1


@pytest.mark.parametrize("query", ["EIO=4&transport=websocket", "EIO=3&transport=websocket"])
async def test_who_is_to_try_again_later_gets_no_answer_and_an_end_of_the_connection(query: str) -> None:
    away = Away()
    async with connect(SocketIOServer([away]), query) as client:
        await client.send("40/away,")
        assert await client.receive() == "closed"
    assert (away.tries, away.left) == (1, 0)


async def test_a_connection_that_is_in_another_namespace_stays_and_the_handler_runs_again() -> None:
    away = Away()
    async with connect(SocketIOServer([away, News()])) as client:
        await client.join("/news")
        await client.send("40/away,")
        await eventually(lambda: away.tries == 2)
        away.away = False
        assert (await client.receive()).startswith('40/away,{"sid":')
    assert (away.tries, away.left) == (3, 1)


async def test_who_leaves_or_asks_again_meanwhile_is_tried_once(server: SocketIOServer) -> None:
    away = Away()
    async with connect(SocketIOServer([away, News()])) as client:
        await client.join("/news")
        await client.send("40/away,")
        await eventually(lambda: away.tries == 1)
        away.away = False
        await client.send("40/away,")
        assert (await client.receive()).startswith('40/away,{"sid":')
        await asyncio.sleep(0.2)
        assert away.tries == 2
        await client.send("41/away,")
        away.away = True
        await client.send("40/away,")
        await eventually(lambda: away.tries == 3)
        await client.send("41/away,")
        await asyncio.sleep(0.2)
        assert away.tries == 3
        assert not client.closed


@pytest.mark.parametrize(
    ("options", "eio", "accepted"),
    [
        (Options(), "EIO=3", True),
        (Options(allow_eio3=False), "EIO=4", True),
        (Options(allow_eio3=False), "EIO=3", False),
        (Options(allow_eio3=False), "", False),
        (Options(parsers=("msgpack",)), "EIO=4", True),
        (Options(parsers=("msgpack",)), "EIO=3", False),
    ],
)
async def test_clients_2_x_may_be_kept_out(options: Options, eio: str, accepted: bool) -> None:
    """As by the reference server's `allowEIO3`; a server of MessagePack alone has nothing to say to them."""
    server = SocketIOServer([News()], options=options)
    communicator = WebsocketCommunicator(server, f"/socket.io/?transport=websocket&{eio}")
    communicator.scope["extensions"] = {"websocket.http.response": {}}
    await communicator.send_input({"type": "websocket.connect"})
    answer = await communicator.receive_output(1)
    if accepted:
        assert answer["type"] == "websocket.accept"
        await communicator.disconnect(timeout=2)
        return
    assert answer["status"] == 400
    assert (await communicator.receive_output(1))["body"] == b'{"code":5,"message":"Unsupported protocol version"}'


async def test_a_wrong_parser_is_said_to_the_client_and_once_in_the_log(
    server: SocketIOServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "socketio_bridge")
    async with connect(server) as client:
        for namespace in ("/chat", "/news"):
            await client.send(msgspec.msgpack.encode({"type": 0, "nsp": namespace}))
            answer = msgspec.msgpack.decode(await client.receive_binary())
            message = "This server does not take packets of the 'msgpack' parser; it takes json"
            assert answer == {"type": 4, "nsp": namespace, "data": {"message": message}}
    assert [record.message for record in caplog.records if "parser" in record.message] == [
        f"Refused the client at : {message}."
    ]


async def test_a_client_of_an_unknown_parser_stays_until_it_should_have_joined(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its connection ends then: at once, it would be back at once, as clients begin their back-off anew."""
    caplog.set_level("INFO", "socketio_bridge")
    async with connect(SocketIOServer([News()], options=Options(connect_timeout=0.3))) as client:
        for _ in range(3):
            await client.send(b"\xc1 no MessagePack")
        assert await client.communicator.receive_nothing(0.1)
        assert await client.receive() == "closed"
    said = [record.message for record in caplog.records if "parser" in record.message]
    assert said == ["Refused the client at : the client's parser is unknown: its first packet is binary."]
