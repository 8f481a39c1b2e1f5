"""Closing a room, which then takes no messages, and opening it again. Who may, others decide."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from functools import partial

from conversations.announcements import announce_closing, announce_opening
from conversations.models import Room
from conversations.payloads import RoomClosing, RoomOpening
from conversations.storage.room_loader import RoomRecord, forget_recent, load_room
from persistence.mongodb import durable, in_store_thread
from persistence.timestamps import to_wire

Within = Callable[[Callable[[], bool]], bool]
"""Does a write that it is given, with another of its own, in one of the store's threads; returns what that returns."""


async def close_room(room_id: str, at: datetime.datetime, within: Within) -> bool:
    """Close a room and tell both sides; False: it was closed. RuleViolation: `room_not_found`, `store_unavailable`."""
    room = await load_room(room_id)
    if not await in_store_thread(within, partial(_set_closed, room, {"closed_at": None}, at)):
        return False
    forget_recent(room_id)
    await announce_closing(
        RoomClosing(room_id=room.room_id, buyer=room.buyer, seller=room.seller, closed_at=to_wire(at))
    )
    return True


async def reopen_room(room_id: str, within: Within) -> bool:
    """Open a room and tell both sides; False: it was open. RuleViolation: `room_not_found`, `store_unavailable`."""
    room = await load_room(room_id)
    if not await in_store_thread(within, partial(_set_closed, room, {"closed_at": {"$ne": None}}, None)):
        return False
    forget_recent(room_id)
    await announce_opening(RoomOpening(room_id=room.room_id, buyer=room.buyer, seller=room.seller))
    return True


def _set_closed(room: RoomRecord, state: dict[str, object], at: datetime.datetime | None) -> bool:
    changed = durable(Room).update_one({"_id": room.room_id, **state}, {"$set": {"closed_at": at}})
    return changed.modified_count == 1
