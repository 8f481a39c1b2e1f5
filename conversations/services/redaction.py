"""Taking back what a message says, and putting it back. Who may, and where the original is kept, others decide."""

from __future__ import annotations

import datetime
from typing import Any, Final

from pymongo import UpdateOne

from conversations.announcements import announce_redaction, announce_update
from conversations.instants import to_wire
from conversations.models import Message, Room
from conversations.payloads import MessagePayload, MessageRedaction
from conversations.store import durable, in_store_thread

REDACTED: Final = "🚫"
"""What a redacted message says, whatever its type: apps show `content`, and this reads the same in all languages."""


async def redact_message(message_id: str, content: str, at: datetime.datetime) -> MessageRedaction | None:
    """Replace what a message says, in the history and in its room, and tell both sides.

    `content` is what it said when that was put aside: `None` where it says something else by now, is redacted already
    or does not exist, and nothing was done. RuleViolation: `store_unavailable`.
    """
    message = await in_store_thread(
        _replace,
        {"_id": message_id, "content": content, "redacted_at": None},
        {"$set": {"content": REDACTED, "redacted_at": at}},
    )
    if message is None:
        return None
    redaction = MessageRedaction(
        id=message.message_id,
        room_id=message.room_id,
        sender=message.sender,
        recipient=message.recipient,
        content=REDACTED,
        redacted_at=to_wire(at),
    )
    await announce_redaction(redaction)
    return redaction


async def unredact_message(message_id: str, content: str) -> MessagePayload | None:
    """Let a redacted message say `content` again, and tell both sides.

    `None`: it is not redacted, or does not exist. RuleViolation: `store_unavailable`.
    """
    message = await in_store_thread(
        _replace,
        {"_id": message_id, "redacted_at": {"$ne": None}},
        {"$set": {"content": content}, "$unset": {"redacted_at": ""}},
    )
    if message is None:
        return None
    payload = MessagePayload.of(message)
    await announce_update(payload)
    return payload


def _replace(message: dict[str, Any], change: dict[str, dict[str, Any]]) -> Message | None:
    if durable(Message).find_one_and_update(message, change) is None:
        return None
    changed = Message.objects.get(pk=message["_id"])
    durable(Room).bulk_write(
        [
            UpdateOne(
                {"_id": changed.room_id, f"{last}._id": changed.message_id},
                {
                    operator: {f"{last}.{field}": value for field, value in fields.items()}
                    for operator, fields in change.items()
                },
            )
            for last in ("buyer_last_message", "seller_last_message")
        ],
        ordered=False,
    )
    return changed
