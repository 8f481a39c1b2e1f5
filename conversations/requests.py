"""What clients send, over the socket and REST: the shapes of the contract's section 2, under its exact names.

Liberal, where nothing is lost: ids may be numbers, unknown fields are passed over, times may have any offset. Rules
that need a setting or the database are the services' affair. What clients get is `conversations.payloads`'.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from conversations.models import BUYER_AND_SELLER
from identity import Role
from persistence.timestamps import from_milliseconds, from_wire, to_wire

if TYPE_CHECKING:
    Id = str
    OptionalId = str | None
else:  # a number is taken too, and a string from __post_init__ on
    Id = str | int
    OptionalId = str | int | None

_SCHEME = re.compile(r"([\x00-\x20]*[A-Za-z][A-Za-z0-9+.\-\x00-\x20]*):")
"""As browsers read it: they pass over spaces before it, and over line breaks and tabs in it."""
MAX_ID_LENGTH = 255
LARGEST_PAGE = 100
"""Rows that one page of a list has at most."""
ROOM_ACTS = ("enable", "pin", "seen", "block")
"""What stands behind a room's id in addresses of REST."""
MAX_INFO_LENGTH = 2048
"""Characters of what a seller is shown of a buyer: a seller's list of rooms holds that of all their buyers at once."""


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
    """Convert a room's id to a string.

    Raises:
        ValueError: It cannot be the id of a room.
    """
    text = _text("room_id", str(value))
    if not text or len(text) > 2 * MAX_ID_LENGTH + 1:
        raise ValueError("`room_id` must be `<BuyerID>.<SellerID>`")
    return text


class NewMessage(Participants, kw_only=True):
    """A message to send. `content`: a text, the address of an uploaded image, or an emoji or its name.

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


class DraftKind(Enum):
    """What a draft is to become."""

    MESSAGE = "a message"
    EDIT = "the content of a message from now on"
    INTRODUCTION = "what a room that a side makes, or shows again, shows its other side; empty: that the room is there"


class Draft(Struct, kw_only=True, frozen=True):
    """A text or picture that one side may show the other: a request, and the receiver's side of the room.

    Attributes:
        room_id: The room.
        sender: The user who writes; `SUPPORT` for the operator.
        recipient: The user on the receiver's side; empty for both sides.
        receiver: The recipient's side of the room; None: both.
        type: A value of `MessageType`.
        content: The content.
        client_message_id: The client's own id of the message.
        once: A key of the author, for a message that is to be stored once though no client gave it an id.
        kind: What the draft is to become.
    """

    room_id: str
    sender: str
    recipient: str
    receiver: Role | None
    type: str
    content: str
    client_message_id: str | None = None
    once: str | None = None
    kind: DraftKind = DraftKind.MESSAGE

    def dedup_key(self) -> str | None:
        """Make the key that all repeats of a message have in common; None: no id marks a repeat.

        The key is of five fields, because some old clients send a constant as `client_message_id`.
        """
        if self.client_message_id is None:
            return self.once
        parts = (self.sender, self.room_id, self.client_message_id, self.type, self.content)
        return hashlib.blake2b(msgspec.json.encode(parts), digest_size=16).hexdigest()


class EditMessage(Struct, kw_only=True):
    """The content that a message has from now on."""

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
    """Read the time that a field holds.

    Args:
        field: The field's name, for the text of the error.
        value: ISO 8601, or milliseconds since 1970.

    Raises:
        ValueError: It holds no time.
    """
    try:
        return from_milliseconds(value) if isinstance(value, int) else from_wire(value)
    except (ValueError, OverflowError):
        raise ValueError(
            f"`{field}` is {str(value)[:40]!r}: it must be a time in ISO 8601, as 2020-10-11T00:13:35.390Z"
        ) from None


class Sync(Struct, kw_only=True):
    """`sync`: what has changed in the user's rooms since a token. Without `since`: no changes, and a token for now.

    `limit`: how many messages a page has at most, and how many rooms; 100 at most.
    """

    since: str | None = None
    limit: Annotated[int, Meta(ge=1)] = LARGEST_PAGE


class BuyerInfo(Struct, kw_only=True, omit_defaults=True):
    """What a seller sees of a buyer."""

    name: str | None = None
    avatar: str | None = None
    phone_number: str | int | None = None
    email: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.phone_number, int):
            self.phone_number = str(self.phone_number)
        for name, text in self.known().items():
            if len(text) > MAX_INFO_LENGTH:
                raise ValueError(f"`{name}` has {len(text)} characters: it must have at most {MAX_INFO_LENGTH}")
        scheme = _SCHEME.match(self.avatar or "")
        if scheme and re.sub(r"[\x00-\x20]", "", scheme[1]).lower() not in ("http", "https"):
            raise ValueError(f"`avatar` is {(self.avatar or '')[:40]!r}: it must be an http or https address")

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

    def user_on(self, side: Role) -> str:
        """The user on a side of the room."""
        return self.buyer if side is Role.BUYER else self.seller


def _room_side(field: str, value: object) -> str:
    text = _id(field, value)
    if "." in text:
        # "a.b" with "c" and "a" with "b.c" would be one room
        raise ValueError(f"`{field}` is {text!r}: an id in a room's name must not contain a dot")
    if "/" in text and not {"", *ROOM_ACTS}.isdisjoint(text.split("/")):
        raise ValueError(
            f"`{field}` is {text!r}: between the slashes of an id in a room's name there must be something, "
            f"and none of {', '.join(ROOM_ACTS)}"
        )
    return text


class VerifyUser(Struct, kw_only=True):
    """`verify_user` as a client sends it: the identity that its socket is to carry from now on."""

    token: str
    user_id: Id
    user_role: str

    def __post_init__(self) -> None:
        self.user_id = _id("user_id", self.user_id)


class Handshake(VerifyUser, kw_only=True):
    """What a device says when it connects, in the query or in `auth`.

    Attributes:
        resync: The device knows the event `resync`, so that its connection need not end instead.
        recovery: The device, on a client 4.6 or newer, wants to come back as the socket that it was when it was cut
            off. Where the operator has that on, each event then has an offset as one argument more.
    """

    resync: bool = False
    recovery: bool = False
