"""Which rooms a user sees on one side: the list, one of them, and how many hold something unseen.

Found by the index of that side's rooms and sorted in MongoDB's memory: a user has thousands of rooms at most, and an
index by last activity would cost every message more than it saves here (see `Room`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from chozoi_chat.identity import Role
from conversations.actor import Actor
from conversations.cursors import RoomPosition, from_instant, to_cursor, to_instant, to_position, unusable
from conversations.errors import Code, RuleViolation
from conversations.instants import from_store
from conversations.models import Room, visible_filter
from conversations.room_loader import load_room
from conversations.room_views import RoomView, view_of
from conversations.store import Document, durable, in_store_thread

_NAME_OF_OTHER = {Role.BUYER: "shop.name", Role.SELLER: "buyer_info.name"}


@dataclass(frozen=True, slots=True)
class RoomPage:
    """Rooms as one side sees them, and the cursor of what follows; `None`: nothing does."""

    rooms: list[RoomView]
    next_cursor: str | None


async def list_rooms(
    actor: Actor,
    side: Role,
    *,
    name: str = "",
    pinned_only: bool = False,
    limit: int | None = None,
    cursor: str | None = None,
) -> RoomPage:
    """The visible rooms: pinned ones first, the latest pin first of all, then those of the latest last message.

    `name`: those alone whose other side's name has this in it, in capitals or small. `limit`: at most so many; `None`:
    all. `cursor`: those after a page that ended with it. RuleViolation: `validation_failed`, `store_unavailable`.
    """
    if "\0" in name:
        raise RuleViolation(Code.VALIDATION_FAILED, "`name` has a NUL character in it: no name does")
    conditions = [_visible_rooms(actor.user_id, side)]
    if name:
        conditions.append({_NAME_OF_OTHER[side]: {"$regex": re.escape(name), "$options": "i"}})
    if pinned_only:
        conditions.append({_pin(side): {"$ne": None}})
    if cursor is not None:
        conditions.append(_after(cursor, side))
    found = await in_store_thread(_find, {"$and": conditions}, side, limit)
    more = limit is not None and len(found) > limit
    page = found[:limit]
    next_cursor = to_cursor(_position(page[-1], side)) if more else None
    return RoomPage([view_of(room, side) for room in page], next_cursor)


async def view_room(actor: Actor, room_id: str, claimed: Role | None = None) -> RoomView:
    """One room, as its side sees it, deleted or not.

    RuleViolation: `room_not_found`, `not_a_member`, `role_mismatch`, `store_unavailable`.
    """
    side = (await load_room(room_id)).side_of(actor.user_id, claimed)
    return view_of(await in_store_thread(_find_one, room_id), side)


async def count_unseen_rooms(actor: Actor, side: Role) -> int:
    """How many visible rooms hold a message that the user has not seen. RuleViolation: `store_unavailable`."""
    unseen = {**_visible_rooms(actor.user_id, side), f"{side.lower()}_unseen_messages": {"$gt": 0}}
    return await in_store_thread(_count, unseen)


def _visible_rooms(user_id: str, side: Role) -> Document:
    return {side.lower(): user_id, **visible_filter(side)}


def _pin(side: Role) -> str:
    return f"pinned_by_{side.lower()}"


def _last_message_at(side: Role) -> str:
    return f"{side.lower()}_last_message.created_at"


def _find(condition: Document, side: Role, limit: int | None) -> list[Document]:
    order = [(_pin(side), -1), (_last_message_at(side), -1), ("_id", 1)]
    rooms = durable(Room).find(condition, sort=order, projection={f"{side.other.lower()}_last_message": False})
    return list(rooms.limit(limit + 1) if limit is not None else rooms)


def _find_one(room_id: str) -> Document:
    return durable(Room).find_one({"_id": room_id}) or {"_id": room_id}


def _count(condition: Document) -> int:
    return durable(Room).count_documents(condition)


def _position(room: Document, side: Role) -> RoomPosition:
    pinned, last = room.get(_pin(side)), room.get(f"{side.lower()}_last_message") or {}
    at = last.get("created_at")
    return RoomPosition(
        side=side,
        pinned=from_instant(from_store(pinned) if pinned else None),
        last=from_instant(from_store(at) if at else None),
        room_id=room["_id"],
    )


def _after(cursor: str, side: Role) -> Document:
    """What sorts after a position. Downwards, rooms without a pin or a last message come last."""
    position = to_position(cursor, RoomPosition)
    if position.side is not side:
        raise unusable(cursor)
    after: Document = {"_id": {"$gt": position.room_id}}
    for field, milliseconds in ((_last_message_at(side), position.last), (_pin(side), position.pinned)):
        if milliseconds is None:
            after = {"$and": [{field: None}, after]}
        else:
            instant = to_instant(milliseconds, cursor)
            after = {"$or": [{field: {"$lt": instant}}, {field: None}, {"$and": [{field: instant}, after]}]}
    return after
