"""The namespaces that the clients of these tests connect to."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from socketio_bridge import AckTimeout, ConnectionRefused, Namespace, Socket, emit, event


class Greeting(msgspec.Struct):
    name: str
    times: int = 1


class Picture(msgspec.Struct):
    name: str
    data: bytes


class Chat(Namespace):
    path = "/chat"

    def __init__(self) -> None:
        super().__init__()
        self.log: list[Any] = []
        self.sockets: list[Socket] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.connecting = 0  # connect handlers begun

    async def on_connect(self, socket: Socket) -> None:
        self.connecting += 1
        await self.gate.wait()
        who = socket.handshake.auth.get("who") or socket.handshake.query.get("who", "")
        if who == "stranger":
            raise ConnectionRefused("Go away", {"code": "stranger"})
        if who == "bug":
            raise RuntimeError("a bug in the connect handler")
        if who == "exit":
            raise SystemExit("what a management command does")
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

    @event("wait in vain")
    async def wait_in_vain(self, socket: Socket) -> None:
        await self.gate.wait()
        waited_for = asyncio.get_running_loop().create_future()
        waited_for.cancel()
        await waited_for

    @event("exit")
    async def exit(self, socket: Socket) -> None:
        raise SystemExit("what a management command does")

    @event("exit beside others", overlapping=True)
    async def exit_beside_others(self, socket: Socket) -> None:
        raise SystemExit("what a management command does")

    @event("say bye", overlapping=True)
    async def say_bye(self, socket: Socket) -> str:
        await socket.disconnect()
        await self.gate.wait()
        return "bye"

    @event("quick", overlapping=True)
    async def quick(self, socket: Socket) -> None:
        self.log.append("quick")

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

    @event("typing", volatile=True)
    async def typing(self, socket: Socket, number: int) -> int:
        self.log.append(("typing", number))
        await asyncio.sleep(0)
        self.log.append(("typed", number))
        return number

    @event("type and wait", volatile=True)
    async def type_and_wait(self, socket: Socket) -> None:
        await self.gate.wait()
        self.log.append("typed at last")

    @event("type and leave", volatile=True)
    async def type_and_leave(self, socket: Socket) -> str:
        await socket.disconnect()
        return "bye"

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
