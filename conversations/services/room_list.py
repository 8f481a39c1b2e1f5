"""Which rooms a user sees on one side: the list, one of them, and how many hold something unseen.

The indexes of that side's rooms find them; which are visible, and in what order, is decided here on a few fields of
each. A page of a seller's long list reads about as many rooms as it shows (`long_lists`). The whole list, a search by
name and the count read all of the user's rooms.
"""

from __future__ import annotations

import datetime
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from msgspec.structs import replace

from conversations.models import SIDES, Room, is_visible, last_message_at
from conversations.payloads import RoomView, view_of
from conversations.services.cursors import RoomPosition, from_instant, to_position, unusable
from conversations.services.long_lists import INDEXED, pinned_rooms, rooms_of_page, short_list
from conversations.services.search_pattern import expression_of
from conversations.storage.room_loader import Actor, load_room
from identity import Role
from persistence.fields import object_in
from persistence.keyset import to_cursor
from persistence.mongodb import Document, durable, in_parts, in_store_thread
from persistence.timestamps import stored_time, to_milliseconds

CLOCK_SKEW: Final = 15_000
"""Milliseconds that the clocks of processes may differ by, and that a message may take to its room."""
MOST_SHOWN: Final = 300
"""Rooms whose checksums a cursor has: two kilobytes."""
_CHECKSUM: Final = 4  # bytes


@dataclass(frozen=True, slots=True)
class RoomPage:
    """A page of rooms.

    Attributes:
        rooms: The rooms, as one side sees them.
        next_cursor: The cursor of the next page; None: there is none.
    """

    rooms: list[RoomView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomQuery:
    """Which of a user's visible rooms are asked for.

    Attributes:
        name: A part of the other side's name, found as `search_messages` finds texts; empty: any name.
        pinned_only: Pinned rooms only.
        limit: The most rooms of a page; None: all rooms at once.
        cursor: The `next_cursor` of the page before.
    """

    name: str = ""
    pinned_only: bool = False
    limit: int | None = None
    cursor: str | None = None


async def list_rooms(actor: Actor, side: Role, query: RoomQuery) -> RoomPage:
    """List the rooms that a user sees on one side.

    Pinned rooms come first, the latest pin before earlier ones; then the others, by their last message, the latest
    first.

    Args:
        actor: The authenticated user.
        side: The side on which the user is in the rooms.
        query: Which rooms.

    Returns:
        A page of them. A room that moved up past the pages so far begins the next page.

    Raises:
        RuleViolation: `validation_failed` for a cursor of another list or side.
    """
    after = None
    if query.cursor is not None:
        after = to_position(query.cursor, RoomPosition)
        if after.side is not side:
            raise unusable(query.cursor)
    return await in_store_thread(_list, actor.user_id, side, query, after)


async def view_room(actor: Actor, room_id: str, claimed: Role | None = None) -> RoomView:
    """Return one room as the user's side sees it, even if that side has deleted it.

    Args:
        actor: The authenticated user, one side of the room.
        room_id: The room's id.
        claimed: The side that the client says the user is on; None: it does not say.

    Raises:
        RuleViolation: `room_not_found`, `not_a_member`, `role_mismatch`, `role_not_allowed`.
    """
    side = (await load_room(room_id)).side_for(actor, claimed)
    (room,) = await in_store_thread(find_rooms, [room_id])
    return view_of(room, side)


async def count_unseen_rooms(actor: Actor, side: Role) -> int:
    """Count the visible rooms that hold a message that the user has not seen.

    Args:
        actor: The authenticated user.
        side: The side that the user is on in them.
    """
    return await in_store_thread(_count_unseen, actor.user_id, side)


def _list(user_id: str, side: Role, query: RoomQuery, after: RoomPosition | None) -> RoomPage:
    read_at, name = to_milliseconds(datetime.datetime.now(datetime.UTC)), expression_of(query.name)
    found = _candidates(user_id, side, query, after)
    rooms = {room["_id"]: room for room in found if _is_listed(room, side, query, name)}
    positions = sorted((_position(room, side) for room in rooms.values()), key=_order)
    if query.limit is None:
        return RoomPage([view_of(rooms[position.room_id], side) for position in positions], None)
    page, following = _cut(positions, query.limit, after, read_at)
    whole = {room["_id"]: room for room in find_rooms([position.room_id for position in page])}
    views = [view_of(whole[position.room_id], side) for position in page if position.room_id in whole]
    return RoomPage(views, None if following is None else to_cursor(following))


def _candidates(user_id: str, side: Role, query: RoomQuery, after: RoomPosition | None) -> Iterable[Document]:
    """The rooms that the page may show: of a long list its next ones, where these are known by an index."""
    fields: Any = {SIDES[side.other].last_message: False}
    if query.limit is not None:
        fields, found = _key_fields(side), None
        if side is INDEXED and query.pinned_only:
            found = pinned_rooms(user_id, side, fields)
        elif side is INDEXED and not query.name:
            found = short_list(user_id, side, fields)
            found = _next_ones(user_id, side, query.limit, after) if found is None else found
        if found is not None:
            return found
    return durable(Room).find({SIDES[side].user: user_id}, fields)


def _next_ones(user_id: str, side: Role, limit: int, after: RoomPosition | None) -> list[Document] | None:
    def follows(room: Document) -> bool:
        if not isinstance(room["_id"], str) or not is_visible(room, side):
            return False
        if _pinned_at(room, side) is not None or last_message_at(room, side) is None:
            return False
        return after is None or _order(_position(room, side)) > _order(after)

    return rooms_of_page(
        user_id,
        side,
        _key_fields(side),
        moved_since=None if after is None else after.read_at - CLOCK_SKEW,
        after=after,
        wanted=limit + 1,  # to know whether there is another page
        is_wanted=follows,
    )


def _cut(
    positions: list[RoomPosition], limit: int, after: RoomPosition | None, read_at: int
) -> tuple[list[RoomPosition], RoomPosition | None]:
    """A page, and where the next one begins.

    A page begins with the rooms that moved up past the pages before, for a message or a pin, and were on none of them.
    """
    if after is None:
        moved, rest, shown = list[RoomPosition](), positions, b""
    else:
        end, shown = _order(after), after.shown
        moved = [each for each in positions if _order(each) <= end and _has_moved(each, after)]
        rest = [each for each in positions if _order(each) > end]
    page = [*moved, *rest][:limit]
    if len(moved) + len(rest) <= limit:
        return page, None
    shown = (shown + b"".join(map(_checksum, page)))[-MOST_SHOWN * _CHECKSUM :]
    if after is not None and len(moved) >= limit:
        return page, replace(after, shown=shown)
    return page, replace(page[-1], read_at=read_at, shown=shown)


def _has_moved(position: RoomPosition, after: RoomPosition) -> bool:
    """Whether a room that stands before the end of a page was not there when the page was read."""
    moved_at = max(position.pinned or 0, position.last or 0)
    if moved_at <= after.read_at - CLOCK_SKEW:
        return False
    checksum = _checksum(position)
    return all(after.shown[at : at + _CHECKSUM] != checksum for at in range(0, len(after.shown), _CHECKSUM))


def _checksum(position: RoomPosition) -> bytes:
    return zlib.crc32(position.room_id.encode(errors="surrogatepass")).to_bytes(_CHECKSUM)


def find_rooms(room_ids: list[str]) -> list[Document]:
    """The documents of these rooms that exist, in no order; for the store's threads."""
    rooms = durable(Room)
    return [room for part in in_parts(room_ids) for room in rooms.find({"_id": {"$in": part}})]


def _count_unseen(user_id: str, side: Role) -> int:
    # In two stages: what the index finds, and what is left of that.
    unseen = {SIDES[side].unseen_messages: {"$gt": 0}}
    visibility = {"$project": dict.fromkeys(_key_fields(side), 1)}
    rooms = durable(Room).aggregate([{"$match": {SIDES[side].user: user_id}}, {"$match": unseen}, visibility])
    return sum(is_visible(room, side) for room in rooms)


def _key_fields(side: Role) -> list[str]:
    """What visibility, order and the filters ask of a room."""
    return [*SIDES[side].visibility, SIDES[side].pinned_at, f"{SIDES[side.other].info}.name"]


def _pinned_at(room: Document, side: Role) -> datetime.datetime | None:
    return stored_time(room.get(SIDES[side].pinned_at))


def _is_listed(room: Document, side: Role, query: RoomQuery, expression: re.Pattern[str]) -> bool:
    if not isinstance(room["_id"], str):  # no client could name it
        return False
    if query.pinned_only and _pinned_at(room, side) is None:
        return False
    if query.name:
        name = object_in(room, SIDES[side.other].info).get("name")
        if not isinstance(name, str) or not expression.search(name):
            return False
    return is_visible(room, side)


def _position(room: Document, side: Role) -> RoomPosition:
    return RoomPosition(
        side=side,
        pinned=from_instant(_pinned_at(room, side)),
        last=from_instant(last_message_at(room, side)),
        room_id=room["_id"],
    )


def _order(position: RoomPosition) -> tuple[bool, int, bool, int, str]:
    """What rooms sort by: the latest first, those without a pin or a last message after those with one."""
    pinned, last = position.pinned, position.last
    return (pinned is None, -(pinned or 0), last is None, -(last or 0), position.room_id)
