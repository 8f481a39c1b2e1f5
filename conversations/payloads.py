"""What clients get: the shapes of the contract's section 2, under its exact names, and rooms as one side sees them.

What clients send is in `conversations.requests`; `Typing` and `SeenMessages` there go out as they came in.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from conversations.models import BUYER_AND_SELLER, SIDES, MessageType
from conversations.requests import SeenMessages
from identity import Role
from persistence.engine.values import as_text
from persistence.fields import as_json, count_in, flag_in, object_in, text_in
from persistence.mongodb import Document
from persistence.timestamps import stored_time, to_wire


class UserVerified(Struct, kw_only=True):
    """`verify_user`, to the device that sent it: whether it has its new identity. If not, it is disconnected."""

    status: bool


class MessagePayload(Struct, kw_only=True, rename={"id": "_id", "sender": "from", "recipient": "to"}):
    """A message as it is stored: `new_message` when it was sent, `message_updated` when its content was changed.

    All devices of both sides get it, the one that sent it too. `from` is `support` where the operator wrote it.
    `redacted_at` is there where the message is redacted.
    """

    id: str
    room_id: str
    sender: str
    recipient: str
    type: str
    content: str
    client_message_id: str | None
    is_seen: bool
    created_at: str
    updated_at: str
    redacted_at: str | UnsetType = UNSET

    @classmethod
    def read(cls, document: Document) -> MessagePayload:
        """Read a message's document, from its collection or embedded in its room."""
        created_at, updated_at = stored_time(document.get("created_at")), stored_time(document.get("updated_at"))
        redacted_at = stored_time(document.get("redacted_at"))
        created = to_wire(created_at) if created_at else ""
        return cls(
            id=text_in(document, "_id"),
            room_id=text_in(document, "room_id"),
            sender=text_in(document, "from"),
            recipient=text_in(document, "to"),
            type=text_in(document, "type") or MessageType.TEXT.value,
            content=text_in(document, "content"),
            client_message_id=as_text(document.get("client_message_id")),
            is_seen=flag_in(document, "is_seen"),
            created_at=created,
            updated_at=to_wire(updated_at) if updated_at else created,
            redacted_at=to_wire(redacted_at) if redacted_at else UNSET,
        )


class MessageRedaction(Struct, kw_only=True, rename={"id": "_id", "sender": "from", "recipient": "to"}):
    """`message_redacted`, to both sides: this message was redacted; `content` is shown in its place."""

    id: str
    room_id: str
    sender: str
    recipient: str
    content: str
    redacted_at: str

    @classmethod
    def read(cls, message: Document) -> MessageRedaction:
        """Read a redacted message's document."""
        redacted_at = stored_time(message.get("redacted_at"))
        return cls(
            id=text_in(message, "_id"),
            room_id=text_in(message, "room_id"),
            sender=text_in(message, "from"),
            recipient=text_in(message, "to"),
            content=text_in(message, "content"),
            redacted_at=to_wire(redacted_at) if redacted_at else "",
        )


class RoomPayload(Struct, kw_only=True, rename={"id": "_id"}):
    """`create_room`, to who asked for a room: there is one, be it new, brought back or known already.

    `buyer_info` is what the request carried.
    """

    id: str
    room_id: str
    type: str
    buyer: str
    seller: str
    shop_id: str
    creator: str
    buyer_info: dict[str, str] | UnsetType = UNSET

    @classmethod
    def of(cls, room: Document, *, buyer_info: dict[str, str] | None) -> RoomPayload:
        """Make the payload of a room's document.

        Args:
            room: The document.
            buyer_info: What the request carried; None: nothing.
        """
        return cls(
            id=room["_id"],
            room_id=room["_id"],
            type=text_in(room, "type") or BUYER_AND_SELLER,
            buyer=text_in(room, "buyer"),
            seller=text_in(room, "seller"),
            shop_id=text_in(room, "shop_id"),
            creator=text_in(room, "creator"),
            buyer_info=UNSET if buyer_info is None else buyer_info,
        )


class RoomDeletion(Struct, kw_only=True):
    """`room_deletion`, to both sides: one of them, `deletion_role`, has deleted the room for itself alone."""

    room_id: str
    seller: str
    buyer: str
    deletion_role: str


class UserStatusChange(Struct, kw_only=True):
    """`user_status_change`, to the other side of a room: the user, its `user_role`, came online or went offline.

    `status`: whether the user is online now. Sent for each of the user's rooms, and for a room that was made or
    enabled.
    """

    user_id: str
    user_role: Role
    room_id: str
    status: bool


class RoomClosing(Struct, kw_only=True):
    """`room_closed`, to both sides: the operator has closed the room; it takes no messages until it is opened again."""

    room_id: str
    buyer: str
    seller: str
    closed_at: str


class RoomOpening(Struct, kw_only=True):
    """`room_opened`, to both sides: the operator has opened a closed room; it takes messages again."""

    room_id: str
    buyer: str
    seller: str


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


class RoomState(Struct, kw_only=True, tag_field="type", tag="room"):
    """A room that is new, or changed in whatever way: as it is now, in place of what the client knows of it."""

    data: RoomView


class RoomHidden(Struct, kw_only=True, tag_field="type", tag="room_deletion"):
    """The caller's side has deleted the room: it goes, with its messages. Where it shows again, `room` follows."""

    data: RoomDeletion


class RoomSeen(Struct, kw_only=True, tag_field="type", tag="seen_messages"):
    """`from` has seen all that `to` wrote in the room up to `last_message_created_at`."""

    data: SeenMessages


class MessageNew(Struct, kw_only=True, tag_field="type", tag="new_message"):
    """A message of the time since; with `redacted_at` if it was redacted meanwhile."""

    data: MessagePayload


class MessageUpdated(Struct, kw_only=True, tag_field="type", tag="message_updated"):
    """An older message that says something else now, or says something again."""

    data: MessagePayload


class MessageRedacted(Struct, kw_only=True, tag_field="type", tag="message_redacted"):
    """An older message that was redacted."""

    data: MessagePayload


Change: TypeAlias = RoomState | RoomHidden | RoomSeen | MessageNew | MessageUpdated | MessageRedacted
"""A change that a sync tells: `type` is the live event's name, `room` where there is none."""


class ChangePage(Struct, kw_only=True):
    """Changes, in order; `next`, the token to sync with from now on; whether there is `more` to ask for at once."""

    changes: list[Change]
    next: str
    more: bool


def view_of(room: Document, side: Role) -> RoomView:
    """Read a room's document as one side sees it.

    Args:
        room: The whole document, but for the other side's last message.
        side: The side that is to see it.
    """
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
    fields = SIDES[side]
    own: dict[str, Any] = {
        fields.last_message: _last_message(room, fields.last_message),
        fields.pinned_at: _time(room, fields.pinned_at),
        fields.unseen_messages: count_in(room, fields.unseen_messages),
        fields.deleted: flag_in(room, fields.deleted),
        fields.deleted_at: _time(room, fields.deleted_at),
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
