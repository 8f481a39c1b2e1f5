"""The communicator that ships with the bridge: what a test of a namespace sees of its server, in both generations."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Literal

import channels.db
import pytest
from channels.security.websocket import OriginValidator
from django.db import close_old_connections

from socketio_bridge import AckTimeout, ConnectionRefused, Namespace, Options, Socket, SocketIOServer, emit, event
from socketio_bridge.testing import Disconnected, SocketIOCommunicator
from tests.socketio_bridge.client import connect

pytestmark = pytest.mark.usefixtures("redis_server")

Eio = Literal[3, 4]


class Desk(Namespace):
    path = "/desk"

    def __init__(self) -> None:
        super().__init__()
        self.sockets: list[Socket] = []
        self.log: list[Any] = []

    async def on_connect(self, socket: Socket) -> None:
        who = socket.handshake.query.get("who") or socket.handshake.auth.get("who")
        if who == "stranger":
            raise ConnectionRefused("Who are you?", {"code": "stranger"})
        self.sockets.append(socket)
        await socket.enter_room("all")

    async def on_disconnect(self, socket: Socket, reason: str) -> None:
        await asyncio.sleep(0)
        self.log.append(reason)

    @event("add")
    async def add(self, socket: Socket, first: int, second: int) -> int:
        return first + second

    @event("pair")
    async def pair(self, socket: Socket) -> tuple[int, int]:
        return 1, 2

    @event("tell_all")
    async def tell_all(self, socket: Socket, text: str) -> None:
        await emit("told", text, to="all", namespace=self.path)

    @event("ask_back")
    async def ask_back(self, socket: Socket) -> Any:
        try:
            return await socket.call("question", "why?", timeout=0.05)
        except AckTimeout:
            return "no answer"

    @event("twice")
    async def twice(self, socket: Socket, data: bytes) -> bytes:
        await socket.emit("data", {"data": data})
        return data * 2

    @event("leave")
    async def leave(self, socket: Socket) -> None:
        await socket.disconnect()

    @event("hang")
    async def hang(self, socket: Socket) -> None:
        await asyncio.sleep(60)

    @event("fail")
    async def fail(self, socket: Socket) -> None:
        raise LookupError("a bug")


class Root(Namespace):
    @event("where")
    async def where(self, socket: Socket) -> str:
        return f"{socket.id} in {self.path}"


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def server(desk: Desk) -> SocketIOServer:
    return SocketIOServer([desk, Root()], options=Options())


@pytest.fixture(params=[3, 4])
def eio(request: pytest.FixtureRequest) -> Eio:
    generation: Eio = request.param
    return generation


async def not_found(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("the request was for Socket.IO")


class TestConnecting:
    async def test_a_client_knows_its_socket_by_the_same_id(self, server: SocketIOServer, desk: Desk, eio: Eio) -> None:
        async with SocketIOCommunicator(server, "/desk", eio=eio) as client:
            assert client.connected
            assert client.id == desk.sockets[0].id
        async with SocketIOCommunicator(server, eio=eio) as client:
            assert await client.call("where") == [f"{client.id} in /"]

    async def test_the_handshake_has_query_auth_and_headers(self, server: SocketIOServer, desk: Desk, eio: Eio) -> None:
        auth = {"who": "ann"} if eio == 4 else None
        cookie = {"Cookie": "sessionid=x"}
        async with SocketIOCommunicator(server, "/desk", eio=eio, query={"page": "a b&c"}, auth=auth, headers=cookie):
            handshake = desk.sockets[0].handshake
        assert handshake.query["page"] == "a b&c"
        assert handshake.auth == (auth or {"page": "a b&c"}), "of 2.x clients the query, as with the reference server"
        assert handshake.headers["cookie"] == "sessionid=x"
        assert handshake.address == "127.0.0.1"

    async def test_a_refusal_has_its_message_and_data(self, server: SocketIOServer, eio: Eio) -> None:
        client = SocketIOCommunicator(server, "/desk", eio=eio, query={"who": "stranger"})
        with pytest.raises(ConnectionRefused, match=r"^Who are you\?$") as refused:
            await client.connect()
        assert refused.value.data == ({"code": "stranger"} if eio == 4 else None)
        assert not client.connected

    async def test_an_unknown_namespace_is_refused(self, server: SocketIOServer, eio: Eio) -> None:
        with pytest.raises(ConnectionRefused, match="Invalid namespace"):
            await SocketIOCommunicator(server, "/nowhere", eio=eio).connect()

    async def test_a_refused_handshake_has_its_status_and_code(self, server: SocketIOServer) -> None:
        client = SocketIOCommunicator(server, headers={"origin": "https://evil.example"})
        with pytest.raises(ConnectionRefused, match="Forbidden") as refused:
            await client.connect()
        assert refused.value.data == {"status": 403, "code": 4}

    async def test_a_refusal_by_middleware_is_one_too(self, server: SocketIOServer) -> None:
        client = SocketIOCommunicator(
            OriginValidator(server, ["shop.example"]), headers={"origin": "https://evil.example"}
        )
        with pytest.raises(ConnectionRefused, match="status 403"):
            await client.connect()

    async def test_the_application_may_mount_the_server_behind_middleware(self, desk: Desk) -> None:
        def stamp(inner: Any) -> Any:
            async def stamped(scope: Any, receive: Any, send: Any) -> None:
                await inner({**scope, "user": "ann"}, receive, send)

            return stamped

        server = SocketIOServer([desk], options=Options())
        application = server.mount("/live", beside=not_found, middleware=stamp)
        async with SocketIOCommunicator(application, "/desk", path="/live/"):
            assert desk.sockets[0].handshake.scope["user"] == "ann"
        with pytest.raises(ConnectionRefused, match="served at /live"):
            await SocketIOCommunicator(application, "/desk").connect()

    async def test_what_the_application_raises_reaches_the_test(self) -> None:
        async def broken(scope: Any, receive: Any, send: Any) -> None:
            raise LookupError("broken middleware")

        with pytest.raises(LookupError, match="broken middleware"):
            await SocketIOCommunicator(broken).connect()

    async def test_a_server_that_says_nothing_is_waited_for_no_longer_than_told(self) -> None:
        async def silent(scope: Any, receive: Any, send: Any) -> None:
            while (await receive())["type"] != "websocket.disconnect":
                pass

        with pytest.raises(TimeoutError, match=r"no answer to the CONNECT of / within 0.01 s"):
            await SocketIOCommunicator(silent).connect(timeout=0.01)

    def test_arguments_that_a_generation_does_not_have_are_named(self, server: SocketIOServer) -> None:
        with pytest.raises(ValueError, match="eio=4"):
            SocketIOCommunicator(server, eio=3, auth={"token": "x"})
        with pytest.raises(ValueError, match="eio is 5"):
            SocketIOCommunicator(server, eio=5)  # type: ignore[arg-type]

    async def test_nothing_can_be_sent_before(self, server: SocketIOServer) -> None:
        with pytest.raises(RuntimeError, match="not connected"):
            await SocketIOCommunicator(server).emit("add", 1, 2)


class TestEvents:
    async def test_call_returns_the_acknowledgements_arguments(self, server: SocketIOServer, eio: Eio) -> None:
        async with SocketIOCommunicator(server, "/desk", eio=eio) as client:
            assert await client.call("add", 2, 3) == [5]
            assert await client.call("pair") == [1, 2]
            assert await asyncio.gather(*(client.call("add", n, n) for n in range(5))) == [[0], [2], [4], [6], [8]]

    async def test_call_without_an_answer_says_so(self, server: SocketIOServer) -> None:
        async with SocketIOCommunicator(server, "/desk") as client:
            with pytest.raises(TimeoutError, match=r"no acknowledgement of 'fail' .* within 0.05 s"):
                await client.call("fail", timeout=0.05)
            assert await client.call("add", 1, 1) == [2]

    async def test_events_come_in_order_to_each_client(self, server: SocketIOServer) -> None:
        async with (
            SocketIOCommunicator(server, "/desk", eio=3) as old,
            SocketIOCommunicator(server, "/desk", eio=4) as new,
        ):
            await old.emit("tell_all", "first")
            await new.emit("tell_all", "second")
            for client in (old, new):
                assert await client.receive() == ("told", ["first"])
                assert await client.receive() == ("told", ["second"])

    async def test_silence_can_be_asserted_and_does_no_harm(self, server: SocketIOServer) -> None:
        async with SocketIOCommunicator(server, "/desk") as client:
            assert await client.receive_nothing(0.01)
            with pytest.raises(TimeoutError, match=r"no event within 0.01 s"):
                await client.receive(timeout=0.01)
            await client.emit("tell_all", "text")
            assert not await client.receive_nothing()
            assert await client.receive() == ("told", ["text"])

    async def test_what_the_server_asks_can_be_answered(self, server: SocketIOServer, eio: Eio) -> None:
        async with SocketIOCommunicator(server, "/desk", eio=eio) as client:
            asking = asyncio.create_task(client.call("ask_back"))
            assert await client.receive() == ("question", ["why?"])
            await client.acknowledge("because", 1)
            assert await asking == [["because", 1]]
            with pytest.raises(RuntimeError, match="asked for no acknowledgement"):
                await client.acknowledge("again")

    async def test_what_the_server_asks_need_not_be_answered(self, server: SocketIOServer) -> None:
        async with SocketIOCommunicator(server, "/desk") as client:
            assert await client.call("ask_back") == ["no answer"]

    async def test_heartbeats_are_answered(self, desk: Desk, eio: Eio) -> None:
        # Clients of protocol 3 ping by themselves; no test lives for long enough to need it.
        server = SocketIOServer([desk], options=Options(ping_interval=0.02, ping_timeout=0.02 if eio == 4 else 5))
        async with SocketIOCommunicator(server, "/desk", eio=eio) as client, connect(server) as silent:
            while await silent.receive() != ("closed" if eio == 4 else "2"):
                pass
            assert await client.call("add", 1, 1) == [2]


class TestTheEnd:
    async def test_leaving_runs_the_disconnect_handler(self, server: SocketIOServer, desk: Desk, eio: Eio) -> None:
        async with SocketIOCommunicator(server, "/desk", eio=eio) as client:
            pass
        assert desk.log == ["client namespace disconnect"]
        assert not client.connected
        with pytest.raises(Disconnected, match="io client disconnect"):
            await client.emit("add", 1, 2)

    async def test_a_dropped_connection_says_no_goodbye(self, server: SocketIOServer, desk: Desk) -> None:
        async with SocketIOCommunicator(server, "/desk") as client:
            await client.drop()
        assert desk.log == ["transport close"]

    async def test_the_server_can_put_a_client_out(self, server: SocketIOServer, eio: Eio) -> None:
        async with SocketIOCommunicator(server, "/desk", eio=eio) as client:
            await client.emit("tell_all", "last words")
            await client.emit("leave")
            assert await client.disconnected() == "io server disconnect"
            assert await client.receive() == ("told", ["last words"])
            with pytest.raises(Disconnected):
                await client.receive()
            with pytest.raises(Disconnected):
                await client.call("add", 1, 2)
            assert await client.receive_nothing()

    async def test_the_server_can_go_away(self, server: SocketIOServer) -> None:
        async with SocketIOCommunicator(server, "/desk") as client:
            closing = asyncio.create_task(client.disconnected())
            await server.shutdown()
            assert await closing in ("transport close", "io server disconnect")

    async def test_a_handler_that_does_not_end_is_reported(self, server: SocketIOServer, desk: Desk) -> None:
        client = SocketIOCommunicator(server, "/desk")
        await client.connect()
        await client.emit("hang")
        with pytest.raises(TimeoutError, match=r"a handler did not end within 0.05 s"):
            await client.disconnect(timeout=0.05)

    async def test_database_connections_are_kept_while_any_client_is_open(self, server: SocketIOServer) -> None:
        async with SocketIOCommunicator(server) as first:
            async with SocketIOCommunicator(server):
                await first.disconnect()
                assert channels.db.close_old_connections is not close_old_connections
        assert channels.db.close_old_connections is close_old_connections


class Scripted:
    """An application that says what a test has it say, and keeps what it hears."""

    def __init__(self, eio: Eio, *frames: str | bytes) -> None:
        self.joined = "40" if eio == 3 else '40{"sid":"socket"}'
        self.frames = frames
        self.heard: list[str | bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        for frame in (f"0{json.dumps({'sid': 'session'})}", self.joined, *self.frames):
            await send({"type": "websocket.send", "text" if isinstance(frame, str) else "bytes": frame})
        while (message := await receive())["type"] == "websocket.receive":
            self.heard.append(message["bytes"] if message.get("text") is None else message["text"])


class TestBinary:
    """Socket.IO protocol 5, "Packet encoding / Binary"; of EIO=3 each binary frame begins with the type's byte."""

    async def test_it_goes_to_the_server_and_back(self, server: SocketIOServer, eio: Eio) -> None:
        async with SocketIOCommunicator(server, "/desk", eio=eio) as client:
            assert await client.call("twice", b"ab") == [b"abab"]
            assert await client.receive() == ("data", [{"data": b"ab"}])

    async def test_binary_that_comes_is_put_in_its_place(self, eio: Eio) -> None:
        head = b"\x04" if eio == 3 else b""
        event = '452-["file",{"parts":[{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]}]'
        async with SocketIOCommunicator(Scripted(eio, event, head + b"a", head + b"b"), eio=eio) as client:
            assert await client.receive() == ("file", [{"parts": [b"b", b"a"]}])

    async def test_binary_that_goes_out_is_attached(self, eio: Eio) -> None:
        application = Scripted(eio, '421["ask"]')
        async with SocketIOCommunicator(application, eio=eio) as client:
            await client.emit("file", {"parts": [b"a", memoryview(b"b")]})
            await client.receive()
            await client.acknowledge(b"c")
        head = b"\x04" if eio == 3 else b""
        assert application.heard[1 if eio == 4 else 0 : -1] == [
            '452-["file",{"parts":[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]}]',
            head + b"a",
            head + b"b",
            '461-1[{"_placeholder":true,"num":0}]',
            head + b"c",
        ]

    @pytest.mark.parametrize("frame", ["4nonsense", "42{", b"unannounced", '451-["x",{"_placeholder":true,"num":3}]'])
    async def test_what_is_no_packet_fails_the_test(self, frame: str | bytes) -> None:
        async with SocketIOCommunicator(Scripted(4, frame, b"attachment")) as client:
            with pytest.raises(ValueError, match="which is no packet"):
                await client.receive()
