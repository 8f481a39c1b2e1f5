"""Rooms and messages as MongoDB holds them: two collections that existed before this server.

The names in the database are the old ones and never change; where Python or clarity wants another name, `db_column`
has the old one (`from` and `to` are `sender` and `recipient` here). Any field but the key may be absent
from an old document. What writes these documents on the hot path is `storage/writer.py`; it reads the fields from here.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any, Final

from django.db import models
from django.db.models import Q
from django_mongodb_backend.fields import EmbeddedModelField
from django_mongodb_backend.models import EmbeddedModel

from identity import Role
from persistence.fields import (
    CountOrDefault,
    FlagOrDefault,
    LongTextOrDefault,
    ObjectField,
    TextOrDefault,
    flag_in,
    object_in,
)
from persistence.indexes import PathIndex
from persistence.timestamps import EPOCH, stored_time

BUYER_AND_SELLER: Final = "BS"
UNSEEN: Final = {"$in": [False, None]}
"""What `is_seen` is in a message that was not seen. Old messages may lack the field."""


class MessageType(models.TextChoices):
    """What `content` is: words, the address of a picture, the name of an emoji."""

    TEXT = "TEXT"
    IMAGE = "IMAGE"
    EMOJI = "EMOJI"


class MessageFields(models.Model):
    """What a message is, in its own collection and embedded in its room.

    `created_at` stands first for a reason: MongoDB orders subdocuments by their first field, then the second, so of
    two embedded messages the one of the later (created_at, _id) is the greater, and the writer's `$max` keeps it.
    """

    created_at = models.DateTimeField(null=True, blank=True)
    message_id = models.CharField(primary_key=True, db_column="_id", max_length=255)
    room_id = TextOrDefault(max_length=512, default="")
    sender = TextOrDefault(max_length=255, default="", db_column="from")
    recipient = TextOrDefault(max_length=255, default="", db_column="to")
    type = TextOrDefault(max_length=16, choices=MessageType.choices, default=MessageType.TEXT)
    content = LongTextOrDefault(default="", blank=True)
    is_seen = FlagOrDefault(default=False)
    client_message_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 (absent is not empty)
    updated_at = models.DateTimeField(null=True, blank=True)
    redacted_at = models.DateTimeField(null=True, blank=True)
    document_version = CountOrDefault(default=0, db_column="__v", editable=False)

    class Meta:
        """Not a collection of its own."""

        abstract = True

    def __str__(self) -> str:
        return f"{self.message_id} in {self.room_id}"


class EmbeddedMessage(MessageFields, EmbeddedModel):  # type: ignore[django-manager-missing]
    """A message as its room carries it: the last one, once for each side."""


class Message(MessageFields):
    """One message. `dedup_key` is there where the client gave its message an id: see `requests.Draft.dedup_key`.

    `image` is there where the message shows a picture that was uploaded here: the upload's key, however the address in
    `content` is written. What a redacted message showed is not in it. `changed_at` is there where what the message says
    was changed after it was sent (`storage/changes.py`); a new message has none, so its index costs it nothing.
    """

    dedup_key = models.CharField(max_length=64, null=True, blank=True, editable=False)  # noqa: DJ001 (absent is not empty)
    image = models.CharField(max_length=64, null=True, blank=True, editable=False)  # noqa: DJ001 (absent is not empty)
    changed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        """The old collection, with the indexes that it lacked."""

        db_table = "cz_messages"
        indexes = (
            # the history of a room, either way round
            models.Index(fields=["room_id", "created_at", "message_id"], name="message_history"),
            # what one side of a room has not seen
            models.Index(fields=["room_id", "recipient", "is_seen", "created_at"], name="message_unseen"),
            # what shows an upload, anywhere; a text is not in it
            models.Index(fields=["image"], name="message_image", condition=Q(image__gte="")),
            # what was changed in a room after it was sent; "later than" any instant after 1970 implies the condition
            models.Index(
                fields=["room_id", "changed_at", "message_id"],
                name="message_changes",
                condition=Q(changed_at__gte=EPOCH),
            ),
        )
        # The room first, as the shard key (docs/operations.md) must stand first in a unique index.
        constraints = (models.UniqueConstraint(fields=["room_id", "dedup_key"], name="message_once_in_room"),)


class Upload(models.Model):
    """A picture that was uploaded; its key is the stored file's name without its end.

    `due_at`: when to look whether anything shows it; it goes if nothing does. `withheld`: the name under which the
    files are meanwhile, where a message that showed the picture is redacted.
    """

    key = models.CharField(primary_key=True, db_column="_id", max_length=64)
    uploaded_by = models.CharField(max_length=255, blank=True)
    uploaded_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    withheld = models.CharField(max_length=64, blank=True)

    class Meta:
        """Nobody adds, changes or deletes by hand."""

        default_permissions = ()
        indexes = (models.Index(fields=["due_at"], name="upload_due"),)

    def __str__(self) -> str:
        return self.key


class Room(models.Model):
    """The conversation of one buyer with one seller; its key is `<BuyerID>.<SellerID>`.

    `updated_at`, the last activity, is indexed for staff, who look through all rooms; every message moves its room in
    that index (measured: 3 to 7 % of what storing a batch costs) and in the seller's list, by which a page costs a
    seller of 5,000 rooms what it costs one of 20. A buyer's list is read whole, and so are the rooms with something
    unseen: two more such indexes cost each message more (measured on the embedded store: 35 to 40 % of what a message
    costs it, for all six). Nor is there a partial index of blocked or of closed rooms: MongoDB would compare the room
    of each message with the index's condition.

    `changed_at`: the last change that is no activity, such as a pin; `messages_changed_at`: when what a message says
    was last changed. Both are MongoDB's time (`storage/changes.py`). `buyer_seen`, `seller_seen`: how far that side has
    seen what the other one wrote, `created_at` and `_id` of the last message, and when the side reported that, `at`.
    """

    room_id = models.CharField(primary_key=True, db_column="_id", max_length=512)
    type = TextOrDefault(max_length=16, default=BUYER_AND_SELLER)
    creator = TextOrDefault(max_length=255, default="", blank=True)
    buyer = TextOrDefault(max_length=255, default="")
    seller = TextOrDefault(max_length=255, default="")
    shop_id = TextOrDefault(max_length=255, default="", blank=True)
    shop = ObjectField(blank=True)
    buyer_info = ObjectField(blank=True)
    buyer_last_message = EmbeddedModelField(EmbeddedMessage, null=True, blank=True)
    seller_last_message = EmbeddedModelField(EmbeddedMessage, null=True, blank=True)
    pinned_by_buyer = models.DateTimeField(null=True, blank=True)
    pinned_by_seller = models.DateTimeField(null=True, blank=True)
    buyer_unseen_messages = CountOrDefault(default=0)
    seller_unseen_messages = CountOrDefault(default=0)
    deleted_by_buyer = FlagOrDefault(default=False)
    deleted_by_seller = FlagOrDefault(default=False)
    buyer_deleted_at = models.DateTimeField(null=True, blank=True)
    seller_deleted_at = models.DateTimeField(null=True, blank=True)
    blocked_by = models.CharField(  # noqa: DJ001 (absent is not empty)
        max_length=16, choices=[(role.value, role.name.title()) for role in Role], null=True, blank=True
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    messages_changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    buyer_seen = ObjectField(null=True, blank=True, default=None, editable=False)
    seller_seen = ObjectField(null=True, blank=True, default=None, editable=False)
    document_version = CountOrDefault(default=0, db_column="__v", editable=False)

    class Meta:
        """The old collection, with the indexes that it lacked."""

        db_table = "cz_rooms"
        indexes = (
            models.Index(fields=["buyer"], name="room_buyer"),
            models.Index(fields=["seller"], name="room_seller"),
            models.Index(fields=["updated_at"], name="room_activity"),
            # a seller's list in its order, and the pinned rooms that stand before it; a buyer has no thousands of rooms
            PathIndex(fields=["seller"], paths=["-seller_last_message.created_at", "_id"], name="room_list_seller"),
            models.Index(
                fields=["seller", "pinned_by_seller"],
                name="room_pinned_seller",
                condition=Q(pinned_by_seller__gte=EPOCH),
            ),
        )

    def __str__(self) -> str:
        return self.room_id

    @classmethod
    def of(cls, user_id: str, side: Role) -> models.QuerySet[Room]:
        """The rooms in which a user is on one side, whether the user sees them or not.

        Args:
            user_id: The user.
            side: The side.
        """
        return cls.objects.filter(**{SIDES[side].user: user_id})

    def side_of(self, user_id: str) -> Role | None:
        """The side that a user is on in this room; None: neither."""
        if user_id == self.buyer:
            return Role.BUYER
        return Role.SELLER if user_id == self.seller else None


@dataclass(frozen=True, slots=True)
class SideFields:
    """The names of a side's own fields in the document of a room.

    Attributes:
        user: The user's id.
        info: What the room shows of the user to the other side.
        last_message: The last message that the side sees, embedded.
        last_message_at: The `created_at` in it.
        unseen_messages: How many messages the side has not seen.
        pinned_at: When the side pinned the room.
        deleted: Whether the side has deleted the room.
        deleted_at: When it did so last. What is older stays hidden from the side.
        seen: How far the side has seen what the other one wrote: an object, see `Room`.
    """

    user: str
    info: str
    last_message: str
    last_message_at: str
    unseen_messages: str
    pinned_at: str
    deleted: str
    deleted_at: str
    seen: str

    @property
    def visibility(self) -> list[str]:
        """The fields that `is_visible` reads."""
        return [self.deleted, self.deleted_at, self.last_message_at]


def _fields_of(side: str, info: str) -> SideFields:
    return SideFields(
        user=side,
        info=info,
        last_message=f"{side}_last_message",
        last_message_at=f"{side}_last_message.created_at",
        unseen_messages=f"{side}_unseen_messages",
        pinned_at=f"pinned_by_{side}",
        deleted=f"deleted_by_{side}",
        deleted_at=f"{side}_deleted_at",
        seen=f"{side}_seen",
    )


SIDES: Final = {Role.BUYER: _fields_of("buyer", "buyer_info"), Role.SELLER: _fields_of("seller", "shop")}
"""The fields of each side of a room."""


def last_message_at(room: dict[str, Any], side: Role) -> datetime.datetime | None:
    """The time of a side's last message, by the room's document. `None`: the side has none."""
    return stored_time(object_in(room, SIDES[side].last_message).get("created_at"))


def is_visible(room: dict[str, Any], side: Role) -> bool:
    """Whether a side sees a room: the side has not deleted the room, or a message came later.

    Args:
        room: The room's document, with the fields of `SideFields.visibility` at least.
        side: The side that may see it.
    """
    fields = SIDES[side]
    if not flag_in(room, fields.deleted):
        return True
    deleted_at, last = stored_time(room.get(fields.deleted_at)), last_message_at(room, side)
    return last is not None and (deleted_at is None or last > deleted_at)
