"""What is told to whoever measures the bridge."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from socketio_bridge import EventRefused, Namespace, Options, Socket, SocketIOServer, event
from socketio_bridge.instrumentation import Instrumentation, instrument, instrumentation
from socketio_bridge.statistics import SocketKind
from tests.eventually import eventually
from tests.socketio_bridge.client import connect
from tests.socketio_bridge.transports.polling.browser import Browser


class Notes(Instrumentation):
    def __init__(self) -> None:
        self.events: list[tuple[str, str, str]] = []
        self.answered = self.written = self.dropped = 0

    def event_handled(self, namespace: str, event: str, error: BaseException | None, seconds: float) -> None:
        assert 0 <= seconds < 10
        self.events.append((namespace, event, type(error).__name__))

    def event_answered(self, seconds: float) -> None:
        assert 0 <= seconds < 10
        self.answered += 1

    def queue_written(self, seconds: float) -> None:
        assert 0 <= seconds < 10
        self.written += 1

    def client_dropped(self) -> None:
        self.dropped += 1


class Chat(Namespace):
    path = "/chat"

    @event("say")
    async def say(self, socket: Socket, text: str) -> str:
        return text

    @event("refuse")
    async def refuse(self, socket: Socket) -> None:
        raise EventRefused("too_late", "too late")

    @event("flood")
    async def flood(self, socket: Socket) -> None:
        for _ in range(100):
            await socket.emit("much", "x" * 1000)


class Rooms(Namespace):
    pattern = re.compile(r"/room-\d+")


@pytest.fixture
def notes() -> Iterator[Notes]:
    before, notes = instrumentation(), Notes()
    instrument(notes)
    yield notes
    instrument(before)


async def test_events_are_told_by_the_names_that_handlers_declare(notes: Notes) -> None:
    server = SocketIOServer([Chat()], options=Options())
    async with connect(server) as client:
        await client.join("/chat")
        for number, sent in enumerate(('"say","hi"', '"say",1', '"refuse"', '"made up by a client"')):
            await client.send(f"42/chat,{number}[{sent}]")
            await client.receive()
    assert notes.events == [
        ("/chat", "say", "NoneType"),
        ("/chat", "say", "InvalidArguments"),
        ("/chat", "refuse", "EventRefused"),
        ("/chat", "", "UnknownEvent"),
    ]
    assert notes.answered == 4
    assert notes.written >= 5


async def test_a_client_that_reads_too_slowly_is_told(notes: Notes) -> None:
    server = SocketIOServer([Chat()], options=Options(outbound_limit=10_000))
    browser = Browser(server)
    await browser.open()
    await browser.post("40/chat,")
    await browser.get()
    await browser.post('42/chat,["flood"]')
    await eventually(lambda: notes.dropped == 1)


async def test_sockets_are_counted_by_protocol_transport_and_namespace() -> None:
    server = SocketIOServer([Chat(), Rooms()], options=Options())
    async with connect(server) as one, connect(server) as other, connect(server, "EIO=3&transport=websocket") as old:
        await one.join("/chat")
        await one.join("/room-1")
        await other.join("/room-2")
        await old.send("40/chat")
        while not (await old.receive()).startswith("40/chat"):
            pass
        found = server.statistics()
    assert found.sockets == {
        SocketKind(4, "websocket", "/chat"): 1,
        SocketKind(4, "websocket", "Rooms"): 2,
        SocketKind(3, "websocket", "/chat"): 1,
    }
    assert (found.sessions, found.queued, found.congested, found.nodes) == (3, 0, 0, 0)
    assert server.statistics().sessions == 0
