"""`on_outgoing`: who watches what goes out to clients."""

from __future__ import annotations

from typing import Any

import pytest

from socketio_bridge import Namespace, Options, Socket, SocketIOServer, emit, event
from tests.socketio_bridge.client import PLACEHOLDER, connect

pytestmark = pytest.mark.usefixtures("redis_server")


class Observed(Namespace):
    path = "/observed"

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, str, list[Any]]] = []

    async def on_connect(self, socket: Socket) -> None:
        socket.data.who = socket.handshake.auth["who"]
        await socket.emit("welcome", socket.data.who)

    def on_outgoing(self, socket: Socket, event: str, arguments: list[Any]) -> None:
        self.sent.append((socket.data.who, event, arguments))
        if event == "broken":
            raise LookupError("a bug in on_outgoing")

    @event("tell")
    async def tell(self, socket: Socket, name: str, *arguments: Any) -> str:
        await emit(name, *arguments, to=None, namespace=self.path)
        return "told"

    @event("ask_me")
    async def ask_me(self, socket: Socket) -> None:
        await socket.call("question", 1, timeout=2)


@pytest.fixture
def observed() -> Observed:
    return Observed()


async def test_each_is_seen_as_the_client_will_see_it(observed: Observed) -> None:
    server = SocketIOServer([observed], options=Options())
    async with connect(server) as ann, connect(server) as bob:
        for client, who in ((ann, "ann"), (bob, "bob")):
            await client.join("/observed", {"who": who})
            assert await client.receive() == f'42/observed,["welcome","{who}"]'
        await ann.send('42/observed,1["tell","news",{"a":[1]},null]')
        assert await bob.receive() == '42/observed,["news",{"a":[1]},null]'
        await ann.send(f'451-/observed,["tell","file",{PLACEHOLDER}]')
        await ann.send(b"\x01\x02")
        assert await bob.receive() == f'451-/observed,["file",{PLACEHOLDER}]'
    news, file = ("news", [{"a": [1]}, None]), ("file", [b"\x01\x02"])
    assert observed.sent[:2] == [("ann", "welcome", ["ann"]), ("bob", "welcome", ["bob"])]
    assert sorted(observed.sent[2:4]) == [("ann", *news), ("bob", *news)]
    assert sorted(observed.sent[4:]) == [("ann", *file), ("bob", *file)]


async def test_questions_are_events_and_acknowledgements_are_not(observed: Observed) -> None:
    server = SocketIOServer([observed], options=Options())
    async with connect(server) as ann:
        await ann.join("/observed", {"who": "ann"})
        await ann.send('42/observed,1["ask_me"]')
        assert [await ann.receive(), await ann.receive()][1] == '42/observed,0["question",1]'
        await ann.send("43/observed,0[]")
        assert await ann.receive() == "43/observed,1[]"
    assert observed.sent[1:] == [("ann", "question", [1])]


async def test_an_observer_that_fails_holds_nothing_up(observed: Observed) -> None:
    server = SocketIOServer([observed], options=Options())
    async with connect(server) as ann:
        await ann.join("/observed", {"who": "ann"})
        await ann.send('42/observed,1["tell","broken"]')
        assert [await ann.receive() for _ in range(3)][1:] == ['42/observed,["broken"]', '43/observed,1["told"]']
