"""Taking back what messages say, and putting it back. Who may, and where the original is kept, others decide."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from typing import Any, Final

from pymongo import UpdateOne

from conversations.announcements import announce_redaction, announce_update
from conversations.message_ids import message_ids
from conversations.models import Message
from conversations.payloads import MessagePayload, MessageRedaction
from conversations.room_accounts import follow
from conversations.store import Document, durable, in_parts, in_store_thread

REDACTED: Final = "🚫"
"""What a redacted message says, whatever its type: apps show `content`, and this reads the same in all languages."""


async def redact_messages(said: Mapping[str, str], at: datetime.datetime) -> list[MessageRedaction]:
    """Replace what messages say, in the history and in their rooms, and tell both sides. Returns what was told.

    `said`: by message id, what it said when that was put aside; one that says something else by now, is redacted
    already or does not exist is left out. RuleViolation: `store_unavailable`.
    """
    redacted = await in_store_thread(_redact, said, at.replace(microsecond=at.microsecond // 1000 * 1000))
    redactions = [MessageRedaction.of(message) for message in redacted]
    for redaction in redactions:
        await announce_redaction(redaction)
    return redactions


async def unredact_message(message_id: str, content: str) -> MessagePayload | None:
    """Let a redacted message say `content` again, updated now, and tell both sides.

    `None`: it is not redacted, or does not exist. RuleViolation: `store_unavailable`.
    """
    message = await in_store_thread(_unredact, message_id, content)
    if message is None:
        return None
    payload = MessagePayload.of(message)
    await announce_update(payload)
    return payload


def _redact(said: Mapping[str, str], at: datetime.datetime) -> list[Message]:
    change = {"$set": {"content": REDACTED, "redacted_at": at}}
    rooms = _rooms_of(said)
    if not rooms:
        return []
    durable(Message).bulk_write(
        [
            UpdateOne(
                {
                    "_id": message_id,
                    "room_id": room_id,
                    "content": said[message_id] or {"$in": ["", None]},
                    "redacted_at": None,
                },
                change,
            )
            for message_id, room_id in rooms.items()
        ],
        ordered=False,
    )
    redacted = [message for part in in_parts(said) for message in Message.objects.filter(pk__in=part, redacted_at=at)]
    follow([(message.room_id, message.message_id) for message in redacted], change)
    return redacted


def _rooms_of(message_ids: Collection[str]) -> dict[str, Any]:
    """The room of each of these messages that exists, as its document has it."""
    return {
        found["_id"]: found.get("room_id")
        for part in in_parts(message_ids)
        for found in durable(Message).find({"_id": {"$in": part}}, ["room_id"])
    }


def _unredact(message_id: str, content: str) -> Message | None:
    change: dict[str, Document] = {
        "$set": {"content": content, "updated_at": message_ids.divide()},
        "$unset": {"redacted_at": ""},
    }
    rooms = _rooms_of([message_id])
    redacted = {"_id": message_id, "room_id": rooms.get(message_id), "redacted_at": {"$ne": None}}
    if not rooms or durable(Message).update_one(redacted, change).modified_count == 0:
        return None
    message = Message.objects.get(pk=message_id)
    follow([(message.room_id, message_id)], change)
    return message
