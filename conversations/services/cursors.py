"""Where a page of the chat's lists ended, as cursors hold it: see `persistence.keyset`.

Rooms move up in their list; their cursor tells which were on a page.
"""

from __future__ import annotations

import datetime
from typing import TypeVar

from msgspec import Struct

from conversations.errors import Code, RuleViolation
from identity import Role
from persistence import keyset
from persistence.keyset import Place
from persistence.timestamps import from_milliseconds, to_milliseconds

Position = TypeVar("Position", bound=Struct)


class RoomPosition(Struct, frozen=True, array_like=True, tag="rooms"):
    """A row of a room list: its pin and its last message, in milliseconds since 1970, and the room.

    In a cursor also when the page was read, in milliseconds, and checksums of the rooms on pages so far, the last ones
    of very many.
    """

    side: Role
    pinned: int | None
    last: int | None
    room_id: str
    read_at: int = 0
    shown: bytes = b""


class MessagePosition(Struct, frozen=True, array_like=True, tag="messages"):
    """A row of a message list, in the order of that list; `created_at` in milliseconds since 1970."""

    oldest_first: bool
    created_at: int | None
    message_id: str


class SearchPosition(Struct, frozen=True, array_like=True, tag="search"):
    """A row of what a search found; `created_at` in milliseconds since 1970."""

    created_at: int | None
    message_id: str


def to_position(cursor: str, kind: type[Position]) -> Position:
    """The position that a cursor of such a list holds. RuleViolation `validation_failed`: it holds none."""
    try:
        return keyset.from_cursor(cursor, kind)
    except ValueError:
        raise unusable(cursor) from None


def to_place(cursor: str, position: MessagePosition | SearchPosition) -> Place:
    """Where the message of a cursor's position stands. RuleViolation `validation_failed`: in no year."""
    try:
        at = None if position.created_at is None else from_milliseconds(position.created_at)
    except OverflowError:
        raise unusable(cursor) from None
    return Place(at, position.message_id)


def unusable(cursor: str) -> RuleViolation:
    """The refusal of a cursor that did not come from the list that it is used on."""
    return RuleViolation(
        Code.VALIDATION_FAILED,
        f"`cursor` is {cursor[:40]!r}: it must be the `next_cursor` of the same list, unchanged, or left out",
    )


def from_instant(instant: datetime.datetime | None) -> int | None:
    """An instant as positions hold it."""
    return None if instant is None else to_milliseconds(instant)
