"""Redaction of messages and of what a room shows of its buyer, and its reversal.

The caller checks who may redact, and keeps the originals.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

from pymongo import ReturnDocument, UpdateOne

from conversations.announcements import announce_redaction, announce_update
from conversations.images.files import image_in
from conversations.images.uploads import reveal, withhold
from conversations.models import Message, MessageType, Room
from conversations.payloads import MessagePayload, MessageRedaction
from conversations.storage.changes import CHANGED
from conversations.storage.message_ids import message_ids
from conversations.storage.room_summaries import update_last_messages
from persistence.fields import object_in, text_in
from persistence.mongodb import Document, atomically, durable, has_transactions, in_parts, in_store_thread
from persistence.timestamps import stored_time, to_wire

REDACTED: Final = "🚫"
"""The content of a redacted message of any type: apps show `content`, and this reads the same in all languages."""
CLAIM: Final = datetime.timedelta(minutes=1)
"""How long, without transactions, one who redacts a message keeps others from redacting it."""


@dataclass(frozen=True, slots=True)
class Original:
    """A message as it is before it is redacted.

    Attributes:
        message_id: The message's id.
        room_id: The id of its room.
        sender: Who wrote it; `SUPPORT` where the operator did.
        recipient: To whom; empty for both sides.
        type: A value of `MessageType`.
        content: Its content.
        image: The key of the upload that it shows; None: it shows none.
    """

    message_id: str
    room_id: str
    sender: str
    recipient: str
    type: str
    content: str
    image: str | None

    @classmethod
    def read(cls, message: Document) -> Original:
        """Read a message's document."""
        return cls(
            message_id=text_in(message, "_id"),
            room_id=text_in(message, "room_id"),
            sender=text_in(message, "from"),
            recipient=text_in(message, "to"),
            type=text_in(message, "type") or MessageType.TEXT.value,
            content=text_in(message, "content"),
            image=text_in(message, "image") or None,
        )


KeepOriginals: TypeAlias = Callable[[Sequence[Original]], None]
Unredact: TypeAlias = Callable[[str], MessagePayload | None]


async def redact_messages(ids: Collection[str], at: datetime.datetime, keep: KeepOriginals) -> list[MessageRedaction]:
    """Replace the content of messages by `REDACTED`, in the history and in room summaries, and announce it.

    The caller has checked that it may. The uploads that the messages show are withheld.

    Args:
        ids: The ids of the messages. Those that are redacted already, or do not exist, are passed over.
        at: The time of the redaction, in whole milliseconds.
        keep: Keeps the originals. It is called in one of the store's threads, before the messages change and in the
            same transaction, so it may be called again. It is not called where nothing is left to redact.

    Returns:
        What was announced, one a message. Without transactions, a message that was erased after `keep` had it is not
        among them.

    Raises:
        StoreUnavailable: MongoDB does not answer. Messages that were redacted before stay so.
    """
    redacted = await in_store_thread(_redact_and_withhold, ids, at, keep)
    redactions = [MessageRedaction.read(message) for message in redacted]
    for redaction in redactions:
        await announce_redaction(redaction)
    return redactions


async def unredact_message(
    message_id: str, within: Callable[[Unredact], MessagePayload | None]
) -> MessagePayload | None:
    """Give a redacted message a content again, with `updated_at` now, and announce it. The caller has checked it may.

    Args:
        message_id: The message's id.
        within: Does the change together with others, such as deleting the original. It is called in one of the store's
            threads, with a function that takes the content and changes the message; it returns what that returned.

    Returns:
        The message as it was announced; None: it is not redacted, or does not exist.

    Raises:
        StoreUnavailable: MongoDB does not answer.
    """
    payload = await in_store_thread(within, partial(_unredact, message_id))
    if payload is None:
        return None
    if image := image_in(payload.type, payload.content):  # now, for a file's move is no part of a transaction
        await in_store_thread(reveal, image)
    await announce_update(payload)
    return payload


def _redact_and_withhold(ids: Collection[str], at: datetime.datetime, keep: KeepOriginals) -> list[Document]:
    originals: dict[str, Original] = {}

    def keep_and_note(messages: Sequence[Original]) -> None:
        keep(messages)
        originals.update({each.message_id: each for each in messages})

    redacted = atomically(partial(_redact, ids, at, keep_and_note))
    for original in (originals[message["_id"]] for message in redacted if message["_id"] in originals):
        if original.image is not None:
            withhold(original.image, original.sender)
    return redacted


def _redact(ids: Collection[str], at: datetime.datetime, keep: KeepOriginals) -> list[Document]:
    expected = None
    if not has_transactions():
        _claim(ids, at)
        expected = at
    messages = [message for message in _find(ids) if stored_time(message.get("redacted_at")) == expected]
    if not messages:
        return []
    keep([Original.read(message) for message in messages])
    change: dict[str, Document] = {"$set": {"content": REDACTED, "redacted_at": at}, "$unset": {"image": ""}}
    durable(Message).bulk_write(
        [
            UpdateOne(
                {
                    "_id": message["_id"],
                    "room_id": message.get("room_id"),
                    "content": message.get("content"),
                    "redacted_at": expected,
                },
                {**change, **CHANGED},
            )
            for message in messages
        ],
        ordered=False,
    )
    redacted = [message for message in _find(ids) if stored_time(message.get("redacted_at")) == at]
    update_last_messages([(text_in(message, "room_id"), message["_id"]) for message in redacted], change)
    return redacted


def _find(ids: Collection[str]) -> list[Document]:
    return [message for part in in_parts(ids) for message in durable(Message).find({"_id": {"$in": part}})]


def _claim(ids: Collection[str], at: datetime.datetime) -> None:
    """Without transactions: of several who redact a message the first to set its time does; nobody edits it then.

    One whose process died on the way is free again after CLAIM.
    """
    left = {"content": {"$ne": REDACTED}, "redacted_at": {"$lt": at - CLAIM}}
    for part in in_parts(ids):
        durable(Message).update_many(
            {"_id": {"$in": part}, "$or": [{"redacted_at": None}, left]}, {"$set": {"redacted_at": at}}
        )


def _unredact(message_id: str, content: str) -> MessagePayload | None:
    before = durable(Message).find_one({"_id": message_id, "redacted_at": {"$ne": None}})
    if before is None:
        return None
    restored: Document = {"content": content, "updated_at": message_ids.cutoff()}
    image = image_in(Original.read(before).type, content)
    after = durable(Message).find_one_and_update(
        {"_id": message_id, "room_id": before.get("room_id"), "redacted_at": {"$ne": None}},
        {"$set": {**restored, "image": image} if image else restored, "$unset": {"redacted_at": ""}, **CHANGED},
        return_document=ReturnDocument.AFTER,
    )
    if after is None:
        return None
    payload = MessagePayload.read(after)
    update_last_messages([(payload.room_id, message_id)], {"$set": restored, "$unset": {"redacted_at": ""}})
    return payload


def buyer_info_of(room_id: str) -> dict[str, Any]:
    """Return what a room shows of its buyer, as it is stored; empty: nothing. For the store's threads."""
    return object_in(durable(Room).find_one({"_id": room_id}, ["buyer_info"]) or {}, "buyer_info")


def redact_buyer_info(room_id: str, info: Mapping[str, Any], at: datetime.datetime) -> bool:
    """Replace what a room shows of its buyer. For the store's threads.

    Args:
        room_id: The room's id.
        info: What it shows, as `buyer_info_of` has read it.
        at: The time of the redaction.

    Returns:
        Whether it was replaced; False: the room shows something else by now.
    """
    redacted = {"name": REDACTED, "redacted_at": to_wire(at)}
    change = {"$set": {"buyer_info": redacted}, **CHANGED}
    changed = durable(Room).update_one({"_id": room_id, "buyer_info": info}, change)
    return changed.modified_count == 1


def restore_buyer_info(room_id: str, info: Mapping[str, Any]) -> bool:
    """Undo `redact_buyer_info`. For the store's threads.

    Args:
        room_id: The room's id.
        info: What the room is to show.

    Returns:
        Whether it was restored; False: it is not redacted.
    """
    redacted = {"_id": room_id, "buyer_info.redacted_at": {"$ne": None}}
    return durable(Room).update_one(redacted, {"$set": {"buyer_info": info}, **CHANGED}).modified_count == 1
