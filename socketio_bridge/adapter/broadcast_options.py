"""Whom something is for: sockets of a namespace, by room."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class BroadcastOptions(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The sockets in any of `rooms` (None: all of the namespace) and in none of `except_`. A socket's id is a room."""

    namespace: str
    rooms: list[str] | None
    except_: list[str]

    @classmethod
    def of(cls, namespace: str, to: Iterable[str] | str | None, except_: Iterable[str] | str) -> BroadcastOptions:
        """Options as applications name them; a string is one room."""
        return cls(namespace, None if to is None else names(to), names(except_))


def names(rooms: Iterable[str] | str) -> list[str]:
    """Rooms as a list; a string is one room."""
    return [rooms] if isinstance(rooms, str) else list(rooms)
