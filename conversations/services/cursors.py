"""Cursors: where a page of a list ended, as a text that clients pass back and need not understand.

A cursor holds the sort key of a page's last row, not a number of rows: what is added or removed meanwhile makes no
later row be lost or repeated, and page 1,000 costs what page 1 does. It grants nothing: what a caller may see is asked
anew for each page. Rooms move up in their list; their cursor tells which were on a page.
"""

from __future__ import annotations

import base64
import binascii
import datetime
from typing import TypeVar

import msgspec
from msgspec import Struct

from conversations.errors import Code, RuleViolation
from identity import Role
from persistence.timestamps import to_milliseconds

_LONGEST = 6000

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
    told: bytes = b""


class MessagePosition(Struct, frozen=True, array_like=True, tag="messages"):
    """A row of a message list, in the order of that list; `created_at` in milliseconds since 1970."""

    oldest_first: bool
    created_at: int | None
    message_id: str


class SearchPosition(Struct, frozen=True, array_like=True, tag="search"):
    """A row of what a search found; `created_at` in milliseconds since 1970."""

    created_at: int | None
    message_id: str


def to_cursor(position: Struct) -> str:
    """The cursor of a position."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def to_position(cursor: str, kind: type[Position]) -> Position:
    """The position that a cursor of such a list holds. RuleViolation `validation_failed`: it holds none."""
    try:
        if len(cursor) > _LONGEST:
            raise ValueError("too long")
        padded = cursor + "=" * (-len(cursor) % 4)
        position = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=kind)
        if to_cursor(position) != cursor:
            raise ValueError("not as written here")
        return position
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError):
        raise unusable(cursor) from None


def unusable(cursor: str) -> RuleViolation:
    """The refusal of a cursor that did not come from the list that it is used on."""
    return RuleViolation(
        Code.VALIDATION_FAILED,
        f"`cursor` is {cursor[:40]!r}: it must be the `next_cursor` of the same list, unchanged, or left out",
    )


def from_instant(instant: datetime.datetime | None) -> int | None:
    """An instant as positions hold it."""
    return None if instant is None else to_milliseconds(instant)
