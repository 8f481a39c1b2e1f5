"""The rows at which pages of the chat's lists ended, as cursors carry them: see `persistence.keyset`.

Rooms move up in their list; their cursor has checksums of those that were on a page.
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
    """A row of a room list, and what the pages up to it showed. Times are milliseconds since 1970.

    Attributes:
        side: The side whose list it is.
        pinned: When the room was pinned.
        last: When its last message was created.
        room_id: The room.
        read_at: When the page was read.
        shown: Checksums of the rooms on pages so far; of very many, the last ones.
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


class SyncPosition(Struct, frozen=True, array_like=True, tag="sync1"):
    """Where a sync stands: a client that has come so far lacks what changed later. The tag has the version.

    Attributes:
        since: An instant of the store's, in milliseconds since 1970: later changes are sent.
        until: The `since` of the token at the end; None: the sync has not begun.
        side: The side whose rooms are sent, once the sync has begun.
        stage: A value of `sync.Stage`.
        room_id: The last room that was sent in this stage.
        at: Within it, the instant of the last message that was sent, in milliseconds; None: the room was sent wholly.
        message_id: That message's id.
    """

    since: int
    until: int | None = None
    side: Role | None = None
    stage: int = 0
    room_id: str = ""
    at: int | None = None
    message_id: str = ""


def to_position(cursor: str, kind: type[Position]) -> Position:
    """Read the position that a cursor carries.

    Raises:
        RuleViolation: `validation_failed`: it carries none of this kind.
    """
    try:
        return keyset.from_cursor(cursor, kind)
    except ValueError:
        raise unusable(cursor) from None


def to_place(cursor: str, position: MessagePosition | SearchPosition) -> Place:
    """Convert a message's position to its place in the order.

    Raises:
        RuleViolation: `validation_failed`: its time is in no year.
    """
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
    """Convert an instant to the milliseconds that positions carry."""
    return None if instant is None else to_milliseconds(instant)
