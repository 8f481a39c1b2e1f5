"""The rooms of a page, where a user has many: found by the indexes of room lists, whatever else the user has.

A room list has three parts: pinned rooms, those with a last message, and those without. An index holds the first part,
another one the second in its order (`Room`). A page that reaches the third, and values of other types than times, which
old rooms may hold and which sort as if they were absent, are left to who reads the whole list.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from typing import Final

from conversations.models import SIDES, Room
from conversations.services.cursors import RoomPosition
from identity import Role
from persistence.database import connection
from persistence.mongodb import Document, durable
from persistence.timestamps import EPOCH, UTC, from_milliseconds

INDEXED: Final = Role.SELLER
"""The side whose lists have indexes."""
SHORT = 50
"""Rooms up to which the whole list is read at once."""
_MILLISECOND = datetime.timedelta(milliseconds=1)


def pinned_rooms(user_id: str, side: Role, fields: list[str]) -> list[Document]:
    """Read a user's pinned rooms. For the store's threads.

    Args:
        user_id: The user.
        side: The side that the user is on in them.
        fields: The fields that are read.
    """
    own = SIDES[side]
    return list(durable(Room).find({own.user: user_id, own.pinned_at: {"$gte": EPOCH}}, fields))


def short_list(user_id: str, side: Role, fields: list[str]) -> list[Document] | None:
    """Read all of a user's rooms; None: there may be more than SHORT. Arguments as of `pinned_rooms`."""
    if not connection.ops.stops_at_limit:  # type: ignore[attr-defined]  # our engine's own
        return None
    rooms = list(durable(Room).find({SIDES[side].user: user_id}, fields, limit=SHORT + 1))
    return rooms if len(rooms) <= SHORT else None


def rooms_of_page(
    user_id: str,
    side: Role,
    fields: list[str],
    *,
    moved_since: int | None,
    after: RoomPosition | None,
    wanted: int,
    is_wanted: Callable[[Document], bool],
) -> list[Document] | None:
    """Read what a page of a long list is made of: pinned rooms, those that moved up, and the next ones in order.

    Args:
        user_id: The user.
        side: The side that the user is on in them.
        fields: The fields that are read, those of the order among them.
        moved_since: Rooms with a later last message are read, too; milliseconds since 1970; None: it is the first page.
        after: Where the page before ended; None: it is the first page.
        wanted: How many rooms are to follow.
        is_wanted: Whether a room with a last message counts as one of them.

    Returns:
        The rooms, in no order, some maybe twice; None: there are not so many, before those without a last message.
    """
    own = SIDES[side]
    before = None
    try:
        if after is not None and after.pinned is None:
            if after.last is None:
                return None
            before = from_milliseconds(after.last) + _MILLISECOND
        since = None if moved_since is None else from_milliseconds(moved_since)
    except OverflowError:  # the cursor is no work of ours
        return None
    found = pinned_rooms(user_id, side, fields)
    if since is not None:
        found += durable(Room).find({own.user: user_id, own.last_message_at: {"$gt": since}}, fields)
    for room in _by_last_message(user_id, side, fields, before, wanted + len(found)):
        found.append(room)
        wanted -= is_wanted(room)
        if not wanted:
            return found
    return None


def _by_last_message(
    user_id: str, side: Role, fields: list[str], before: datetime.datetime | None, at_once: int
) -> Iterator[Document]:
    own = SIDES[side]
    order = [(own.last_message_at, -1), ("_id", 1)]
    ranges = connection.ops.time_ranges(  # type: ignore[attr-defined]  # our engine's own
        None, before, oldest_first=False, about=lambda: datetime.datetime.now(UTC)
    )
    for times in ranges:
        condition, limit, read = {own.user: user_id, own.last_message_at: times}, at_once, set[str]()
        while True:
            found = list(durable(Room).find(condition, fields, sort=order, limit=limit))
            named = [room for room in found if isinstance(room["_id"], str)]  # no client could name the others
            yield from (room for room in named if room["_id"] not in read)
            if len(found) < limit:
                break
            # Again only where rooms were pinned or deleted, and from the beginning: if what was read were skipped, a
            # room that moves meanwhile would have another one left out, or counted twice.
            read.update(room["_id"] for room in named)
            limit *= 2
