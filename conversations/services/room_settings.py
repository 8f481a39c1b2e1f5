"""Settings of a room: a side pins it, shows it again and blocks it; the operator closes and reopens it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pymongo import ReturnDocument

from conversations.announcements import announce_closing, announce_opening
from conversations.errors import Code, RuleViolation
from conversations.models import SIDES, Room
from conversations.payloads import RoomClosing, RoomOpening, RoomView, view_of
from conversations.services.messages import writable_rooms
from conversations.services.rooms import announce_sides
from conversations.storage.changes import CHANGED
from conversations.storage.message_ids import message_ids
from conversations.storage.room_loader import Actor, RoomRecord, load_room
from identity import Role
from persistence.mongodb import Document, durable, in_store_thread
from persistence.timestamps import to_wire

_NOT_BLOCKED: Document = {"blocked_by": {"$in": [None, ""]}}


Within = Callable[[Callable[[], bool]], bool]
"""Takes a write and does it together with one of its own, in one of the store's threads; returns what the write did."""


@dataclass(frozen=True, slots=True)
class Blocking:
    """What `block_room` and `unblock_room` came to.

    Attributes:
        room: The room as the user's side sees it afterwards.
        changed: False: the room was so already.
    """

    room: RoomView
    changed: bool


async def pin_room(actor: Actor, room_id: str, claimed: Role | None = None) -> RoomView:
    """Pin a room: it comes first in its side's list, before rooms that were pinned earlier.

    Args:
        actor: The authenticated user, one side of the room.
        room_id: The room's id.
        claimed: The side that the client says the user is on; None: it does not say.

    Returns:
        The room as the user's side sees it.

    Raises:
        RuleViolation: `room_not_found`, `not_a_member`, `role_mismatch`, `role_not_allowed`.
    """
    side = (await load_room(room_id)).side_for(actor, claimed)
    pin = {"$set": {SIDES[side].pinned_at: message_ids.cutoff()}, **CHANGED}
    return view_of(await in_store_thread(_change, room_id, pin), side)


async def unpin_room(actor: Actor, room_id: str, claimed: Role | None = None) -> RoomView:
    """Undo `pin_room`, with the same arguments, result and exceptions."""
    side = (await load_room(room_id)).side_for(actor, claimed)
    unpin = {"$unset": {SIDES[side].pinned_at: ""}, **CHANGED}
    return view_of(await in_store_thread(_change, room_id, unpin), side)


async def enable_room(actor: Actor, room_id: str, claimed: Role | None = None) -> RoomView:
    """Show a room again to a side that has deleted it. The history from before the deletion stays hidden.

    If both sides are online, each gets `user_status_change` of the other one.

    Args:
        actor: The authenticated user, one side of the room.
        room_id: The room's id.
        claimed: The side that the client says the user is on; None: it does not say.

    Returns:
        The room as the user's side sees it.

    Raises:
        RuleViolation: `room_not_found`, `not_a_member`, `role_mismatch`, `role_not_allowed`.
    """
    room = await load_room(room_id)
    side = room.side_for(actor, claimed)
    change = {"$set": {SIDES[side].deleted: False, "updated_at": message_ids.cutoff()}}
    stored = await in_store_thread(_change, room_id, change)
    await announce_sides(room)
    return view_of(stored, side)


async def block_room(actor: Actor, room_id: str, claimed: Role | None = None) -> Blocking:
    """Block a room: it takes no messages of either side. A room that either side has blocked already stays as it is.

    Args:
        actor: The authenticated user, one side of the room.
        room_id: The room's id.
        claimed: The side that the client says the user is on; None: it does not say.

    Returns:
        The room, and whether it changed.

    Raises:
        RuleViolation: `room_not_found`, `not_a_member`, `role_mismatch`, `role_not_allowed`.
    """
    side = (await load_room(room_id)).side_for(actor, claimed)
    block = {"$set": {"blocked_by": side.value, "updated_at": message_ids.cutoff()}}
    return await _change_block(room_id, side, _NOT_BLOCKED, block)


async def unblock_room(actor: Actor, room_id: str, claimed: Role | None = None) -> Blocking:
    """Lift a block that the user's own side has set. A room that is not blocked stays as it is.

    Args:
        actor: The authenticated user, one side of the room.
        room_id: The room's id.
        claimed: The side that the client says the user is on; None: it does not say.

    Returns:
        The room, and whether it changed.

    Raises:
        RuleViolation: `room_not_found`, `not_a_member`, `role_mismatch`, `role_not_allowed`; `not_the_blocker` where
            the other side has set the block.
    """
    side = (await load_room(room_id)).side_for(actor, claimed)
    lift = {"$unset": {"blocked_by": ""}, "$set": {"updated_at": message_ids.cutoff()}}
    lifted = await _change_block(room_id, side, {"blocked_by": side.value}, lift)
    if lifted.room.blocked_by is side.other:
        raise RuleViolation(
            Code.NOT_THE_BLOCKER,
            f"room {room_id!r} was blocked by its {side.other.lower()}, who alone can lift the block",
        )
    return lifted


async def close_room(room_id: str, at: datetime.datetime, within: Within) -> bool:
    """Close a room for the operator, and announce it to both sides. A closed room takes no messages.

    Args:
        room_id: The room's id.
        at: The time of closing.
        within: Does the write together with others, such as a record of it.

    Returns:
        Whether it was closed by this; False: it was closed already.

    Raises:
        RuleViolation: `room_not_found`.
    """
    room = await load_room(room_id)
    if not await in_store_thread(within, partial(_set_closed, room, {"closed_at": None}, at)):
        return False
    writable_rooms.forget(room_id)
    await announce_closing(
        RoomClosing(room_id=room.room_id, buyer=room.buyer, seller=room.seller, closed_at=to_wire(at))
    )
    return True


async def reopen_room(room_id: str, within: Within) -> bool:
    """Undo `close_room`, and announce it to both sides.

    Args:
        room_id: The room's id.
        within: As for `close_room`.

    Returns:
        Whether it was opened by this; False: it was open already.

    Raises:
        RuleViolation: `room_not_found`.
    """
    room = await load_room(room_id)
    if not await in_store_thread(within, partial(_set_closed, room, {"closed_at": {"$ne": None}}, None)):
        return False
    writable_rooms.forget(room_id)
    await announce_opening(RoomOpening(room_id=room.room_id, buyer=room.buyer, seller=room.seller))
    return True


async def _change_block(room_id: str, side: Role, only_if: Document, change: Document) -> Blocking:
    """One statement decides between two callers who block and unblock at once."""
    changed = await in_store_thread(_change, room_id, change, only_if)
    writable_rooms.forget(room_id)
    room = changed or await in_store_thread(_find, room_id)
    return Blocking(view_of(room, side), bool(changed))


def _change(room_id: str, change: Document, only_if: Document | None = None) -> Document:
    """The room after the change; empty, if it is not `only_if`."""
    condition = {"_id": room_id, **(only_if or {})}
    return durable(Room).find_one_and_update(condition, change, return_document=ReturnDocument.AFTER) or {}


def _find(room_id: str) -> Document:
    return durable(Room).find_one({"_id": room_id}) or {}


def _set_closed(room: RoomRecord, state: dict[str, object], at: datetime.datetime | None) -> bool:
    change = {"$set": {"closed_at": at}, **CHANGED}
    changed = durable(Room).update_one({"_id": room.room_id, **state}, change)
    return changed.modified_count == 1
