"""A server with namespaces, as its clients see it. Frames are written out, so that the wire is what is tested."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import msgspec
import pytest
from channels.testing import ApplicationCommunicator, WebsocketCommunicator
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from socketio_bridge import (
    AckTimeout,
    ConnectionRefused,
    InvalidArguments,
    Namespace,
    Options,
    Socket,
    SocketIOServer,
    UnknownEvent,
    emit,
    event,
)
from socketio_bridge.session import Session
from tests.socketio_bridge.client import FrameClient, connect

EVIL_ORIGIN = [(b"origin", b"https://evil.example")]


class Greeting(msgspec.Struct):
    name: str
    times: int = 1


class Picture(msgspec.Struct):
    name: str
    data: bytes


PLACEHOLDER = '{"_placeholder":true,"num":0}'


class Chat(Namespace):
    path = "/chat"

    def __init__(self) -> None:
        super().__init__()
        self.log: list[Any] = []
        self.sockets: list[Socket] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def on_connect(self, socket: Socket) -> None:
        await self.gate.wait()
        who = socket.handshake.auth.get("who") or socket.handshake.query.get("who", "")
        if who == "stranger":
            raise ConnectionRefused("Go away", {"code": "stranger"})
        if who == "bug":
            raise RuntimeError("a bug in the connect handler")
        self.sockets.append(socket)
        if who:
            await socket.enter_room(who)
            await emit("welcome", who, to=who, namespace=self.path)
        self.log.append(("connect", who))

    async def on_disconnect(self, socket: Socket, reason: str) -> None:
        self.log.append(("disconnect", reason))

    async def on_error(self, socket: Socket, event: str, arguments: Any, error: Exception) -> Any:
        self.log.append(("error", event, type(error)))
        return {"error": str(error)}

    @event("greet")
    async def greet(self, socket: Socket, greeting: Greeting) -> str:
        return f"hello {greeting.name}" * greeting.times

    @event("nothing")
    async def nothing(self, socket: Socket) -> None:
        pass

    @event("pair")
    async def pair(self, socket: Socket, first: int, second: str = "b") -> tuple[int, str]:
        return first, second

    @event("fail")
    async def fail(self, socket: Socket) -> None:
        raise LookupError("a bug in a handler")

    @event("slow")
    async def slow(self, socket: Socket, number: int) -> int:
        await self.gate.wait()
        self.log.append(number)
        return number

    @event("store", overlapping=True)
    async def store(self, socket: Socket, number: int) -> int:
        self.log.append(("begin", number))
        await self.gate.wait()
        self.log.append(("end", number))
        return number

    @event("say")
    async def say(self, socket: Socket, text: str, rooms: list[str]) -> None:
        await emit("said", text, to=rooms, namespace=self.path, except_=[socket.id])

    @event("upload")
    async def upload(self, socket: Socket, picture: Picture, rooms: list[str] | None = None) -> Picture:
        await emit("uploaded", picture, to=rooms or [], namespace=self.path, except_=[socket.id])
        return picture

    @event("size")
    async def size(self, socket: Socket, data: bytes) -> int:
        return len(data)

    @event("show")
    async def show(self, socket: Socket, anything: Any, flags: dict[int, bool]) -> None:
        self.log += [anything, flags]

    @event("inquire")
    async def inquire(self, socket: Socket) -> None:
        self.log.append(await socket.call("question", b"why?", timeout=2.0))

    @event("leave")
    async def leave(self, socket: Socket, close: bool = False) -> str:
        await socket.disconnect(close=close)
        return "bye"

    @event("ask")
    async def ask(self, socket: Socket) -> None:
        try:
            self.log.append(await socket.call("question", "why?", timeout=0.2))
        except AckTimeout as timeout:
            self.log.append(str(timeout))


class News(Namespace):
    path = "/news"


@pytest.fixture
def chat() -> Chat:
    return Chat()


@pytest.fixture
def server(chat: Chat) -> SocketIOServer:
    return SocketIOServer([chat, News()], options=Options())


class TestConnecting:
    async def test_a_socket_has_an_id_of_its_own_in_each_namespace(self, server: SocketIOServer) -> None:
        async with connect(server) as client:
            assert await client.join("/chat") != await client.join("/news")

    async def test_a_protocol_4_client_makes_up_its_id_of_namespace_and_session(
        self, server: SocketIOServer, chat: Chat
    ) -> None:
        async with connect(server, "EIO=3&transport=websocket") as client:
            await client.send("40/chat?who=ann")
            assert await client.receive() == "40/chat,"
            assert await client.receive() == '42/chat,["welcome","ann"]'
            assert chat.sockets[0].id.startswith("/chat#")

    async def test_what_is_emitted_in_the_connect_handler_comes_after_the_answer(self, server: SocketIOServer) -> None:
        async with connect(server) as client:
            await client.join("/chat", {"who": "ann"})
            assert client.communicator.output_queue.empty(), "not in one TCP segment, which some clients lose"
            assert await client.receive() == '42/chat,["welcome","ann"]'

    async def test_the_handshake_comes_when_the_websocket_is_open(self, server: SocketIOServer) -> None:
        websocket = WebsocketCommunicator(server, "/socket.io/?EIO=4&transport=websocket")
        await websocket.connect(1)
        assert websocket.output_queue.empty(), "not in one TCP segment, which some clients lose"
        assert (await websocket.receive_from(1)).startswith("0{")
        await websocket.disconnect(timeout=2)

    async def test_refusals_reach_the_client_with_their_reason(self, server: SocketIOServer, chat: Chat) -> None:
        async with connect(server) as client:
            await client.send('40/chat,{"who":"stranger"}')
            assert await client.receive() == '44/chat,{"message":"Go away","data":{"code":"stranger"}}'
            await client.send('40/chat,{"who":"bug"}')
            assert await client.receive() == '44/chat,{"message":"Internal Server Error"}'
            await client.join("/chat")
        assert chat.log == [("connect", ""), ("disconnect", "transport close")]

    async def test_an_unknown_namespace_is_refused(self, server: SocketIOServer) -> None:
        async with connect(server) as client:
            await client.send("40/nowhere,")
            assert await client.receive() == '44/nowhere,{"message":"Invalid namespace"}'
            await client.send("40")
            assert await client.receive() == '44{"message":"Invalid namespace"}'

    async def test_a_client_without_a_namespace_is_not_kept(self, chat: Chat) -> None:
        server = SocketIOServer([chat], options=Options(connect_timeout=0.05))
        for query in ("EIO=4&transport=websocket", "EIO=3&transport=websocket"):
            async with connect(server, query) as client:
                assert await client.receive() == "closed"

    async def test_a_client_that_leaves_its_last_namespace_is_not_kept(self, chat: Chat) -> None:
        server = SocketIOServer([chat], options=Options(connect_timeout=0.05))
        async with connect(server) as client:
            await client.join("/chat")
            await asyncio.sleep(0.1)
            await client.send("41/chat,")
            assert await client.receive() == "closed"

    async def test_a_client_that_left_while_its_connect_handler_ran_is_let_go(
        self, server: SocketIOServer, chat: Chat
    ) -> None:
        chat.gate.clear()
        async with connect(server) as client:
            await client.send("40/chat,")
            await asyncio.sleep(0)
            chat_gate = asyncio.get_running_loop().call_later(0.05, chat.gate.set)
        assert chat_gate.when() > 0
        assert chat.log == [("connect", ""), ("disconnect", "transport close")]

    @pytest.mark.parametrize(
        ("query", "headers", "status", "body"),
        [
            ("EIO=4&transport=carrier-pigeon", [], 400, b'{"code":0,"message":"Transport unknown"}'),
            ("EIO=4", [], 400, b'{"code":0,"message":"Transport unknown"}'),
            ("EIO=4&transport=websocket&sid=x", [], 400, b'{"code":1,"message":"Session ID unknown"}'),
            ("EIO=2&transport=websocket", [], 400, b'{"code":5,"message":"Unsupported protocol version"}'),
            ("transport=websocket", [], 400, b'{"code":5,"message":"Unsupported protocol version"}'),
            ("EIO=4&transport=websocket", EVIL_ORIGIN, 403, b'{"code":4,"message":"Forbidden"}'),
        ],
    )  # fmt: skip
    async def test_bad_handshakes_get_the_protocols_error(
        self, server: SocketIOServer, query: str, headers: list[tuple[bytes, bytes]], status: int, body: bytes
    ) -> None:
        communicator = WebsocketCommunicator(server, f"/socket.io/?{query}", headers=[(b"host", b"chat"), *headers])
        communicator.scope["extensions"] = {"websocket.http.response": {}}
        await communicator.send_input({"type": "websocket.connect"})
        start = await communicator.receive_output(1)
        assert (start["type"], start["status"]) == ("websocket.http.response.start", status)
        assert (await communicator.receive_output(1))["body"] == body

    @pytest.mark.parametrize(
        ("origin", "allowed"),
        [(b"http://chat", ()), (b"https://shop.example", ("https://shop.example",)), (b"https://any.example", ("*",))],
    )
    async def test_own_and_allowed_origins_may_connect(self, origin: bytes, allowed: tuple[str, ...]) -> None:
        server = SocketIOServer([News()], options=Options(allowed_origins=allowed))
        headers = [(b"host", b"chat"), (b"origin", origin)]
        communicator = WebsocketCommunicator(server, "/socket.io/?EIO=4&transport=websocket", headers=headers)
        communicator.scope["scheme"] = "ws"
        accepted, _ = await communicator.connect(1)
        assert accepted
        await communicator.disconnect()


class TestEvents:
    @pytest.fixture
    async def client(self, server: SocketIOServer) -> Any:
        async with connect(server) as client:
            await client.join("/chat")
            yield client

    async def answer(self, client: FrameClient, event: str) -> str:
        await client.send(f"42/chat,1{event}")
        frame = await client.receive()
        assert frame.startswith("43/chat,1")
        return frame.removeprefix("43/chat,1")

    async def test_a_handlers_value_answers_the_ack(self, client: FrameClient) -> None:
        assert await self.answer(client, '["greet",{"name":"ann"}]') == '["hello ann"]'
        assert await self.answer(client, '["nothing"]') == "[]"
        assert await self.answer(client, '["pair",1,"x"]') == '[1,"x"]'

    async def test_arguments_may_have_defaults_and_too_many_are_left_out(self, client: FrameClient) -> None:
        assert await self.answer(client, '["pair",1]') == '[1,"b"]'
        assert await self.answer(client, '["pair",1,"x",3]') == '[1,"x"]'

    async def test_without_an_ack_nothing_is_answered(self, client: FrameClient) -> None:
        await client.send('42/chat,["greet",{"name":"ann"}]')
        assert await self.answer(client, '["nothing"]') == "[]"

    @pytest.mark.parametrize(
        ("event", "error", "message"),
        [
            ('["greet",{"name":1}]', InvalidArguments, "Expected `str`, got `int` - at `$.name`"),
            ('["greet"]', InvalidArguments, "expected 1 argument(s), got 0"),
            ('["shout"]', UnknownEvent, "'shout' is no event of /chat; there are: ask, fail"),
            ('["fail"]', LookupError, "a bug in a handler"),
        ],
        ids=["type", "missing", "unknown", "raised"],
    )  # fmt: skip
    async def test_what_cannot_be_handled_goes_to_on_error_whose_value_answers(
        self, client: FrameClient, chat: Chat, event: str, error: type[Exception], message: str
    ) -> None:
        answer = await self.answer(client, event)
        assert msgspec.json.decode(answer)[0]["error"].startswith(message)
        assert chat.log[-1][2] is error

    async def test_events_of_one_socket_are_handled_one_at_a_time_and_in_order(
        self, client: FrameClient, chat: Chat
    ) -> None:
        chat.gate.clear()
        for number in range(50):
            await client.send(f'42/chat,["slow",{number}]')
        chat.gate.set()
        assert await self.answer(client, '["nothing"]') == "[]"
        assert chat.log[1:] == list(range(50))

    async def test_overlapping_handlers_begin_in_order_and_other_events_wait_for_them(
        self, client: FrameClient, chat: Chat
    ) -> None:
        chat.gate.clear()
        for number in (1, 2):
            await client.send(f'42/chat,{number}["store",{number}]')
        await client.send('42/chat,3["nothing"]')
        while ("begin", 2) not in chat.log:
            await asyncio.sleep(0)
        assert ("end", 1) not in chat.log
        chat.gate.set()
        assert sorted([await client.receive(), await client.receive()]) == ["43/chat,1[1]", "43/chat,2[2]"]
        assert await client.receive() == "43/chat,3[]"

    async def test_overlapping_events_are_begun_while_others_of_them_run(self, client: FrameClient, chat: Chat) -> None:
        chat.gate.clear()
        for number in range(5):
            await client.send(f'42/chat,["store",{number}]')
            while ("begin", number) not in chat.log:
                await asyncio.sleep(0)
        chat.gate.set()
        assert await self.answer(client, '["nothing"]') == "[]"

    async def test_a_client_that_leaves_is_gone_only_when_overlapping_handlers_have_ended(
        self, server: SocketIOServer, chat: Chat
    ) -> None:
        async with connect(server) as client:
            await client.join("/chat")
            chat.gate.clear()
            await client.send('42/chat,["store",1]')
            asyncio.get_running_loop().call_later(0.05, chat.gate.set)
        assert chat.log[1:] == [("begin", 1), ("end", 1), ("disconnect", "transport close")]

    async def test_a_slow_handler_does_not_hold_up_other_sockets(self, server: SocketIOServer, chat: Chat) -> None:
        async with connect(server) as one, connect(server) as other:
            await one.join("/chat")
            await other.join("/chat")
            chat.gate.clear()
            await one.send('42/chat,1["slow",1]')
            assert await self.answer(other, '["nothing"]') == "[]"
            chat.gate.set()
            assert await one.receive() == "43/chat,1[1]"

    async def test_events_sent_before_leaving_are_handled_before_the_disconnect_handler(
        self, server: SocketIOServer, chat: Chat
    ) -> None:
        async with connect(server) as client:
            await client.join("/chat")
            chat.gate.clear()
            await client.send('42/chat,["slow",1]')
            await client.send('42/chat,["slow",2]')
            asyncio.get_running_loop().call_later(0.05, chat.gate.set)
        assert chat.log[1:] == [1, 2, ("disconnect", "transport close")]

    async def test_the_server_asks_and_the_client_answers(self, client: FrameClient, chat: Chat) -> None:
        await client.send('42/chat,["ask"]')
        assert await client.receive() == '42/chat,0["question","why?"]'
        await client.send('43/chat,0["because"]')
        await self.answer(client, '["nothing"]')
        assert chat.log[-1] == ["because"]

    async def test_a_question_that_stays_unanswered_raises(self, client: FrameClient, chat: Chat) -> None:
        await client.send('42/chat,["ask"]')
        await client.receive()
        await client.send('43/chat,77["to another question"]')
        await self.answer(client, '["nothing"]')
        assert "did not acknowledge 'question'" in chat.log[-1]


class TestBinary:
    """Binary in events and acknowledgements, as `bytes` in handlers."""

    @pytest.fixture(params=[("EIO=4", b""), ("EIO=3", b"\x04")], ids=["protocol 5", "protocol 4"])
    async def connection(self, server: SocketIOServer, request: pytest.FixtureRequest) -> Any:
        """A client, and what stands before binary in its frames."""
        revision, prefix = request.param
        async with connect(server, f"{revision}&transport=websocket") as client:
            await client.send("40/chat,")
            assert (await client.receive()).startswith("40/chat,")
            yield client, prefix

    async def test_a_struct_of_bytes_goes_in_and_comes_back(self, connection: tuple[FrameClient, bytes]) -> None:
        client, prefix = connection
        await client.send('451-/chat,1["upload",{"name":"a","data":{"_placeholder":true,"num":0}}]')
        await client.send(prefix + b"\x00\xff")
        assert await client.receive() == f'461-/chat,1[{{"name":"a","data":{PLACEHOLDER}}}]'
        assert await client.receive_binary() == prefix + b"\x00\xff"

    async def test_bytes_alone_and_anything_else(self, connection: tuple[FrameClient, bytes], chat: Chat) -> None:
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
        self, connection: tuple[FrameClient, bytes], chat: Chat, arguments: str, problem: str
    ) -> None:
        client, prefix = connection
        await client.send(f"451-/chat,1[{arguments}]")
        await client.send(prefix + b"abc")
        assert problem in await client.receive()
        assert chat.log[-1][2] is InvalidArguments

    async def test_emits_reach_each_generation_in_its_own_framing(
        self, server: SocketIOServer, connection: tuple[FrameClient, bytes]
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
        self, connection: tuple[FrameClient, bytes], chat: Chat
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

    async def test_binary_for_a_client_that_is_not_in_yet_waits_with_its_packet(
        self, server: SocketIOServer, chat: Chat
    ) -> None:
        async def on_connect(socket: Socket) -> None:
            await socket.emit("picture", b"abc")

        chat.on_connect = on_connect  # type: ignore[method-assign]
        async with connect(server) as client:
            await client.join("/chat")
            assert await client.receive() == f'451-/chat,["picture",{PLACEHOLDER}]'
            assert await client.receive_binary() == b"abc"

    async def test_input_that_waits_counts_its_binary(self, chat: Chat) -> None:
        server = SocketIOServer([chat], options=Options(inbound_limit=1000))
        async with connect(server) as client:
            await client.join("/chat")
            chat.gate.clear()
            await client.send('42/chat,["slow",0]')
            for _ in range(5):
                await client.send(f'451-/chat,["size",{PLACEHOLDER}]')
                await client.send(b"x" * 900)
            await asyncio.sleep(0.05)
            assert client.communicator.input_queue.qsize() > 4
            chat.gate.set()
            await client.send('42/chat,1["nothing"]')
            assert await client.receive() == "43/chat,1[]"


class TestRooms:
    async def test_emits_reach_each_socket_of_the_rooms_once_and_not_the_sender(self, server: SocketIOServer) -> None:
        async with connect(server) as ann, connect(server) as bob, connect(server) as cat:
            for client, who in ((ann, "ann"), (bob, "bob"), (cat, "cat")):
                await client.join("/chat", {"who": who})
                await client.receive()
            await ann.send('42/chat,["say","hi",["bob","ann","bob"]]')
            assert await bob.receive() == '42/chat,["said","hi"]'
            for client in (ann, bob, cat):
                await client.send('42/chat,9["nothing"]')
                assert await client.receive() == "43/chat,9[]"

    async def test_who_left_gets_nothing_more(self, server: SocketIOServer, chat: Chat) -> None:
        async with connect(server) as ann:
            await ann.join("/chat", {"who": "ann"})
            await ann.receive()
            await ann.send("41/chat,")
            await ann.join("/news")
            await emit("said", "late", to="ann", namespace="/chat")
            await ann.send("40/chat,")
            assert (await ann.receive()).startswith("40/chat,")


class TestLeaving:
    async def test_a_handler_puts_its_client_out_after_its_answer(self, server: SocketIOServer, chat: Chat) -> None:
        async with connect(server) as client:
            await client.join("/chat")
            await client.send('42/chat,1["leave"]')
            assert await client.receive() == '43/chat,1["bye"]'
            assert await client.receive() == "41/chat,"
            await client.join("/news")
            assert chat.log[-1] == ("disconnect", "server namespace disconnect")

    async def test_a_handler_puts_its_client_out_of_all_namespaces_and_hangs_up(
        self, server: SocketIOServer, chat: Chat
    ) -> None:
        async with connect(server) as client:
            await client.join("/chat")
            await client.join("/news")
            await client.send('42/chat,1["leave",true]')
            frames = [await client.receive() for _ in range(4)]
            assert frames == ['43/chat,1["bye"]', "41/chat,", "41/news,", "closed"]
        assert chat.log[-1] == ("disconnect", "server namespace disconnect")

    async def test_a_client_leaves_a_namespace_and_keeps_the_other(self, server: SocketIOServer, chat: Chat) -> None:
        async with connect(server) as client:
            await client.join("/chat")
            await client.join("/news")
            await client.send("41/chat,")
            await client.join("/chat")
            assert chat.log[1] == ("disconnect", "client namespace disconnect")

    @pytest.mark.parametrize("frame", ["", "9", "42", '42["foo"', '42/news,["foo"]', "2", b"\x00", "4" + "9" * 50])
    async def test_a_broken_frame_ends_this_connection_alone(
        self, server: SocketIOServer, chat: Chat, frame: str | bytes
    ) -> None:
        async with connect(server) as good, connect(server) as bad:
            await good.join("/chat")
            await bad.join("/chat")
            await bad.send(frame)
            assert await bad.receive() == "closed"
            await good.send('42/chat,1["nothing"]')
            assert await good.receive() == "43/chat,1[]"
            assert chat.log[-1] == ("disconnect", "parse error")

    async def test_a_client_that_does_not_answer_pings_is_given_up(self, chat: Chat) -> None:
        server = SocketIOServer([chat], options=Options(ping_interval=0.05, ping_timeout=0.05))
        async with connect(server) as client:
            await client.join("/chat")
            assert await client.receive() == "2"
            await client.send("3")
            assert await client.receive() == "2"
            assert await client.receive() == "closed"
        assert chat.log[-1] == ("disconnect", "ping timeout")

    async def test_nothing_of_a_client_stays_behind(self, server: SocketIOServer, chat: Chat) -> None:
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


class TestLimits:
    async def test_no_more_is_read_from_a_client_whose_input_waits(self, chat: Chat) -> None:
        server = SocketIOServer([chat], options=Options(inbound_limit=100))
        async with connect(server) as client:
            await client.join("/chat")
            chat.gate.clear()
            for number in range(20):
                await client.send(f'42/chat,["slow",{number}]')
            await asyncio.sleep(0.05)
            assert client.communicator.input_queue.qsize() > 10
            chat.gate.set()
            await client.send('42/chat,1["nothing"]')
            assert await client.receive() == "43/chat,1[]"
            assert chat.log[1:] == list(range(20))

    async def test_a_client_that_does_not_read_is_disconnected(self, chat: Chat) -> None:
        server = SocketIOServer([chat], options=Options(outbound_limit=1000))
        stuck = asyncio.Event()
        sent: list[Any] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)
            if message["type"] == "websocket.send" and "said" in message["text"]:
                await stuck.wait()

        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        scope = {"type": "websocket", "path": "/", "query_string": b"EIO=4&transport=websocket", "headers": []}
        serving = asyncio.create_task(server(scope, incoming.get, send))
        incoming.put_nowait({"type": "websocket.connect"})
        incoming.put_nowait({"type": "websocket.receive", "text": '40/chat,{"who":"ann"}'})
        while not any("welcome" in message.get("text", "") for message in sent):
            await asyncio.sleep(0)
        for _ in range(20):
            await emit("said", "x" * 100, to="ann", namespace="/chat")
            await asyncio.sleep(0)
        while sent[-1]["type"] != "websocket.close":
            await asyncio.sleep(0)
        incoming.put_nowait({"type": "websocket.disconnect"})
        await serving
        assert chat.log[-1] == ("disconnect", "transport error")


class TestMounting:
    async def test_the_path_is_served_with_and_without_a_slash_and_django_gets_the_rest(
        self, server: SocketIOServer
    ) -> None:
        async def django(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 299, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        application = server.mount("/a/socket", beside=django)
        for path in ("/a/socket", "/a/socket/"):
            communicator = WebsocketCommunicator(application, f"{path}?EIO=4&transport=websocket")
            accepted, _ = await communicator.connect(1)
            assert accepted
            await communicator.disconnect()
        http = ApplicationCommunicator(application, {"type": "http", "path": "/a", "headers": []})
        await http.send_input({"type": "http.request"})
        assert (await http.receive_output(1))["status"] == 299

    async def test_a_websocket_elsewhere_is_told_where_to_go(self, server: SocketIOServer) -> None:
        async def django(scope: Any, receive: Any, send: Any) -> None:
            raise AssertionError("Django serves no WebSockets")

        communicator = WebsocketCommunicator(server.mount("/a/socket", beside=django), "/b")
        accepted, _ = await communicator.connect(1)
        assert not accepted

    def test_two_namespaces_of_one_path_are_refused(self) -> None:
        with pytest.raises(ImproperlyConfigured, match="Two namespaces have the path '/news'"):
            SocketIOServer([News(), News()], options=Options())

    def test_a_path_without_a_slash_is_refused(self) -> None:
        class Bad(Namespace):
            path = "news"

        with pytest.raises(ImproperlyConfigured, match="must start with a slash"):
            SocketIOServer([Bad()], options=Options())

    @pytest.mark.parametrize(
        ("given", "problem"),
        [
            ({"ping_intervall": 1}, "unknown field"),
            ({"ping_interval": 0}, "> 0.0 - at"),
            ({"max_payload": "1"}, "Expected `int`, got `str`"),
        ],
    )
    def test_a_bad_option_is_named(self, given: dict[str, Any], problem: str) -> None:
        with override_settings(SOCKETIO=given), pytest.raises(ImproperlyConfigured, match=problem):
            Options.from_settings()
