"""A client that comes back, and the namespace that it comes back to."""

from __future__ import annotations

import json
import re
from typing import Any, Self

from socketio_bridge import ConnectionRefused, Namespace, Options, Socket, emit, event, flush
from socketio_bridge.recovery.recovery import Recovery
from socketio_bridge.recovery.store import RELEASED
from tests.eventually import eventually_sync
from tests.socketio_bridge.client import FrameClient, connect
from tests.socketio_bridge.processes import Process

RECOVERING = Options(max_disconnection_duration=60.0)


signed_in: list[str] = []
"""Whom connect middleware saw, in the running test."""


async def sign_in(socket: Socket) -> None:
    """Connect middleware."""
    signed_in.append(socket.handshake.auth.get("who", "nobody"))


class Chat(Namespace):
    path = "/chat"
    connect_middleware = (sign_in,)

    async def on_connect(self, socket: Socket) -> None:
        await socket.enter_room("all")
        socket.data.name = socket.handshake.auth.get("who", "nobody")

    async def on_recover(self, socket: Socket, saved: Any) -> None:
        if saved["name"] == "outcast":
            raise ConnectionRefused("not again")
        await super().on_recover(socket, saved)
        await socket.emit("welcome back", saved["name"])

    @event("rename")
    async def rename(self, socket: Socket, name: str) -> None:
        socket.data.name = name

    @event("enter")
    async def enter(self, socket: Socket, room: str) -> bool:
        await socket.enter_room(room)
        return True

    @event("who am I")
    async def who_am_i(self, socket: Socket) -> tuple[str, str, list[str], bool]:
        return socket.id, socket.data.name, sorted(socket.rooms - {socket.id}), socket.recovered


class Beside(Namespace):
    """Any other namespace, with nothing to say."""

    pattern = re.compile("/(lobby|hall)")


class Returning:
    """A client as socket.io-client 4.6+ is one: it keeps its pid and the last offset, and comes back with them."""

    def __init__(self, name: str = "ann", query: str = "EIO=4&transport=websocket", **auth: Any) -> None:
        self.name = name
        self.query = query
        self.auth = auth
        self.pid: str | None = None
        self.offset: str | None = None
        self.id = ""
        self.user: Any = None  # whom middleware finds
        self.recovered = False
        self.refusal = ""

    def to(self, process: Process) -> Self:
        """Connect to a process."""
        self.process = process
        self._connection = connect(process.server, self.query, user=self.user)
        process.connections.append(self._connection)
        self.client: FrameClient = process.run(self._connection.__aenter__())
        auth: dict[str, Any] = {"who": self.name, **self.auth}
        if self.pid is not None:
            auth |= {"pid": self.pid} | ({} if self.offset is None else {"offset": self.offset})
        self.send(f"40/chat,{json.dumps(auth)}" if "EIO=4" in self.query else "40/chat,")
        frame = process.run(self.client.receive(8.0))
        if frame.startswith("44"):
            self.refusal = frame
            return self
        answer = json.loads(frame.partition(",")[2] or "{}")
        self.recovered = self.pid is not None and answer.get("pid") == self.pid
        self.id, self.pid = answer.get("sid", ""), answer.get("pid")
        return self

    def also(self, namespace: str, **auth: str) -> dict[str, Any]:
        """Join another namespace on the same connection: the server's answer."""
        self.send(f"40{namespace},{json.dumps(auth)}")
        answer: dict[str, Any] = json.loads(self.process.run(self.client.receive()).partition(",")[2])
        return answer

    def send(self, frame: str) -> None:
        self.process.run(self.client.send(frame))

    def receive(self) -> list[Any]:
        """The next event, without its offset, which is kept."""
        frame = self.process.run(self.client.receive())
        items: list[Any] = json.loads(frame[frame.index("[") :])
        if self.pid is not None:
            self.offset = items.pop()
        return items

    def hear(self) -> list[Any]:
        """The arguments of all events that have come so far."""
        self.send('42/chat,9["who am I"]')
        heard = []
        while not (frame := self.process.run(self.client.receive())).startswith("43/chat,9"):
            items = json.loads(frame[frame.index("[") :])
            self.offset = items.pop() if self.pid is not None else None
            heard += items[1:]
        self.answer = json.loads(frame.partition("9")[2])
        return heard

    def hear_until(self, *marks: Any) -> list[Any]:
        """The arguments of all events up to the last of these, in whatever order they come; without them."""
        heard: list[Any] = []
        while not set(marks) <= set(heard):
            heard += self.receive()[1:]
        return [each for each in heard if each not in marks]

    def cut(self) -> Self:
        """The connection breaks."""
        self.process.connections.remove(self._connection)
        self.process.run(self._connection.__aexit__(None, None, None))
        return self


def say(
    process: Process, *what: Any, to: str | None = "all", namespace: str | re.Pattern[str] = "/chat", **options: Any
) -> None:
    """Emit in a process; when this returns it is in the stream, unless Redis is away."""

    async def work() -> None:
        for each in what:
            await emit("said", each, to=to, namespace=namespace, **options)
        await flush()

    process.run(work())


def recovery_of(process: Process) -> Recovery:
    """The recovery of a process that has it on."""
    assert isinstance(process.adapter.hooks, Recovery)
    return process.adapter.hooks


def holder(process: Process, pid: str | None) -> str | None:
    """The node that holds a session, `RELEASED`, or None for no session."""
    return process.run(recovery_of(process).store.holder(str(pid)))


def until_kept(process: Process, pid: str | None) -> None:
    """Return when the session has been written, with what changed a moment ago."""
    eventually_sync(lambda: holder(process, pid) is not None)
    process.run(recovery_of(process).saved())


def until_reachable(*processes: Process) -> None:
    stores = [recovery_of(process).store for process in processes]
    eventually_sync(lambda: all(store.reachable for store in stores), "Redis is back")


def until_released(process: Process, *people: Returning) -> None:
    """Return when the sessions of clients that were cut off are there for any node."""
    eventually_sync(lambda: all(holder(process, each.pid) == RELEASED for each in people))
