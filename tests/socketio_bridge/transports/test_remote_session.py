"""Requests of a session that reach another process than its own: they just work, in order, once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest
from channels.testing import WebsocketCommunicator

from socketio_bridge import Options, emit
from socketio_bridge.protocol.engineio import Packet
from socketio_bridge.transports.session_registry import find_session, registry_of
from tests.eventually import eventually, eventually_sync
from tests.socketio_bridge.processes import Process
from tests.socketio_bridge.transports.polling.browser import Browser, Chat


@pytest.fixture
def chat() -> Chat:
    return Chat()


@pytest.fixture
def owner(chat: Chat) -> Iterator[Process]:
    process = Process(chat)
    yield process
    if process.thread.is_alive():
        process.stop()


@pytest.fixture
def other(owner: Process) -> Iterator[Process]:
    process = Process(Chat())
    yield process
    process.stop()


class Wanderer:
    """A client whose requests reach the process that the test names."""

    def __init__(self, owner: Process, eio: int = 4) -> None:
        self.owner = owner
        self.browser = Browser(owner.server, eio)
        owner.run(self.browser.open())

    def get(self, by: Process) -> str:
        self.browser.server = by.server
        return by.run(self.browser.get())

    def post(self, body: str, by: Process) -> str:
        self.browser.server = by.server
        return by.run(self.browser.post(body)).body

    def is_polling(self) -> bool:
        """Whether a poll waits for a packet."""
        return registry_of(self.owner.adapter).sessions[self.browser.query["sid"]].ready

    def websocket(self, by: Process) -> Websocket:
        query = f"EIO={self.browser.query['EIO']}&transport=websocket&sid={self.browser.query['sid']}"
        return Websocket(by, query)


class Websocket:
    """A WebSocket that a session changes over to."""

    def __init__(self, process: Process, query: str) -> None:
        self.process = process
        self.communicator = WebsocketCommunicator(process.server, f"/socket.io/?{query}")
        accepted, _ = process.run(self.communicator.connect(2))
        assert accepted

    def send(self, frame: str) -> None:
        self.process.run(self.communicator.send_to(frame))

    def receive(self) -> str:
        message = self.process.run(self.communicator.receive_output(8))
        return "closed" if message["type"] == "websocket.close" else str(message["text"])

    def close(self) -> None:
        self.process.run(self.communicator.disconnect(timeout=5))


def changed_over(client: Wanderer, by: Process) -> Websocket:
    client.post("40/chat,", by)
    assert client.get(by).startswith("40/chat,")
    websocket = client.websocket(by)
    websocket.send("2probe")
    assert websocket.receive() == "3probe"
    assert client.get(client.owner) == "6"
    websocket.send("5")
    return websocket


def test_gets_and_posts_may_reach_any_process(owner: Process, other: Process) -> None:
    client = Wanderer(owner)
    assert client.post("40/chat,", other) == "ok"
    assert client.get(other).startswith("40/chat,")
    for number in range(10):
        client.post(f'42/chat,{number}["echo",{number}]', (owner, other)[number % 2])
    received = ""
    while received.count("43/chat") < 10:
        received += "\x1e" + client.get(other)
    assert received.split("\x1e")[1:] == [f"43/chat,{number}[{number}]" for number in range(10)]


def test_protocol_3_too(owner: Process, other: Process) -> None:
    client = Wanderer(owner, eio=3)
    client.post("8:40/chat,", other)
    assert client.get(other) == "8:40/chat,"


def test_a_websocket_may_be_accepted_elsewhere(owner: Process, other: Process, chat: Chat) -> None:
    websocket = changed_over(Wanderer(owner), other)
    for number in range(100):
        websocket.send(f'42/chat,{number}["echo",{number}]')
    assert [websocket.receive() for _ in range(100)] == [f"43/chat,{number}[{number}]" for number in range(100)]
    owner.run(emit("news", 1, to="all", namespace="/chat"))
    assert websocket.receive() == '42/chat,["news",1]'
    websocket.close()
    assert (chat.reasons, chat.close_codes, chat.upgraded) == (["transport close"], [1000], ["websocket"])


def test_what_waits_during_the_change_comes_by_the_websocket(owner: Process, other: Process) -> None:
    client = Wanderer(owner)
    client.post("40/chat,", other)
    client.get(other)
    websocket = client.websocket(other)
    websocket.send("2probe")
    websocket.receive()
    assert client.get(owner) == "6"
    owner.run(emit("news", 1, to="all", namespace="/chat"))
    websocket.send("5")
    assert websocket.receive() == '42/chat,["news",1]'
    websocket.close()


def test_a_session_that_ends_closes_its_websocket_elsewhere(owner: Process, other: Process, chat: Chat) -> None:
    websocket = changed_over(Wanderer(owner), other)
    websocket.send("42/nowhere,[]")
    assert websocket.receive() == "closed"
    websocket.close()
    assert chat.reasons == ["parse error"]


class StuckWebsocket:
    """One whose client does not read."""

    writer = None

    def __init__(self) -> None:
        self.closed = False

    async def send(self, packets: Sequence[Packet]) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        self.closed = True


def test_what_waits_for_a_websocket_elsewhere_is_bounded_in_bytes(owner: Process, other: Process, chat: Chat) -> None:
    client = Wanderer(owner)
    client.post("40/chat,", owner)
    client.get(owner)
    websocket = StuckWebsocket()

    async def carry() -> None:
        session = await find_session(other.adapter, client.browser.query["sid"])
        assert session is not None
        session.attach(websocket)
        await session.relieved()

    other.run(carry())
    for _ in range(5 * Options().outbound_limit // 400_000):
        owner.run(emit("news", "x" * 100_000, to="all", namespace="/chat"))
    eventually_sync(lambda: websocket.closed)
    assert chat.reasons == ["transport error"]


def test_what_is_on_its_way_to_a_session_elsewhere_is_bounded_in_bytes(owner: Process, other: Process) -> None:
    client = Wanderer(owner)

    async def send() -> tuple[bool, bool]:
        session = await find_session(other.adapter, client.browser.query["sid"])
        assert session is not None
        session.receive("40/chat,")
        before = session.congested
        session.receive(f'42/chat,["echo","{"x" * 300_000}"]')
        during = session.congested
        await session.relieved()
        assert not session.congested
        return before, during

    assert other.run(send()) == (False, True)


def test_the_websocket_of_a_process_that_dies_is_closed(owner: Process, other: Process) -> None:
    websocket = changed_over(Wanderer(owner), other)
    owner.die()
    assert websocket.receive() == "closed"
    websocket.close()


def test_a_session_of_a_process_that_is_gone_is_unknown(owner: Process, other: Process) -> None:
    client = Wanderer(owner)
    owner.stop()
    assert client.get(other) == '{"code":1,"message":"Session ID unknown"}'


@pytest.mark.parametrize("sid", ["", "x", "0" * 32, "é"])
def test_ids_that_name_no_session_are_unknown(other: Process, sid: str) -> None:
    browser = Browser(other.server)
    browser.query["sid"] = sid or "0"
    assert other.run(browser.get()) == '{"code":1,"message":"Session ID unknown"}'


def test_a_poll_that_waits_in_a_process_which_stops_is_let_go(owner: Process, other: Process) -> None:
    """As ASGI servers stop: open requests are cancelled, then the application is told. The session loses nothing."""
    client = Wanderer(owner)
    client.post("40/chat,", owner)
    client.get(owner)

    async def stop() -> str:
        poll = client.browser.begin("GET", {})
        client.browser.server = owner.server
        await poll.send_input({"type": "http.request", "body": b""})
        await eventually(client.is_polling)
        poll.future.cancel()
        await asyncio.sleep(0)
        await other.server.shutdown()
        return (await client.browser.answer(poll)).body

    client.browser.server = other.server
    assert other.run(stop()) == "6"
    assert client.post('42/chat,7["echo","on we go"]', owner) == "ok"
    assert client.get(owner) == '43/chat,7["on we go"]'


def test_a_process_that_is_told_to_stop_lets_polls_of_others_sessions_go(owner: Process, other: Process) -> None:
    """Its ASGI server waits for open requests, and cancels none."""
    client = Wanderer(owner)

    async def poll_until_told_to_stop() -> list[str]:
        client.browser.server = other.server
        bodies: list[str] = []
        for _ in range(2):  # and one that comes after it was told
            poll = client.browser.begin("GET", {})
            await poll.send_input({"type": "http.request", "body": b""})
            await eventually(lambda: client.is_polling() or bodies)
            other.server.stop_serving()
            bodies.append((await client.browser.answer(poll)).body)
        return bodies

    assert other.run(poll_until_told_to_stop()) == ["6", "6"]
    assert client.post("40/chat,", owner) == "ok", "the session lives on"


def test_two_polls_at_a_time_end_the_session_wherever_they_land(owner: Process, other: Process, chat: Chat) -> None:
    client = Wanderer(owner)
    client.post("40/chat,", other)
    client.get(other)
    waiting = asyncio.run_coroutine_threadsafe(client.browser.get(), other.loop)
    eventually_sync(client.is_polling)
    assert client.get(owner) == '{"code":3,"message":"Bad request"}'
    assert waiting.result(5) == "1"
    assert chat.reasons == ["transport error"]
