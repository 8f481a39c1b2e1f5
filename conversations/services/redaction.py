"""Redaction of messages and of what a room shows of its buyer, and its reversal.

The caller decides who may redact, and keeps the original.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final

from pymongo import UpdateOne

from conversations.announcements import announce_redaction, announce_update
from conversations.images.files import image_in
from conversations.images.uploads import reveal, withhold
from conversations.models import Message, Room
from conversations.payloads import MessagePayload, MessageRedaction
from conversations.storage.message_ids import message_ids
from conversations.storage.room_summaries import update_last_messages
from persistence.fields import object_in
from persistence.mongodb import Document, atomically, durable, has_transactions, in_parts, in_store_thread
from persistence.timestamps import to_wire

REDACTED: Final = "🚫"
"""What a redacted message says, whatever its type: apps show `content`, and this reads the same in all languages."""


KeepOriginals = Callable[[Sequence[Message]], None]
"""Keeps the content of messages elsewhere. It is called in one of the store's threads, within the same transaction."""


CLAIM: Final = datetime.timedelta(minutes=1)


async def redact_messages(ids: Collection[str], at: datetime.datetime, keep: KeepOriginals) -> list[MessageRedaction]:
    """Replace what messages say, in the history and in their rooms, and tell both sides. Returns what was told.

    `at`: in whole milliseconds. `keep` has those of `ids` that are not redacted, as they are at that moment, before
    they are changed, with which it is one transaction; so it may be called again. Where the store has no transactions,
    one that is erased in between is not returned, though `keep` had it. Nothing is left to redact: `keep` is not
    called.
    """
    redacted = await in_store_thread(_redact_and_withhold, ids, at, keep)
    redactions = [MessageRedaction.of(message) for message in redacted]
    for redaction in redactions:
        await announce_redaction(redaction)
    return redactions


async def unredact_message(
    message_id: str, within: Callable[[Callable[[str], Message | None]], Message | None]
) -> MessagePayload | None:
    """Let a redacted message say something again, updated now, and tell both sides.

    `within` calls, in one of the store's threads, what it is given with what the message is to say, and returns what
    that returns. `None`: it is not redacted, or does not exist.
    """
    message = await in_store_thread(within, partial(_unredact, message_id))
    if message is None:
        return None
    if image := image_in(message.type, message.content):  # now, for a file's move is no part of a transaction
        await in_store_thread(reveal, image)
    payload = MessagePayload.of(message)
    await announce_update(payload)
    return payload


def _redact_and_withhold(ids: Collection[str], at: datetime.datetime, keep: KeepOriginals) -> list[Message]:
    pictures: dict[str, tuple[str, str]] = {}

    def keep_and_note(messages: Sequence[Message]) -> None:
        keep(messages)
        pictures.update({each.pk: (each.image, each.sender) for each in messages if each.image})

    redacted = atomically(partial(_redact, ids, at, keep_and_note))
    for image, sender in (pictures[message.pk] for message in redacted if message.pk in pictures):
        withhold(image, sender)
    return redacted


def _redact(ids: Collection[str], at: datetime.datetime, keep: KeepOriginals) -> list[Message]:
    expected = None
    if not has_transactions():
        _claim(ids, at)
        expected = at
    originals = [
        message
        for part in in_parts(ids)
        for message in Message.objects.filter(pk__in=part)
        if message.redacted_at == expected
    ]
    if not originals:
        return []
    keep(originals)
    change: dict[str, Document] = {"$set": {"content": REDACTED, "redacted_at": at}, "$unset": {"image": ""}}
    rooms = _rooms_of([message.pk for message in originals])
    durable(Message).bulk_write(
        [
            UpdateOne(
                {
                    "_id": message.pk,
                    "room_id": rooms[message.pk],
                    "content": message.content or {"$in": ["", None]},
                    "redacted_at": expected,
                },
                change,
            )
            for message in originals
            if message.pk in rooms
        ],
        ordered=False,
    )
    redacted = [message for part in in_parts(ids) for message in Message.objects.filter(pk__in=part, redacted_at=at)]
    update_last_messages([(message.room_id, message.message_id) for message in redacted], change)
    return redacted


def _rooms_of(message_ids: Collection[str]) -> dict[str, Any]:
    """The room of each of these messages that exists, as its document has it."""
    return {
        found["_id"]: found.get("room_id")
        for part in in_parts(message_ids)
        for found in durable(Message).find({"_id": {"$in": part}}, ["room_id"])
    }


def _claim(ids: Collection[str], at: datetime.datetime) -> None:
    """Without transactions: of several who redact a message the first to set its time does; nobody edits it then.

    One whose process died on the way is free again after CLAIM.
    """
    left = {"content": {"$ne": REDACTED}, "redacted_at": {"$lt": at - CLAIM}}
    for part in in_parts(ids):
        durable(Message).update_many(
            {"_id": {"$in": part}, "$or": [{"redacted_at": None}, left]}, {"$set": {"redacted_at": at}}
        )


def _unredact(message_id: str, content: str) -> Message | None:
    restored: Document = {"content": content, "updated_at": message_ids.cutoff()}
    change: dict[str, Document] = {"$set": restored, "$unset": {"redacted_at": ""}}
    rooms = _rooms_of([message_id])
    redacted = {"_id": message_id, "room_id": rooms.get(message_id), "redacted_at": {"$ne": None}}
    if not rooms or durable(Message).update_one(redacted, change).modified_count == 0:
        return None
    message = Message.objects.get(pk=message_id)
    if image := image_in(message.type, content):
        durable(Message).update_one(
            {"_id": message_id, "room_id": rooms[message_id], "content": content}, {"$set": {"image": image}}
        )
    update_last_messages([(message.room_id, message_id)], change)
    return message


def buyer_info_of(room_id: str) -> dict[str, Any]:
    """What a room shows of its buyer, as it is stored; empty: nothing."""
    return object_in(durable(Room).find_one({"_id": room_id}, ["buyer_info"]) or {}, "buyer_info")


def redact_buyer_info(room_id: str, info: Mapping[str, Any], at: datetime.datetime) -> bool:
    """Take it back; False: the room shows something else by now."""
    redacted = {"name": REDACTED, "redacted_at": to_wire(at)}
    changed = durable(Room).update_one({"_id": room_id, "buyer_info": info}, {"$set": {"buyer_info": redacted}})
    return changed.modified_count == 1


def restore_buyer_info(room_id: str, info: Mapping[str, Any]) -> bool:
    """Show it again; False: it is not redacted."""
    redacted = {"_id": room_id, "buyer_info.redacted_at": {"$ne": None}}
    return durable(Room).update_one(redacted, {"$set": {"buyer_info": info}}).modified_count == 1
