"""Which of this process's sockets are in which room of one namespace."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from socketio_bridge.sockets.socket import Socket


class Rooms:
    """The local sockets of one namespace and the rooms that they entered.

    Each socket is also in a room named by its own id, without an entry of its own here.
    """

    __slots__ = ("_members", "_sockets")

    def __init__(self) -> None:
        self._sockets: dict[str, Socket] = {}
        self._members: dict[str, set[Socket]] = {}

    def __len__(self) -> int:
        return len(self._sockets)

    def add(self, socket: Socket) -> None:
        """Take a socket in; it is in no room yet but its own."""
        self._sockets[socket.id] = socket

    def remove(self, socket: Socket) -> None:
        """Take a socket out of the namespace and of all its rooms."""
        self._sockets.pop(socket.id, None)
        for room in socket.rooms:
            self._discard(socket, room)

    def enter(self, socket: Socket, room: str) -> None:
        """Put a socket into a room, unless it has left the namespace meanwhile."""
        if self._sockets.get(socket.id) is socket:  # a client that came back has the id of the socket that it had
            self._members.setdefault(room, set()).add(socket)

    def leave(self, socket: Socket, room: str) -> None:
        """Take a socket out of a room; nothing happens where it is not in."""
        self._discard(socket, room)

    def select(self, rooms: Iterable[str] | None, except_: Iterable[str] = ()) -> Collection[Socket]:
        """The sockets in any of `rooms` (None: all of the namespace) and in none of `except_`, each once."""
        if rooms is None:
            selected: Collection[Socket] = list(self._sockets.values())  # who is sent too much leaves meanwhile
        else:
            selected = self._union(rooms)
        if not except_ or not selected:
            return selected
        left_out = self._union(except_)
        return [socket for socket in selected if socket not in left_out]

    def _union(self, rooms: Iterable[str]) -> Collection[Socket]:
        found: set[Socket] = set()
        for room in rooms:
            if members := self._members.get(room):
                found |= members
            if socket := self._sockets.get(room):
                found.add(socket)
        return found

    def _discard(self, socket: Socket, room: str) -> None:
        members = self._members.get(room)
        if members is None:
            return
        members.discard(socket)
        if not members:
            del self._members[room]
