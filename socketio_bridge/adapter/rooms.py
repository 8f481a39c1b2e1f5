"""Which of this process's sockets are in which room of one namespace."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from types import SimpleNamespace
from typing import Any, Protocol

from socketio_bridge.handshake import Handshake


class LocalSocket(Protocol):
    """A socket of this process, as the adapter knows it; `socketio_bridge.Socket` says what each part is."""

    id: str
    namespace: str
    rooms: set[str]
    connected: bool
    data: SimpleNamespace
    handshake: Handshake
    user: Any

    @property
    def ready(self) -> bool:
        """Whether the client is there to take what is sent now."""

    def send_packet(self, text: str, attachments: Sequence[bytes] = ()) -> None:
        """Queue an encoded event and its binary."""

    def request_ack(self, head: str, body: str, attachments: Sequence[bytes]) -> asyncio.Future[list[Any]]:
        """Send an event of `packet.event_around_id` and expect its acknowledgement; cancel the future to give it up."""

    def enter(self, room: str) -> None:
        """Put the socket into a room."""

    def leave(self, room: str) -> None:
        """Take the socket out of a room."""

    def put_out(self, *, close: bool = False) -> None:
        """Put the client out of the namespace; with `close`, out of all, and end its connection."""


class Rooms:
    """The local sockets of one namespace and the rooms that they entered.

    Each socket is also in a room named by its own id, without an entry of its own here.
    """

    __slots__ = ("_members", "_sockets")

    def __init__(self) -> None:
        self._sockets: dict[str, LocalSocket] = {}
        self._members: dict[str, set[LocalSocket]] = {}

    def __len__(self) -> int:
        return len(self._sockets)

    def add(self, socket: LocalSocket) -> None:
        """Take a socket in; it is in no room yet but its own."""
        self._sockets[socket.id] = socket

    def remove(self, socket: LocalSocket) -> None:
        """Take a socket out of the namespace and of all its rooms."""
        self._sockets.pop(socket.id, None)
        for room in socket.rooms:
            self._discard(socket, room)

    def enter(self, socket: LocalSocket, room: str) -> None:
        """Put a socket into a room, unless it has left the namespace meanwhile."""
        if self._sockets.get(socket.id) is socket:  # a client that came back has the id of the socket that it had
            self._members.setdefault(room, set()).add(socket)

    def leave(self, socket: LocalSocket, room: str) -> None:
        """Take a socket out of a room; nothing happens where it is not in."""
        self._discard(socket, room)

    def select(self, rooms: Iterable[str] | None, except_: Iterable[str] = ()) -> Collection[LocalSocket]:
        """The sockets in any of `rooms` (None: all of the namespace) and in none of `except_`, each once."""
        if rooms is None:
            selected: Collection[LocalSocket] = list(self._sockets.values())  # who is sent too much leaves meanwhile
        else:
            selected = self._union(rooms)
        if not except_ or not selected:
            return selected
        left_out = self._union(except_)
        return [socket for socket in selected if socket not in left_out]

    def _union(self, rooms: Iterable[str]) -> Collection[LocalSocket]:
        found: set[LocalSocket] = set()
        for room in rooms:
            if members := self._members.get(room):
                found |= members
            if socket := self._sockets.get(room):
                found.add(socket)
        return found

    def _discard(self, socket: LocalSocket, room: str) -> None:
        members = self._members.get(room)
        if members is None:
            return
        members.discard(socket)
        if not members:
            del self._members[room]
