"""Redacting messages and restoring them: what they said is put aside first, then taken out of the chat."""

from __future__ import annotations

import datetime
from collections import defaultdict

from django.db import models
from django.utils import timezone
from pymongo import UpdateOne

from chozoi_chat.identity import Role
from conversations import services as chat
from conversations.errors import Code as ChatCode
from conversations.errors import RuleViolation
from conversations.models import Message, Room
from conversations.payloads import MessagePayload, MessageRedaction
from conversations.store import Document, document, durable, in_parts, in_store_thread
from moderation.errors import Code
from moderation.models import Act, HeldMessage, RedactedOriginal, TargetKind
from moderation.services.audit import Target, record
from moderation.services.contents import unquote
from moderation.services.reasons import require_reason
from moderation.staff import Staff

LONGEST_PAST = 24 * 14
"""Hours of `redact_recent`: two weeks."""
_AT_ONCE = 200
_PASSES = 5
"""Of `redact_recent`: what was edited since it was read, or written since, is found by the next one."""


async def redact_message(staff: Staff, message_id: str, reason: str) -> MessageRedaction:
    """Take back what a message says: both sides see it go. `restore_message` undoes it.

    RuleViolation: `validation_failed`, `message_not_found`, `already_redacted`, `store_unavailable`.
    """
    reason = require_reason(reason)
    while True:
        message = await in_store_thread(Message.objects.filter(pk=message_id).first)
        if message is None:
            raise RuleViolation(Code.MESSAGE_NOT_FOUND, f"there is no message {message_id[:100]!r}")
        if message.redacted_at is not None:
            raise RuleViolation(Code.ALREADY_REDACTED, f"message {message_id!r} is redacted already")
        if redacted := await _redact(staff, [message], reason):  # else it was edited since it was read
            await in_store_thread(
                record, staff, Act.MESSAGE_REDACTED, _target(message), after={"redacted": True}, reason=reason
            )
            return redacted[0]


async def redact_recent(staff: Staff, user_id: str, hours: int, reason: str) -> int:
    """Take back all that a user wrote in the last hours, anywhere; how many messages that were.

    RuleViolation: `validation_failed`, `store_unavailable`: what was redacted until then stays so, and is recorded.
    """
    reason = require_reason(reason)
    if not 1 <= hours <= LONGEST_PAST:
        raise RuleViolation(ChatCode.VALIDATION_FAILED, f"`hours` is {hours}: it must be from 1 to {LONGEST_PAST}")
    since = timezone.now() - datetime.timedelta(hours=hours)
    ids: list[str] = []
    try:
        for _ in range(_PASSES):
            messages = await in_store_thread(_find_recent, user_id, since)
            if not messages:
                break
            for start in range(0, len(messages), _AT_ONCE):
                redacted = await _redact(staff, messages[start : start + _AT_ONCE], reason)
                ids += [redaction.id for redaction in redacted]
    finally:
        await in_store_thread(
            record,
            staff,
            Act.MESSAGES_REDACTED,
            Target("user", user_id, user_id=user_id),
            after={"hours": hours, "count": len(ids), "messages": ids},
            reason=reason,
        )
    return len(ids)


async def restore_message(staff: Staff, message_id: str, reason: str) -> MessagePayload:
    """Let a redacted message say again what it said: both sides get `message_updated`.

    RuleViolation: `validation_failed`, `not_redacted`, `store_unavailable`.
    """
    reason = require_reason(reason)
    original = await in_store_thread(RedactedOriginal.objects.filter(pk=message_id).first)
    restored = None if original is None else await chat.unredact_message(message_id, original.content)
    if original is None or restored is None:
        raise RuleViolation(Code.NOT_REDACTED, f"message {message_id[:100]!r} is not redacted, or was erased")
    await in_store_thread(_forget, staff, original, reason)
    return restored


async def _redact(staff: Staff, messages: list[Message], reason: str) -> list[MessageRedaction]:
    at = timezone.now()
    originals = [
        RedactedOriginal(
            message_id=message.message_id,
            room_id=message.room_id,
            sender=message.sender,
            recipient=message.recipient,
            type=message.type,
            content=message.content,
            redacted_at=at,
            redacted_by=staff.name,
            reason=reason,
        )
        for message in messages
    ]
    await in_store_thread(_put_aside, originals)
    return await chat.redact_messages({message.message_id: message.content for message in messages}, at)


def _put_aside(originals: list[RedactedOriginal]) -> None:
    durable(RedactedOriginal).bulk_write(
        [UpdateOne({"_id": original.pk}, {"$set": document(original)}, upsert=True) for original in originals],
        ordered=False,
    )
    _take_out_of_copies(originals)


def _take_out_of_copies(originals: list[RedactedOriginal]) -> None:
    """What moderation itself has of it, for all staff to read: the held message that it was, what a filter found."""
    rooms: defaultdict[str, list[str]] = defaultdict(list)
    for original in originals:
        rooms[original.room_id].append(original.message_id)
    for room_id, ids in rooms.items():
        for part in in_parts(ids):
            released_as = {"room_id": room_id, "message_id": {"$in": part}}
            durable(HeldMessage).update_many(released_as, {"$set": {"content": ""}})
            unquote({"target_kind": TargetKind.MESSAGE, "target_id": {"$in": part}})


def _find_recent(user_id: str, since: datetime.datetime) -> list[Message]:
    """Room by room, where the index is; a room without an `updated_at` may have anything in it."""
    active = {"$or": [{"updated_at": {"$gte": since}}, {"updated_at": None}]}
    rooms = [room_id for side in Role for room_id in _ids(Room, {side.lower(): user_id}, active)]
    unredacted = {"from": user_id, "redacted_at": None}
    ids = [
        message_id
        for room_id in rooms
        for message_id in _ids(Message, {"room_id": room_id, "created_at": {"$gte": since}}, unredacted)
    ]
    return [message for part in in_parts(ids) for message in Message.objects.filter(pk__in=part)]


def _ids(model: type[models.Model], indexed: Document, condition: Document) -> list[str]:
    """In two: what an index finds, and what is left of that. SecantusDB has no index for both as one condition."""
    stages: list[Document] = [{"$match": indexed}, {"$match": condition}, {"$project": {"_id": 1}}]
    return [found["_id"] for found in durable(model).aggregate(stages)]


def _forget(staff: Staff, original: RedactedOriginal, reason: str) -> None:
    RedactedOriginal.objects.filter(pk=original.pk).delete()
    record(staff, Act.MESSAGE_RESTORED, _target(original), before={"redacted": True}, reason=reason)


def _target(message: Message | RedactedOriginal) -> Target:
    return Target("message", message.message_id, message.room_id, message.sender)
