"""Making rooms, bringing them back, deleting them for one side, and who has which."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pymongo.errors import DuplicateKeyError

from chozoi_chat.identity import Role
from conversations.actor import Actor, require_role
from conversations.announcements import announce_deletion, announce_room
from conversations.errors import Code, RuleViolation
from conversations.instants import to_wire
from conversations.message_ids import message_ids
from conversations.models import Room, is_visible
from conversations.payloads import RoomDeletion, RoomPayload
from conversations.requests import CreateRoom
from conversations.room_loader import RoomRecord, load_room
from conversations.shop_info import fill_later, shop_for_room
from conversations.store import document, durable, in_store_thread


class Outcome(StrEnum):
    """What `create_room` came to."""

    CREATED = "created"
    ENABLED = "enabled"
    """It existed, deleted by the creator's side, and both see it again."""
    EXISTED = "existed"
    """It existed and the creator saw it."""


@dataclass(frozen=True, slots=True)
class RoomAnswer:
    """A room asked for: what was announced, what happened, and the whole of it as stored."""

    payload: RoomPayload
    outcome: Outcome
    room: Room


@dataclass(frozen=True, slots=True)
class Deleted:
    """A room deleted for one side: whose, and when (as it travels)."""

    role: Role
    deleted_at: str


@dataclass(frozen=True, slots=True)
class RoomMembers:
    """A room and its sides."""

    room_id: str
    buyer: str
    seller: str


async def create_room(actor: Actor, request: CreateRoom) -> RoomAnswer:
    """Make a room, or bring back one that a side had deleted, and tell the creator's devices, whatever it came to.

    RuleViolation: `user_mismatch`, `buyer_is_seller`, `not_a_member`, `role_not_allowed`, `shop_not_of_seller`,
    `store_unavailable`.
    """
    creator = _check(actor, request)
    known = await in_store_thread(_find, request.room_id)
    shop_id, shop = await _shop_for(known, request)
    if known is None:
        room, outcome = await in_store_thread(_insert_or_find, _new_room(request, creator, shop or {}))
    else:
        room, outcome = known, Outcome.EXISTED
    if outcome is Outcome.EXISTED:
        room, outcome = await in_store_thread(_bring_back, room, request, creator, shop_id, shop)
    if shop is None and room.shop_id and not room.shop:
        fill_later(room.room_id, room.shop_id, room.seller)
    info = None if request.buyer_info is None else request.buyer_info.known()
    payload = RoomPayload.of(room, buyer_info=info)
    await announce_room(payload, creator)
    return RoomAnswer(payload, outcome, room)


async def _shop_for(room: Room | None, request: CreateRoom) -> tuple[str, dict[str, Any] | None]:
    """The id and the shop to store; `None`: unknown, or stored already.

    A room that exists is not refused for its shop: one of somebody else is not noted.
    """
    if room is None:
        return request.shop_id or "", await shop_for_room(request.shop_id, request.seller)
    if room.shop and room.shop_id:
        return room.shop_id, None
    shop_id = room.shop_id or request.shop_id or ""
    try:
        shop = await shop_for_room(shop_id, room.seller)
    except RuleViolation:
        return room.shop_id, None
    return shop_id, None if room.shop else shop


def _check(actor: Actor, request: CreateRoom) -> str:
    creator = actor.user_id if request.creator is None else request.creator
    if creator != actor.user_id:
        raise RuleViolation(
            Code.USER_MISMATCH, f"`creator` is {creator!r}: it must be the authenticated user, {actor.user_id!r}"
        )
    if request.buyer == request.seller:
        raise RuleViolation(Code.BUYER_IS_SELLER, f"`buyer` and `seller` are both {request.buyer!r}: they must be two")
    if creator not in (request.buyer, request.seller):
        raise RuleViolation(
            Code.NOT_A_MEMBER, f"`creator` is {creator!r}: it must be `buyer` or `seller` of the room it creates"
        )
    require_role(actor, Role.BUYER if creator == request.buyer else Role.SELLER)
    return creator


def _new_room(request: CreateRoom, creator: str, shop: dict[str, Any]) -> Room:
    now = message_ids.divide()
    return Room(
        room_id=request.room_id,
        type=request.type,
        creator=creator,
        buyer=request.buyer,
        seller=request.seller,
        shop_id=request.shop_id or "",
        shop=shop,
        buyer_info=request.buyer_info.known() if request.buyer_info else {},
        created_at=now,
        updated_at=now,
    )


def _find(room_id: str) -> Room | None:
    return Room.objects.filter(pk=room_id).first()


def _insert_or_find(room: Room) -> tuple[Room, Outcome]:
    """The room's key decides between two who create it at once."""
    try:
        durable(Room).insert_one(document(room))
    except DuplicateKeyError:
        return Room.objects.get(pk=room.pk), Outcome.EXISTED
    return room, Outcome.CREATED


def _bring_back(
    room: Room, request: CreateRoom, creator: str, shop_id: str, shop: dict[str, Any] | None
) -> tuple[Room, Outcome]:
    """Undo deletions (what lies before them stays hidden) and add what the room had not known."""
    side = room.side_of(creator)
    visible = side is not None and room.visible_to(side)
    changes: dict[str, Any] = {}
    if room.deleted_by_buyer or room.deleted_by_seller:
        changes |= {"deleted_by_buyer": False, "deleted_by_seller": False}
    if shop_id != room.shop_id:
        changes["shop_id"] = shop_id
    if shop:
        changes["shop"] = shop
    info = request.buyer_info.known() if request.buyer_info else {}
    if info and (creator == room.buyer or not room.buyer_info) and info != room.buyer_info:
        changes["buyer_info"] = info
    if changes:
        changes["updated_at"] = message_ids.divide()
        durable(Room).update_one({"_id": room.pk}, {"$set": changes})
        room = Room.objects.get(pk=room.pk)
    return room, Outcome.EXISTED if visible else Outcome.ENABLED


async def delete_room(actor: Actor, room_id: str, claimed: Role | None = None) -> Deleted:
    """Hide a room and its history so far from the caller's side, and tell both sides.

    RuleViolation: `room_not_found`, `not_a_member`, `role_mismatch`, `role_not_allowed`, `store_unavailable`.
    """
    room = await load_room(room_id)
    side = room.side_for(actor, claimed)
    now = message_ids.divide()
    await in_store_thread(_delete, room, side, now)
    await announce_deletion(
        RoomDeletion(room_id=room.room_id, seller=room.seller, buyer=room.buyer, deletion_role=side.value)
    )
    return Deleted(side, to_wire(now))


def _delete(room: RoomRecord, side: Role, now: datetime.datetime) -> None:
    name = side.lower()
    durable(Room).update_one(
        {"_id": room.room_id},
        {
            "$set": {
                f"deleted_by_{name}": True,
                f"{name}_deleted_at": now,
                f"{name}_unseen_messages": 0,
                "updated_at": now,
            },
            "$unset": {f"{name}_last_message": "", f"pinned_by_{name}": ""},
        },
    )


async def visible_rooms_of(user_id: str, role: Role | str | None = None) -> list[RoomMembers]:
    """The rooms that a user sees: as buyer or seller, or (`None`) as either. RuleViolation `store_unavailable`."""
    sides = [Role.BUYER, Role.SELLER] if role is None else [Role(role)]
    return await in_store_thread(_visible_rooms, user_id, sides)


def _visible_rooms(user_id: str, sides: list[Role]) -> list[RoomMembers]:
    return [
        RoomMembers(room_id, buyer, seller)
        for side in sides
        for room_id, buyer, seller, deleted, deleted_at, last_message_at in Room.of(user_id, side).values_list(
            "room_id",
            "buyer",
            "seller",
            f"deleted_by_{side.lower()}",
            f"{side.lower()}_deleted_at",
            f"{side.lower()}_last_message__created_at",
        )
        if is_visible(deleted=deleted, deleted_at=deleted_at, last_message_at=last_message_at)
    ]
