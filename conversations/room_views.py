"""A room as one of its sides sees it: the contract's fields, without what is the other side's own affair.

The two shapes are made from a room's document, whoever wrote it: what an old one lacks is there as `null`, 0, false,
or an empty object.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from conversations.models import BUYER_AND_SELLER
from conversations.payloads import MessagePayload
from identity import Role
from persistence.fields import as_json, count_in, flag_in, object_in, text_in
from persistence.mongodb import Document
from persistence.timestamps import stored_time, to_wire


class SharedRoom(Struct, kw_only=True, rename={"id": "_id"}):
    """What both sides see of a room. Times are ISO 8601, UTC, with milliseconds; `null`: there is none."""

    id: str
    room_id: str
    type: str
    creator: str
    buyer: str
    seller: str
    shop_id: str
    blocked_by: Role | None
    closed_at: str | None
    created_at: str | None
    updated_at: str | None


class RoomOfBuyer(SharedRoom, kw_only=True):
    """A room as its buyer sees it."""

    shop: dict[str, Any]
    buyer_last_message: MessagePayload | None
    pinned_by_buyer: str | None
    buyer_unseen_messages: int
    deleted_by_buyer: bool
    buyer_deleted_at: str | None


class RoomOfSeller(SharedRoom, kw_only=True):
    """A room as its seller sees it."""

    buyer_info: dict[str, Any]
    seller_last_message: MessagePayload | None
    pinned_by_seller: str | None
    seller_unseen_messages: int
    deleted_by_seller: bool
    seller_deleted_at: str | None


RoomView = Annotated[
    SharedRoom,
    Meta(
        extra_json_schema={"anyOf": [{"$ref": f"#/components/schemas/{of}"} for of in ("RoomOfBuyer", "RoomOfSeller")]}
    ),
]
"""Either of the two; which one is the caller's side."""


def view_of(room: Document, side: Role) -> RoomView:
    """A room's document as that side sees it."""
    shared: dict[str, Any] = {
        "id": room["_id"],
        "room_id": room["_id"],
        "type": text_in(room, "type") or BUYER_AND_SELLER,
        **{name: text_in(room, name) for name in ("creator", "buyer", "seller", "shop_id")},
        "blocked_by": next((side for side in Role if side == room.get("blocked_by")), None),
        "closed_at": _time(room, "closed_at"),
        "created_at": _time(room, "created_at"),
        "updated_at": _time(room, "updated_at"),
    }
    name = side.lower()
    own: dict[str, Any] = {
        f"{name}_last_message": _last_message(room, f"{name}_last_message"),
        f"pinned_by_{name}": _time(room, f"pinned_by_{name}"),
        f"{name}_unseen_messages": count_in(room, f"{name}_unseen_messages"),
        f"deleted_by_{name}": flag_in(room, f"deleted_by_{name}"),
        f"{name}_deleted_at": _time(room, f"{name}_deleted_at"),
    }
    if side is Role.BUYER:
        return RoomOfBuyer(**shared, **own, shop=as_json(object_in(room, "shop")))
    return RoomOfSeller(**shared, **own, buyer_info=as_json(object_in(room, "buyer_info")))


def _time(room: Document, name: str) -> str | None:
    instant = stored_time(room.get(name))
    return None if instant is None else to_wire(instant)


def _last_message(room: Document, name: str) -> MessagePayload | None:
    message = object_in(room, name)
    return MessagePayload.read({"room_id": room["_id"], **message}) if message else None
