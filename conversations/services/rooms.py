"""Rooms are created, shown again to a side that has deleted them, and deleted for one side."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from conversations.announcements import announce_deletion, announce_room, announce_status_change
from conversations.errors import REFUSALS, Code, RuleViolation
from conversations.message_content import is_at_a_known_host
from conversations.models import SIDES, MessageType, Room, is_visible
from conversations.payloads import RoomDeletion, RoomPayload, RoomView, UserStatusChange, view_of
from conversations.policies import AfterStoring, check_message, check_room
from conversations.policies import refresh as refresh_policies
from conversations.requests import CreateRoom, Draft, DraftKind
from conversations.services.messages import require_open
from conversations.services.shop_info import fill_later, shop_for_room
from conversations.storage.message_ids import message_ids
from conversations.storage.room_loader import Actor, RoomRecord, load_room, require_role
from identity import Role
from persistence.fields import as_json, flag_in, object_in, text_in
from persistence.mongodb import Document, durable, in_store_thread
from persistence.timestamps import to_wire
from presence import current as current_presence
from socketio_bridge import flush

_PHONE_NUMBER = re.compile(r"[\d\s()+.*/-]{0,32}")
_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")


class Outcome(StrEnum):
    """Whether `create_room` created a room."""

    CREATED = "created"
    ENABLED = "enabled"
    """It existed, deleted by the creator's side, and both see it again."""
    EXISTED = "existed"
    """It existed and the creator saw it."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """A room that was deleted for one side.

    Attributes:
        role: The side.
        deleted_at: When, in ISO 8601.
    """

    role: Role
    deleted_at: str


@dataclass(frozen=True, slots=True)
class CreatedRoom:
    """What `create_room` came to.

    Attributes:
        outcome: Whether the room was created.
        payload: What was announced.
        room: The room as its creator's side sees it.
    """

    outcome: Outcome
    payload: RoomPayload
    room: RoomView


async def create_room(actor: Actor, request: CreateRoom) -> CreatedRoom:
    """Create a room, or show it again to a side that has deleted it.

    The creator's devices get `create_room` in any case. A side that did not see the room before gets
    `user_status_change` if the other one is online. What the other side gets to see, the room and its information on
    the buyer, is subject to the policies, as a message is. If the room takes no messages from the creator, it is shown
    again to the creator alone.

        request = CreateRoom(buyer="7", seller="9", shop_id="501", buyer_info=BuyerInfo(name="Linh"))
        created = await services.create_room(identity, request)

    Args:
        actor: The authenticated user, one side of the room.
        request: The two sides, the shop, and what the room is to show of the buyer.

    Returns:
        Whether the room was created, shown again or existed, and the room.

    Raises:
        RuleViolation: `user_mismatch`, `buyer_is_seller`, `not_a_member`, `role_not_allowed`, `shop_not_of_seller`,
            `room_blocked`, `room_closed`; and those of the policies.
    """
    side = _require_creator(actor, request)
    await refresh_policies()
    found = await in_store_thread(_find, request.room_id)
    if found is None:
        await check_room(actor.user_id, request)
        room, outcome, afterwards = await _make(request, side)
    else:
        room, outcome, afterwards = await _bring_back(found, request, side)
    shop_id = text_in(room, "shop_id")
    if shop_id and not object_in(room, "shop"):
        fill_later(room["_id"], shop_id, text_in(room, "seller"))
    for do in afterwards:
        await do(None)
    payload = RoomPayload.of(room, buyer_info=None if request.buyer_info is None else request.buyer_info.known())
    await announce_room(payload, actor.user_id)
    seeing = _sides_that_see(room)
    if seeing != _sides_that_see(found):
        await announce_sides(RoomRecord.of(room), seeing)
    return CreatedRoom(outcome, payload, view_of(room, side))


async def _make(request: CreateRoom, side: Role) -> tuple[Document, Outcome, list[AfterStoring]]:
    info = request.buyer_info.known() if request.buyer_info else {}
    afterwards = await check_message(_introduction(request, side, info, request.shop_id))
    shop = await shop_for_room(request.shop_id, request.seller)
    room, is_new = await in_store_thread(_insert_or_find, _new_room(request, side, info, shop or {}))
    return (room, Outcome.CREATED, afterwards) if is_new else await _bring_back(room, request, side)


async def _bring_back(room: Document, request: CreateRoom, side: Role) -> tuple[Document, Outcome, list[AfterStoring]]:
    """Undo deletions (what lies before them stays hidden) and add what the room had not known."""
    outcome = Outcome.EXISTED if is_visible(room, side) else Outcome.ENABLED
    info = _new_info(room, request, side)
    known_shop_id = text_in(room, "shop_id")
    shop_id, shop = await _shop_for(room, request)
    shown = bool(info) or shop_id != known_shop_id
    afterwards: list[AfterStoring] = []
    sides = set(Role)
    try:
        if shown or flag_in(room, SIDES[side.other].deleted):
            require_open(RoomRecord.of(room))
            afterwards = await check_message(_introduction(request, side, info, shop_id))
    except REFUSALS:
        if shown:
            raise
        sides = {side}
    changes: Document = {SIDES[each].deleted: False for each in sides if flag_in(room, SIDES[each].deleted)}
    changes |= {"buyer_info": info} if info else {}
    changes |= {"shop_id": shop_id} if shop_id != known_shop_id else {}
    changes |= {"shop": shop} if shop else {}
    if changes:
        room = await in_store_thread(_change, room, {**changes, "updated_at": message_ids.cutoff()})
    return room, outcome, afterwards


def _sides_that_see(room: Document | None) -> frozenset[Role]:
    return frozenset(side for side in Role if room is not None and is_visible(room, side))


def _new_info(room: Document, request: CreateRoom, side: Role) -> dict[str, str]:
    """What the room is to show of the buyer from now on; empty: it stays as it is, or was redacted."""
    shown = as_json(object_in(room, "buyer_info"))
    if shown.get("redacted_at"):
        return {}
    info = request.buyer_info.known() if request.buyer_info else {}
    return info if info != shown and (side is Role.BUYER or not shown) else {}


def _introduction(request: CreateRoom, side: Role, info: Mapping[str, str], shop_id: str | None) -> Draft:
    """What the other side gets to see of the buyer and the shop, as a draft that policies can check."""
    return Draft(
        room_id=request.room_id,
        sender=request.user_on(side),
        recipient=request.user_on(side.other),
        receiver=side.other,
        type=MessageType.TEXT.value,
        content="\n".join(filter(None, (_introduction_text(info), shop_id))),
        kind=DraftKind.INTRODUCTION,
    )


def _introduction_text(info: Mapping[str, str]) -> str:
    """What filters read of a buyer's information, a field a line.

    Filters keep phone numbers and e-mail addresses out of messages. These two fields are for them, so a field that
    holds what its name promises is not read; of an e-mail address the words are. Nor is the address of an avatar at a
    host where images may be.
    """
    return "\n".join(filter(None, (_text_of(name, value) for name, value in info.items())))


def _text_of(name: str, value: str) -> str:
    if name == "phone_number" and _PHONE_NUMBER.fullmatch(value):
        return ""
    if name == "email" and _EMAIL.fullmatch(value):
        return " ".join(re.split(r"[@.]", value))
    if name == "avatar" and is_at_a_known_host(value):
        return ""
    return value


async def _shop_for(room: Document, request: CreateRoom) -> tuple[str, dict[str, Any] | None]:
    """The id of the shop to note, and the shop; `None`: unknown, or stored already.

    A room that exists is not refused for its shop: one of somebody else is not noted.
    """
    known_shop_id, known_shop = text_in(room, "shop_id"), object_in(room, "shop")
    if known_shop and known_shop_id:
        return known_shop_id, None
    shop_id = known_shop_id or request.shop_id or ""
    try:
        shop = await shop_for_room(shop_id, text_in(room, "seller"))
    except RuleViolation:
        return known_shop_id, None
    return shop_id, None if known_shop else shop


def _require_creator(actor: Actor, request: CreateRoom) -> Role:
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
    side = Role.BUYER if creator == request.buyer else Role.SELLER
    require_role(actor, side)
    return side


def _new_room(request: CreateRoom, side: Role, info: dict[str, str], shop: dict[str, Any]) -> Document:
    now = message_ids.cutoff()
    return {
        "_id": request.room_id,
        "type": request.type,
        "creator": request.user_on(side),
        "buyer": request.buyer,
        "seller": request.seller,
        "shop_id": request.shop_id or "",
        "shop": shop,
        "buyer_info": info,
        **{fields.unseen_messages: 0 for fields in SIDES.values()},
        **{fields.deleted: False for fields in SIDES.values()},
        "created_at": now,
        "updated_at": now,
        "__v": 0,
    }


def _find(room_id: str) -> Document | None:
    return durable(Room).find_one({"_id": room_id})


def _insert_or_find(room: Document) -> tuple[Document, bool]:
    """The room as stored, and whether it is new: its key decides between two callers who create it at once."""
    try:
        durable(Room).insert_one(room)
    except DuplicateKeyError:
        return _find(room["_id"]) or room, False
    return room, True


def _change(room: Document, changes: Document) -> Document:
    changed = durable(Room).find_one_and_update(
        {"_id": room["_id"]}, {"$set": changes}, return_document=ReturnDocument.AFTER
    )
    return changed or room


async def delete_room(actor: Actor, room_id: str, claimed: Role | None = None) -> Deleted:
    """Hide a room, and its history so far, from the user's side, and announce it to both sides.

    A later message shows the room again, without the older history.

    Args:
        actor: The authenticated user, one side of the room.
        room_id: The room's id.
        claimed: The side that the client says the user is on; None: it does not say.

    Returns:
        The side, and the time of the deletion.

    Raises:
        RuleViolation: `room_not_found`, `not_a_member`, `role_mismatch`, `role_not_allowed`.
    """
    room = await load_room(room_id)
    side = room.side_for(actor, claimed)
    now = message_ids.cutoff()
    await in_store_thread(_delete, room, side, now)
    await announce_deletion(
        RoomDeletion(room_id=room.room_id, seller=room.seller, buyer=room.buyer, deletion_role=side.value)
    )
    return Deleted(side, to_wire(now))


def _delete(room: RoomRecord, side: Role, now: datetime.datetime) -> None:
    fields = SIDES[side]
    durable(Room).update_one(
        {"_id": room.room_id},
        {
            "$set": {fields.deleted: True, fields.deleted_at: now, fields.unseen_messages: 0, "updated_at": now},
            "$unset": {fields.last_message: "", fields.pinned_at: ""},
        },
    )


async def announce_sides(room: RoomRecord, to: frozenset[Role] = frozenset(Role)) -> None:
    """Send `user_status_change` to sides of a room whose other side is online. Clients take a new room's as offline.

    The last announcement is true, as with `statuses.announce_status`: presence is read again after each one.

    Args:
        room: The room.
        to: The sides that get it.
    """
    announced = dict.fromkeys(to, False)
    while True:
        online = await current_presence().online((room.buyer, room.seller))
        changed = [
            side
            for side in to
            if room.user_on(side) in online and (room.user_on(side.other) in online) is not announced[side]
        ]
        if not changed:
            return
        for side in changed:
            announced[side] = not announced[side]
            change = UserStatusChange(
                user_id=room.user_on(side.other), user_role=side.other, room_id=room.room_id, status=announced[side]
            )
            await announce_status_change(change, room.user_on(side))
        await flush()
