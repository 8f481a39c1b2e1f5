"""What one side of a room sets for it: pinned, shown again, blocked."""

from __future__ import annotations

from dataclasses import dataclass

from pymongo import ReturnDocument

from conversations.actor import Actor
from conversations.errors import Code, RuleViolation
from conversations.models import Room
from conversations.room_views import RoomView, view_of
from conversations.services.room_statuses import announce_sides
from conversations.storage.message_ids import message_ids
from conversations.storage.room_loader import forget_recent, load_room
from identity import Role
from persistence.mongodb import Document, durable, in_store_thread

_NOT_BLOCKED: Document = {"blocked_by": {"$in": [None, ""]}}


@dataclass(frozen=True, slots=True)
class Blocking:
    """A room that was to be blocked or unblocked. `changed`: it was not so already."""

    room: RoomView
    changed: bool


async def pin_room(actor: Actor, room_id: str, claimed: Role | None = None) -> RoomView:
    """Put a room first in its side's list, before those pinned earlier.

    RuleViolation: `room_not_found`, `not_a_member`, `role_mismatch`, `role_not_allowed`, `store_unavailable`.
    """
    side = (await load_room(room_id)).side_for(actor, claimed)
    pin = {"$set": {f"pinned_by_{side.lower()}": message_ids.divide()}}
    return view_of(await in_store_thread(_change, room_id, pin), side)


async def unpin_room(actor: Actor, room_id: str, claimed: Role | None = None) -> RoomView:
    """Undo `pin_room`, which raises the same."""
    side = (await load_room(room_id)).side_for(actor, claimed)
    return view_of(await in_store_thread(_change, room_id, {"$unset": {f"pinned_by_{side.lower()}": ""}}), side)


async def enable_room(actor: Actor, room_id: str, claimed: Role | None = None) -> RoomView:
    """Show a room again that its side had deleted; what lies before the deletion stays hidden.

    If both sides are online, each is told that the other one is. RuleViolation: as `pin_room`.
    """
    room = await load_room(room_id)
    side = room.side_for(actor, claimed)
    change = {"$set": {f"deleted_by_{side.lower()}": False, "updated_at": message_ids.divide()}}
    stored = await in_store_thread(_change, room_id, change)
    await announce_sides(room_id, {each: room.user_on(each) for each in Role})
    return view_of(stored, side)


async def block_room(actor: Actor, room_id: str, claimed: Role | None = None) -> Blocking:
    """Let a room take no more messages. One that is blocked already, by either side, stays as it is.

    RuleViolation: as `pin_room`.
    """
    side = (await load_room(room_id)).side_for(actor, claimed)
    block = {"$set": {"blocked_by": side.value, "updated_at": message_ids.divide()}}
    return await _change_block(room_id, side, _NOT_BLOCKED, block)


async def unblock_room(actor: Actor, room_id: str, claimed: Role | None = None) -> Blocking:
    """Lift a block of one's own side. A room that is not blocked stays as it is.

    RuleViolation: as `pin_room`, and `not_the_blocker`.
    """
    side = (await load_room(room_id)).side_for(actor, claimed)
    lift = {"$unset": {"blocked_by": ""}, "$set": {"updated_at": message_ids.divide()}}
    lifted = await _change_block(room_id, side, {"blocked_by": side.value}, lift)
    if lifted.room.blocked_by is side.other:
        raise RuleViolation(
            Code.NOT_THE_BLOCKER,
            f"room {room_id!r} was blocked by its {side.other.lower()}, who alone can lift the block",
        )
    return lifted


async def _change_block(room_id: str, side: Role, only_if: Document, change: Document) -> Blocking:
    """One statement decides between two who block and unblock at once."""
    changed = await in_store_thread(_change, room_id, change, only_if)
    forget_recent(room_id)
    room = changed or await in_store_thread(_find, room_id)
    return Blocking(view_of(room, side), bool(changed))


def _change(room_id: str, change: Document, only_if: Document | None = None) -> Document:
    """The room after the change; empty, if it is not `only_if`."""
    condition = {"_id": room_id, **(only_if or {})}
    return durable(Room).find_one_and_update(condition, change, return_document=ReturnDocument.AFTER) or {}


def _find(room_id: str) -> Document:
    return durable(Room).find_one({"_id": room_id}) or {}
