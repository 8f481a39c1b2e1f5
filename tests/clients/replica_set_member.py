"""A MongoDB that loses its primary or has no room on its disk: what the real one is stood in for passes through here,
and is answered as by such a member.
"""

import asyncio
import contextlib
import struct
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import bson

_HEADER = struct.Struct("<iiii")  # length, request, response to, opcode
_OP_REPLY, _OP_MSG = 1, 2013
_GREETINGS = ("hello", "ismaster", "isMaster")
_ANYWHERE = (*_GREETINGS, "ping", "buildInfo", "endSessions")
_WRITES = ("insert", "update", "delete", "findAndModify", "findandmodify")


class ReplicaSetMember:
    """Passes connections on to `target`, a MongoDB URI, as the only member of a replica set."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._has_primary = True
        self._has_room = True
        self._tasks: set[asyncio.Task[None]] = set()
        self.refused: list[str] = []
        """The commands that were refused."""

    @property
    def address(self) -> str:
        """Host and port where it listens."""
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()

    def step_down(self) -> None:
        """From now on there is no primary."""
        self._has_primary = False

    def elect(self) -> None:
        """There is one again."""
        self._has_primary = True

    def fill_disk(self) -> None:
        """From now on there is no room for what is written."""
        self._has_room = False

    def make_room(self) -> None:
        """There is room again."""
        self._has_room = True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        directions: list[asyncio.Task[None]] = []
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            theirs, ours = await asyncio.open_connection(self._target.hostname, self._target.port)
            try:
                directions += [
                    asyncio.create_task(self._answers(theirs, writer)),
                    asyncio.create_task(self._questions(reader, ours, writer)),
                ]
                await asyncio.gather(*directions)
            finally:
                for direction in directions:
                    direction.cancel()
                ours.close()
        writer.close()
        self._tasks.discard(task)

    async def _questions(
        self, reader: asyncio.StreamReader, ours: asyncio.StreamWriter, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            header, body = await _message(reader)
            name = _command(header[3], body)
            error = self._refusal(name)
            if error is None:
                ours.write(_HEADER.pack(*header) + body)
                continue
            self.refused.append(name)
            answer = bytes(5) + bson.encode(error)
            writer.write(_HEADER.pack(_HEADER.size + len(answer), 1, header[1], _OP_MSG) + answer)

    def _refusal(self, name: str) -> dict[str, Any] | None:
        """What the command of that name is answered; None: it passes."""
        if not self._has_primary and name not in _ANYWHERE:
            error = {"ok": 0.0, "errmsg": "not primary", "code": 10107, "codeName": "NotWritablePrimary"}
            return {**error, "errorLabels": ["RetryableWriteError"]} if name in _WRITES else error
        if not self._has_room and name in _WRITES:
            return {"ok": 0.0, "errmsg": "available disk space is low", "code": 14031, "codeName": "OutOfDiskSpace"}
        return None

    async def _answers(self, theirs: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            header, body = await _message(theirs)
            start = 20 if header[3] == _OP_REPLY else 5
            if b"\x02setName\0" in body:
                body = body[:start] + bson.encode(self._as_member(bson.decode(body[start:])))
            writer.write(_HEADER.pack(_HEADER.size + len(body), *header[1:]) + body)

    def _as_member(self, greeting: dict[str, Any]) -> dict[str, Any]:
        """As this address, and without what lets the driver wait for news, so that it asks."""
        greeting |= {"hosts": [self.address], "me": self.address, "primary": self.address}
        greeting.pop("topologyVersion", None)
        if not self._has_primary:
            greeting |= {"isWritablePrimary": False, "ismaster": False, "secondary": True}
            for name in ("primary", "electionId"):
                greeting.pop(name, None)
        return greeting


async def _message(reader: asyncio.StreamReader) -> tuple[tuple[int, int, int, int], bytes]:
    length, *rest = _HEADER.unpack(await reader.readexactly(_HEADER.size))
    return (length, *rest), await reader.readexactly(length - _HEADER.size)


def _command(opcode: int, body: bytes) -> str:
    """The name of what is asked; a question in the old form is always a greeting."""
    if opcode != _OP_MSG:
        return _GREETINGS[0]
    size = int.from_bytes(body[5:9], "little")
    return str(next(iter(bson.decode(body[5 : 5 + size]))))
