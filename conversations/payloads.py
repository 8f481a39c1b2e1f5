"""What clients send and what they get: the shapes of the contract's section 2, under its exact names.

Liberal with what comes in, where nothing is lost: ids may be numbers, unknown fields are passed over, times may have
any offset. Strict with what goes out. Rules that need a setting or the database are the services' affair.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Literal

from msgspec import UNSET, Struct, UnsetType

from chozoi_chat.identity import Role
from conversations.instants import from_milliseconds, from_store, from_wire, to_wire
from conversations.models import BUYER_AND_SELLER, Message, MessageType, Room

if TYPE_CHECKING:
    Id = str
    OptionalId = str | None
else:  # a number is taken too, and a string from __post_init__ on
    Id = str | int
    OptionalId = str | int | None

MAX_ID_LENGTH = 255


def _id(field: str, value: object) -> str:
    text = str(value)
    if not text or text.isspace():
        raise ValueError(f"`{field}` is empty: it must be an id, a non-empty string or a number")
    if len(text) > MAX_ID_LENGTH:
        raise ValueError(f"`{field}` has {len(text)} characters: an id has at most {MAX_ID_LENGTH}")
    return _text(field, text)


def _text(field: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"`{field}` is not valid Unicode: it holds half of a surrogate pair ({error.reason})"
        ) from None
    return text


class Participants(Struct, kw_only=True, rename={"sender": "from", "recipient": "to"}):
    """A room and who, in it, does something to whom. `sender` and `recipient` are `from` and `to` outside."""

    room_id: Id
    sender: Id
    recipient: Id

    def __post_init__(self) -> None:
        self.room_id = to_room_id(self.room_id)
        self.sender = _id("from", self.sender)
        self.recipient = _id("to", self.recipient)


def to_room_id(value: object) -> str:
    """The id of a room as a string. ValueError: it cannot be one."""
    text = _text("room_id", str(value))
    if not text or len(text) > 2 * MAX_ID_LENGTH + 1:
        raise ValueError("`room_id` must be `<BuyerID>.<SellerID>`")
    return text


class NewMessage(Participants, kw_only=True):
    """A message to send. `content`: a text, the address of an image, or the name of an emoji.

    `client_message_id`: the app's own id of it; the same message sent again under the same id is stored once.
    """

    type: Literal["TEXT", "IMAGE", "EMOJI"]
    content: str
    client_message_id: OptionalId = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_content(self.content)
        if self.client_message_id is not None:
            self.client_message_id = _text("client_message_id", str(self.client_message_id))
            if len(self.client_message_id) > MAX_ID_LENGTH:
                raise ValueError(f"`client_message_id` must have at most {MAX_ID_LENGTH} characters")


def _require_content(content: str) -> None:
    if not content:
        raise ValueError("`content` is empty: a message needs some")
    _text("content", content)


class EditMessage(Struct, kw_only=True):
    """What a message is to say from now on."""

    content: str

    def __post_init__(self) -> None:
        _require_content(self.content)


class Typing(Participants, kw_only=True):
    """`from` types in a room (`typing`), or has stopped (`stop_typing`).

    It reaches all devices of `to`, and those of `from` but the one that sent it.
    """


class SeenMessages(Participants, kw_only=True):
    """`seen_messages`: `from` has seen what `to` wrote, up to and with this message. It reaches all devices of `to`.

    `last_message_created_at` may be sent as milliseconds since 1970; it arrives as ISO 8601.
    """

    last_message_id: Id
    last_message_created_at: str | int

    def __post_init__(self) -> None:
        super().__post_init__()
        self.last_message_id = _id("last_message_id", self.last_message_id)
        self.last_message_created_at = to_wire(to_instant("last_message_created_at", self.last_message_created_at))

    @property
    def seen_until(self) -> datetime.datetime:
        """`last_message_created_at` as an instant."""
        return to_instant("last_message_created_at", self.last_message_created_at)


def to_instant(field: str, value: str | int) -> datetime.datetime:
    """The time that a field holds. ValueError: it holds none."""
    try:
        return from_milliseconds(value) if isinstance(value, int) else from_wire(value)
    except (ValueError, OverflowError):
        raise ValueError(
            f"`{field}` is {str(value)[:40]!r}: it must be a time in ISO 8601, as 2020-10-11T00:13:35.390Z"
        ) from None


class BuyerInfo(Struct, kw_only=True, omit_defaults=True):
    """What a seller sees of a buyer."""

    name: str | None = None
    avatar: str | None = None
    phone_number: str | int | None = None
    email: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.phone_number, int):
            self.phone_number = str(self.phone_number)

    def known(self) -> dict[str, str]:
        """The fields that say something, as the room stores them."""
        return {name: str(value) for name in self.__struct_fields__ if (value := getattr(self, name)) is not None}


class CreateRoom(Struct, kw_only=True):
    """`create_room` as a client sends it. `creator` may be left out: it is the authenticated user anyway."""

    type: Literal["BS"] = BUYER_AND_SELLER
    buyer: Id
    seller: Id
    shop_id: OptionalId = None
    creator: OptionalId = None
    buyer_info: BuyerInfo | None = None

    def __post_init__(self) -> None:
        self.buyer = _room_side("buyer", self.buyer)
        self.seller = _room_side("seller", self.seller)
        if self.shop_id is not None:
            self.shop_id = _id("shop_id", self.shop_id)
        if self.creator is not None:
            self.creator = _id("creator", self.creator)

    @property
    def room_id(self) -> str:
        """The id of the room of these two."""
        return f"{self.buyer}.{self.seller}"


def _room_side(field: str, value: object) -> str:
    text = _id(field, value)
    if "." in text:
        # "a.b" with "c" and "a" with "b.c" would be one room
        raise ValueError(f"`{field}` is {text!r}: an id in a room's name must not contain a dot")
    return text


class VerifyUser(Struct, kw_only=True):
    """`verify_user` as a client sends it: the identity that its socket is to carry from now on."""

    token: str
    user_id: Id
    user_role: str

    def __post_init__(self) -> None:
        self.user_id = _id("user_id", self.user_id)


class UserVerified(Struct, kw_only=True):
    """`verify_user`, to the device that sent it: whether it has its new identity. If not, it is disconnected."""

    status: bool


class MessagePayload(Struct, kw_only=True, rename={"id": "_id", "sender": "from", "recipient": "to"}):
    """A message as it is stored: `new_message` when it was sent, `message_updated` when its content was changed.

    All devices of both sides get it, the one that sent it too. `from` is `support` where the operator wrote it.
    `redacted_at` is there where what it said was taken back.
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
    def of(cls, message: Message) -> MessagePayload:
        """The payload of a stored message."""
        created_at = to_wire(message.created_at) if message.created_at else ""
        return cls(
            id=message.message_id,
            room_id=message.room_id,
            sender=message.sender,
            recipient=message.recipient,
            type=message.type,
            content=message.content,
            client_message_id=message.client_message_id,
            is_seen=message.is_seen,
            created_at=created_at,
            updated_at=to_wire(message.updated_at) if message.updated_at else created_at,
            redacted_at=to_wire(message.redacted_at) if message.redacted_at else UNSET,
        )

    @classmethod
    def read(cls, document: dict[str, Any]) -> MessagePayload:
        """The payload of a message's document, in its collection or embedded in its room."""
        created_at, updated_at = document.get("created_at"), document.get("updated_at")
        redacted_at = document.get("redacted_at")
        created = to_wire(from_store(created_at)) if created_at else ""
        return cls(
            id=document["_id"],
            room_id=document.get("room_id") or "",
            sender=document.get("from") or "",
            recipient=document.get("to") or "",
            type=document.get("type") or MessageType.TEXT.value,
            content=document.get("content") or "",
            client_message_id=document.get("client_message_id"),
            is_seen=bool(document.get("is_seen")),
            created_at=created,
            updated_at=to_wire(from_store(updated_at)) if updated_at else created,
            redacted_at=to_wire(from_store(redacted_at)) if redacted_at else UNSET,
        )


class MessageRedaction(Struct, kw_only=True, rename={"id": "_id", "sender": "from", "recipient": "to"}):
    """`message_redacted`, to both sides: what this message said was taken back; `content` is shown instead."""

    id: str
    room_id: str
    sender: str
    recipient: str
    content: str
    redacted_at: str


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
    def of(cls, room: Room, *, buyer_info: dict[str, str] | None) -> RoomPayload:
        """The payload of a room; `buyer_info`: what the request carried, `None` when nothing."""
        return cls(
            id=room.room_id,
            room_id=room.room_id,
            type=room.type,
            buyer=room.buyer,
            seller=room.seller,
            shop_id=room.shop_id,
            creator=room.creator,
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

    `status`: whether the user is online now. Told of each of the user's rooms.
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
