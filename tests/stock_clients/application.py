"""The application that the stock clients talk to: each thing that a Socket.IO client may ask of a server, and no more.

`python -m tests.stock_clients.application` serves it. What it does that no client can see, such as which events it has
handled, it writes to the record, a file of JSON lines that all its processes share.
"""

import asyncio
import json
import os
import re
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import parse_qs

import uvicorn
from django.conf import settings

from socketio_bridge import (
    AcksMissing,
    AckTimeout,
    ConnectionRefused,
    Namespace,
    Options,
    Socket,
    SocketIOServer,
    broadcast_call,
    emit,
    event,
)
from socketio_bridge.namespace import CallNext

PATH = "/socket.io"
GOODBYE = 3  # seconds that open connections have when the process is asked to stop


class Record:
    """Lines that outlive the process: each is in the file before the event's ack is on its way."""

    def __init__(self, path: Path, process: str) -> None:
        self.process = process
        self._file: TextIO = path.open("a", buffering=1)

    def write(self, **line: Any) -> None:
        """Add a line."""
        self._file.write(json.dumps({"process": self.process, **line}) + "\n")


class Everything(Namespace):
    """The default namespace: events back, acks both ways, rooms, and who left why."""

    path = "/"

    def __init__(self, record: Record) -> None:
        super().__init__()
        self._record = record

    async def on_connect(self, socket: Socket) -> None:
        await socket.emit("welcome", self._record.process)

    async def on_disconnect(self, socket: Socket, reason: str) -> None:
        left = {"id": socket.id, "reason": reason, "code": socket.close_code}
        await emit("left", left, to="watchers", namespace=self.path)

    async def on_upgrade(self, socket: Socket) -> None:
        await socket.emit("upgraded", socket.transport)

    @event("echo")
    async def echo(self, socket: Socket, *arguments: Any) -> None:
        await socket.emit("echo", *arguments)

    @event("ack")
    async def ack(self, socket: Socket, *arguments: Any) -> tuple[Any, ...]:
        return arguments

    @event("slow_ack", overlapping=True)
    async def slow_ack(self, socket: Socket, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "at last"

    @event("ask_me")
    async def ask_me(self, socket: Socket, question: Any, timeout: float) -> dict[str, Any]:
        """Ask the client back."""
        try:
            return {"answer": await socket.call("question", question, timeout=timeout)}
        except AckTimeout as error:
            return {"timed_out": str(error)}

    @event("ask_room")
    async def ask_room(self, socket: Socket, room: str, question: Any, timeout: float) -> dict[str, Any]:
        """Ask all clients of a room, on every process."""
        try:
            answers = await broadcast_call("question", question, to=room, namespace=self.path, timeout=timeout)
        except AcksMissing as error:
            return {"answers": error.answers, "missing": error.missing}
        return {"answers": answers, "missing": []}

    @event("enter")
    async def enter(self, socket: Socket, room: str) -> bool:
        await socket.enter_room(room)
        return True

    @event("leave")
    async def leave(self, socket: Socket, room: str) -> bool:
        await socket.leave_room(room)
        return True

    @event("say")
    async def say(self, socket: Socket, room: str | None, what: Any) -> bool:
        """To a room, or to everybody."""
        await emit("said", what, to=room, namespace=self.path)
        return True

    @event("count")
    async def count(self, socket: Socket, who: str, number: int) -> int:
        """Note that the number was handled, then say so."""
        self._record.write(who=who, number=number)
        return number

    @event("tell_back")
    async def tell_back(self, socket: Socket, who: str, number: int) -> int:
        """`count`, and tell the client so by an event too."""
        self._record.write(who=who, number=number, connection=socket.id)
        await socket.emit("told", number)
        return number


class Dynamic(Namespace):
    """Namespaces that are made by being asked for."""

    pattern = re.compile(r"/room-\d+")

    @event("where")
    async def where(self, socket: Socket) -> str:
        return socket.namespace

    @event("say")
    async def say(self, socket: Socket, what: Any) -> None:
        await emit("said", what, to=None, namespace=socket.namespace)


class Unforeseen(Namespace):
    """Takes every event."""

    path = "/unforeseen"

    @event("*")
    async def anything(self, socket: Socket, name: str, *arguments: Any) -> list[Any]:
        return [name, *arguments]


async def _let_in_by_token(socket: Socket) -> None:
    token = socket.handshake.auth.get("token") or socket.handshake.query.get("token")
    if token != "open sesame":
        raise ConnectionRefused("Not with that token", data={"code": "bad_token", "token": token})


async def _refuse_events(socket: Socket, name: str, arguments: list[Any], call_next: CallNext) -> Any:
    if name == "forbidden":
        return {"refused": name}
    return await call_next(arguments)


class Guarded(Namespace):
    """Middleware at the door and around each event."""

    path = "/guarded"
    connect_middleware = (_let_in_by_token,)
    event_middleware = (_refuse_events,)

    @event("*")
    async def anything(self, socket: Socket, name: str, *arguments: Any) -> dict[str, str]:
        return {"allowed": name}


def application(record: Record, options: Options) -> Any:
    """The ASGI application; it notes which process carries a session's WebSocket, and gets its polls."""
    server = SocketIOServer([Everything(record), Dynamic(), Unforeseen(), Guarded()], options=options)

    async def nothing(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    mounted = server.mount(PATH, beside=nothing)

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        sid = parse_qs(scope.get("query_string", b"").decode()).get("sid", [""])[0]
        if scope["type"] == "websocket":
            record.write(carries=sid)
        elif scope["type"] == "http" and scope["method"] == "GET":
            record.write(polls=sid)
        await mounted(scope, receive, send)

    return noting


def main() -> None:
    """Serve on PORT of 127.0.0.1."""
    layer = {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [os.environ["REDIS_URL"]], "prefix": os.environ["PREFIX"]},
    }
    settings.configure(CHANNEL_LAYERS={"default": layer}, SECRET_KEY="of no use")
    options = Options(**json.loads(os.environ.get("OPTIONS", "{}")))
    record = Record(Path(os.environ["RECORD"]), os.environ["PORT"])
    uvicorn.run(
        application(record, options),
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        ws="websockets-sansio",
        loop="uvloop",
        ws_ping_interval=None,
        ws_max_size=16 * 1024 * 1024,
        timeout_graceful_shutdown=GOODBYE,
        access_log=False,
    )


if __name__ == "__main__":
    main()
