"""A client that polls, and the namespace that it connects to."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from channels.testing import ApplicationCommunicator

from socketio_bridge import Namespace, Socket, SocketIOServer, event
from socketio_bridge.adapter.adapter import current_adapter
from socketio_bridge.transports.session_registry import registry_of
from tests.eventually import eventually


class Chat(Namespace):
    path = "/chat"

    def __init__(self) -> None:
        super().__init__()
        self.reasons: list[str] = []
        self.close_codes: list[int | None] = []
        self.upgraded: list[str] = []
        self.gate = asyncio.Event()

    async def on_connect(self, socket: Socket) -> None:
        await socket.enter_room("all")

    async def on_disconnect(self, socket: Socket, reason: str) -> None:
        self.reasons.append(reason)
        self.close_codes.append(socket.close_code)

    async def on_upgrade(self, socket: Socket) -> None:
        self.upgraded.append(socket.transport)

    @event("echo")
    async def echo(self, socket: Socket, value: Any) -> Any:
        return value

    @event("wait beside", overlapping=True)
    async def wait_beside(self, socket: Socket) -> None:
        await self.gate.wait()

    @event("echo beside", overlapping=True)
    async def echo_beside(self, socket: Socket, value: Any) -> Any:
        return value

    @event("transport")
    async def transport(self, socket: Socket) -> str:
        return socket.transport

    @event("wait")
    async def wait(self, socket: Socket, value: Any) -> None:
        await self.gate.wait()


@dataclass
class Answer:
    """What a request was answered."""

    status: int
    headers: dict[str, str]
    body: str


class Browser:
    """Sends HTTP requests to a server."""

    def __init__(self, server: SocketIOServer, eio: int = 4, **query: str) -> None:
        self.server = server
        self.query = {"EIO": str(eio), "transport": "polling", **query}
        self.headers: list[tuple[bytes, bytes]] = [(b"host", b"chat")]

    def begin(self, method: str, query: dict[str, str]) -> ApplicationCommunicator:
        """Send a request; the answer may be long in coming."""
        query_string = "&".join(f"{name}={value}" for name, value in (self.query | query).items() if value)
        scope = {
            "type": "http", "method": method, "path": "/socket.io/", "query_string": query_string.encode(),
            "headers": self.headers, "scheme": "http",
        }  # fmt: skip
        return ApplicationCommunicator(self.server, scope)

    async def request(self, method: str, body: bytes = b"", query: dict[str, str] | None = None) -> Answer:
        """A request and its answer."""
        request = self.begin(method, query or {})
        await request.send_input({"type": "http.request", "body": body})
        return await self.answer(request)

    async def answer(self, request: ApplicationCommunicator) -> Answer:
        """The answer to a request that was begun."""
        start = await request.receive_output(2)
        body = await request.receive_output(2)
        await request.wait(1)
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], headers, body["body"].decode())

    async def open(self) -> str:
        """Begin a session; its id, which all further requests carry."""
        answer = await self.request("GET")
        assert answer.status == 200, answer
        text = answer.body[answer.body.index("{") : answer.body.index("}") + 1]
        self.query["sid"] = str(json.loads(text)["sid"])
        return self.query["sid"]

    async def post(self, body: str) -> Answer:
        """Send packets."""
        return await self.request("POST", body.encode())

    async def get(self) -> str:
        """Fetch packets."""
        return (await self.request("GET")).body

    async def begin_get(self) -> asyncio.Task[str]:
        """Begin to fetch packets; return when the request waits for the next one."""
        fetching = asyncio.create_task(self.get())
        await eventually(self.is_polling)
        return fetching

    def is_polling(self) -> bool:
        """Whether a request of the session waits for a packet."""
        return registry_of(current_adapter()).sessions[self.query["sid"]].ready

    async def join(self) -> None:
        """Connect to the namespace."""
        await self.post("40/chat,")
        assert (await self.get()).startswith("40/chat,")
