"""A MongoDB that loses its primary or has no room on its disk: what the real one is stood in for passes through here,
and is answered as by such a member.
"""

import asyncio
import struct
from typing import Any

import bson

from .tcp_proxy import End, TCPProxy

_HEADER = struct.Struct("<iiii")  # length, request, response to, opcode
_OP_REPLY, _OP_MSG = 1, 2013
_GREETINGS = ("hello", "ismaster", "isMaster")
_ANYWHERE = (*_GREETINGS, "ping", "buildInfo", "endSessions")
_WRITES = ("insert", "update", "delete", "findAndModify", "findandmodify")


class ReplicaSetMember(TCPProxy):
    """Passes connections on to `target`, a MongoDB URI, as the only member of a replica set."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self._has_primary = True
        self._has_room = True
        self.refused: list[str] = []
        """The commands that were refused."""

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

    async def forward(self, client: End, server: End) -> None:
        """Pass on the commands that such a member takes, and answer the others."""
        while True:
            header, body = await _message(client.reader)
            name = _command(header[3], body)
            error = self._refusal(name)
            if error is None:
                server.writer.write(_HEADER.pack(*header) + body)
                continue
            self.refused.append(name)
            answer = bytes(5) + bson.encode(error)
            client.writer.write(_HEADER.pack(_HEADER.size + len(answer), 1, header[1], _OP_MSG) + answer)

    def _refusal(self, name: str) -> dict[str, Any] | None:
        """What the command of that name is answered; None: it passes."""
        if not self._has_primary and name not in _ANYWHERE:
            error = {"ok": 0.0, "errmsg": "not primary", "code": 10107, "codeName": "NotWritablePrimary"}
            return {**error, "errorLabels": ["RetryableWriteError"]} if name in _WRITES else error
        if not self._has_room and name in _WRITES:
            return {"ok": 0.0, "errmsg": "available disk space is low", "code": 14031, "codeName": "OutOfDiskSpace"}
        return None

    async def backward(self, client: End, server: End) -> None:
        """Pass on the answers; what the member says of itself is as of one at this address."""
        while True:
            header, body = await _message(server.reader)
            start = 20 if header[3] == _OP_REPLY else 5
            if b"\x02setName\0" in body:
                body = body[:start] + bson.encode(self._as_member(bson.decode(body[start:])))
            client.writer.write(_HEADER.pack(_HEADER.size + len(body), *header[1:]) + body)

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
