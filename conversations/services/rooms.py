"""Making rooms, bringing them back, deleting them for one side, and who has which."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pymongo.errors import DuplicateKeyError

from conversations.announcements import announce_deletion, announce_room, announce_status_change
from conversations.errors import REFUSALS, Code, RuleViolation
from conversations.message_content import is_at_a_known_host
from conversations.models import MessageType, Room, is_visible
from conversations.payloads import RoomDeletion, RoomPayload, UserStatusChange
from conversations.policies import AfterStoring, Attempt, AttemptKind, check_message
from conversations.policies import refresh as refresh_policies
from conversations.requests import CreateRoom
from conversations.services.messages import require_open
from conversations.services.shop_info import fill_later, shop_for_room
from conversations.storage.message_ids import message_ids
from conversations.storage.room_loader import Actor, RoomRecord, load_room, require_role
from conversations.storage.writer import Draft
from identity import Role
from persistence.mongodb import document, durable, in_store_thread
from persistence.timestamps import to_wire
from presence import current as current_presence
from socketio_bridge import flush


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

    Of a room that is new to them both sides learn that the other is online, where it is.

    What the other side gets to see by it, the room itself and what it shows of the buyer, stands under the rules of a
    message. A room that takes no messages from the creator is brought back for the creator alone.

    RuleViolation: `user_mismatch`, `buyer_is_seller`, `not_a_member`, `role_not_allowed`, `shop_not_of_seller`,
    `room_blocked`, `room_closed`; and those of the policies.
    """
    creator = _check(actor, request)
    await refresh_policies()
    found = await in_store_thread(_find, request.room_id)
    if found is None:
        room, outcome, afterwards = await _make(request, creator)
    else:
        room, outcome, afterwards = await _bring_back(found, request, creator)
    if room.shop_id and not room.shop:
        fill_later(room.room_id, room.shop_id, room.seller)
    for do in afterwards:
        await do(None)
    payload = RoomPayload.of(room, buyer_info=None if request.buyer_info is None else request.buyer_info.known())
    await announce_room(payload, creator)
    seeing = _sides_that_see(room)
    if seeing != _sides_that_see(found):
        await announce_sides(room.room_id, {Role.BUYER: room.buyer, Role.SELLER: room.seller}, seeing)
    return RoomAnswer(payload, outcome, room)


async def _make(request: CreateRoom, creator: str) -> tuple[Room, Outcome, list[AfterStoring]]:
    info = request.buyer_info.known() if request.buyer_info else {}
    afterwards = await check_message(_introduction(request, creator, info, request.shop_id))
    shop = await shop_for_room(request.shop_id, request.seller)
    room, is_new = await in_store_thread(_insert_or_find, _new_room(request, creator, info, shop or {}))
    return (room, Outcome.CREATED, afterwards) if is_new else await _bring_back(room, request, creator)


async def _bring_back(room: Room, request: CreateRoom, creator: str) -> tuple[Room, Outcome, list[AfterStoring]]:
    """Undo deletions (what lies before them stays hidden) and add what the room had not known."""
    side = Role.BUYER if creator == room.buyer else Role.SELLER
    outcome = Outcome.EXISTED if room.visible_to(side) else Outcome.ENABLED
    info = _new_info(room, request, creator)
    shop_id, shop = await _shop_for(room, request)
    shown = bool(info) or shop_id != room.shop_id
    afterwards: list[AfterStoring] = []
    both = True
    try:
        if shown or getattr(room, f"deleted_by_{side.other.lower()}"):
            require_open(_record_of(room))
            afterwards = await check_message(_introduction(request, creator, info, shop_id))
    except REFUSALS:
        if shown:
            raise
        both = False
    changes: dict[str, Any] = {
        f"deleted_by_{each.lower()}": False
        for each in Role
        if (both or each is side) and getattr(room, f"deleted_by_{each.lower()}")
    }
    changes |= {"buyer_info": info} if info else {}
    changes |= {"shop_id": shop_id} if shop_id != room.shop_id else {}
    changes |= {"shop": shop} if shop else {}
    if changes:
        room = await in_store_thread(_change, room, {**changes, "updated_at": message_ids.divide()})
    return room, outcome, afterwards


def _sides_that_see(room: Room | None) -> frozenset[Role]:
    return frozenset(side for side in Role if room is not None and room.visible_to(side))


def _record_of(room: Room) -> RoomRecord:
    return RoomRecord(room.room_id, room.buyer, room.seller, room.blocked_by or None, room.closed_at is not None)


def _new_info(room: Room, request: CreateRoom, creator: str) -> dict[str, str]:
    """What the room is to show of the buyer from now on; empty: what it shows already, or what was taken back."""
    if room.buyer_info.get("redacted_at"):
        return {}
    info = request.buyer_info.known() if request.buyer_info else {}
    return info if info != room.buyer_info and (creator == room.buyer or not room.buyer_info) else {}


def _introduction(request: CreateRoom, creator: str, info: Mapping[str, str], shop_id: str | None) -> Attempt:
    """What the other side gets to see by it."""
    receiver = Role.SELLER if creator == request.buyer else Role.BUYER
    draft = Draft(
        room_id=request.room_id,
        sender=creator,
        recipient=request.seller if receiver is Role.SELLER else request.buyer,
        receiver=receiver,
        type=MessageType.TEXT.value,
        content="\n".join(filter(None, (_introduction_text(info), shop_id))),
        client_message_id=None,
    )
    return Attempt(draft, AttemptKind.INTRODUCTION)


async def _shop_for(room: Room, request: CreateRoom) -> tuple[str, dict[str, Any] | None]:
    """The id of the shop to note, and the shop; `None`: unknown, or stored already.

    A room that exists is not refused for its shop: one of somebody else is not noted.
    """
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


def _new_room(request: CreateRoom, creator: str, info: dict[str, str], shop: dict[str, Any]) -> Room:
    now = message_ids.divide()
    return Room(
        room_id=request.room_id,
        type=request.type,
        creator=creator,
        buyer=request.buyer,
        seller=request.seller,
        shop_id=request.shop_id or "",
        shop=shop,
        buyer_info=info,
        created_at=now,
        updated_at=now,
    )


def _find(room_id: str) -> Room | None:
    return Room.objects.filter(pk=room_id).first()


def _insert_or_find(room: Room) -> tuple[Room, bool]:
    """The room as stored, and whether it is new: its key decides between two who create it at once."""
    try:
        durable(Room).insert_one(document(room))
    except DuplicateKeyError:
        return Room.objects.get(pk=room.pk), False
    return room, True


def _change(room: Room, changes: dict[str, Any]) -> Room:
    durable(Room).update_one({"_id": room.pk}, {"$set": changes})
    return Room.objects.get(pk=room.pk)


async def delete_room(actor: Actor, room_id: str, claimed: Role | None = None) -> Deleted:
    """Hide a room and its history so far from the caller's side, and tell both sides.

    RuleViolation: `room_not_found`, `not_a_member`, `role_mismatch`, `role_not_allowed`.
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
    """The rooms that a user sees: as buyer or seller, or (`None`) as either."""
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


_PHONE_NUMBER = re.compile(r"[\d\s()+.*/-]{0,32}")
_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")


def _introduction_text(info: Mapping[str, str]) -> str:
    """The text in it, a field a line; of an e-mail address its words, which no filter takes for a link."""
    return "\n".join(filter(None, (_text_of(name, value) for name, value in info.items())))


def _text_of(name: str, value: str) -> str:
    if name == "phone_number" and _PHONE_NUMBER.fullmatch(value):
        return ""
    if name == "email" and _EMAIL.fullmatch(value):
        return " ".join(re.split(r"[@.]", value))
    if name == "avatar" and is_at_a_known_host(value):
        return ""
    return value


async def announce_sides(room_id: str, sides: dict[Role, str], to: frozenset[Role] = frozenset(Role)) -> None:
    """Tell the sides `to` of a room that the other one is online, where it is: of a new room they take it for offline.

    What is told last is true, as for `statuses.announce_status`: presence is read again when it has been told, and told
    again where it differs.
    """
    told = dict.fromkeys(to, False)
    while True:
        online = await current_presence().online(sides.values())
        changed = [side for side in to if sides[side] in online and (sides[side.other] in online) is not told[side]]
        if not changed:
            return
        for side in changed:
            told[side] = not told[side]
            change = UserStatusChange(
                user_id=sides[side.other], user_role=side.other, room_id=room_id, status=told[side]
            )
            await announce_status_change(change, sides[side])
        await flush()
