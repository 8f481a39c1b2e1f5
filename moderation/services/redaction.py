"""Redacting messages and what a room shows of its buyer, restoring them, and reading what was redacted.

The original is stored first; then the content is taken out of the chat.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from django.db import models
from django.utils import timezone
from pymongo import UpdateOne

from conversations import services as chat
from conversations.errors import Code as ChatCode
from conversations.errors import RuleViolation
from conversations.images.uploads import withhold
from conversations.models import Message, MessageType, Room
from conversations.payloads import MessagePayload, MessageRedaction
from conversations.services.redaction import buyer_info_of, redact_buyer_info, restore_buyer_info
from conversations.storage.room_loader import RoomRecord, load_room
from identity import Role
from moderation.errors import Code
from moderation.models import Act, HeldMessage, RedactedOriginal, Revision, TargetKind
from moderation.services.audit import Target, record, recorded, require_reason
from moderation.services.evidence import clear_filter_reports
from moderation.staff import Staff
from persistence.mongodb import Document, document, durable, in_parts, in_store_thread

LONGEST_PAST = 24 * 14
"""Hours of `redact_recent`: two weeks."""
_AT_ONCE = 200
_PASSES = 5
"""Of `redact_recent`: what was edited since it was read, or written since, is found by the next one."""


async def redact_message(staff: Staff, message_id: str, reason: str) -> MessageRedaction:
    """Take back what a message says: both sides see it go. `restore_message` undoes it.

    RuleViolation: `validation_failed`, `message_not_found`, `already_redacted`.
    """
    reason = require_reason(reason)

    def note(messages: Sequence[Message]) -> None:
        record(staff, Act.MESSAGE_REDACTED, _target(messages[0]), after={"redacted": True}, reason=reason)

    while True:
        if redacted := await _redact(staff, [message_id], reason, note):
            return redacted[0]
        message = await in_store_thread(Message.objects.filter(pk=message_id).first)
        if message is None:
            raise RuleViolation(Code.MESSAGE_NOT_FOUND, f"there is no message {message_id[:100]!r}")
        if message.redacted_at is not None:
            raise RuleViolation(Code.ALREADY_REDACTED, f"message {message_id!r} is redacted already")


async def redact_recent(staff: Staff, user_id: str, hours: int, reason: str) -> int:
    """Take back all that a user wrote in the last hours, anywhere; how many messages that were.

    RuleViolation: `validation_failed`. After StoreUnavailable what was redacted until then stays so, and is recorded.
    """
    reason = require_reason(reason)
    if not 1 <= hours <= LONGEST_PAST:
        raise RuleViolation(ChatCode.VALIDATION_FAILED, f"`hours` is {hours}: it must be from 1 to {LONGEST_PAST}")
    since = timezone.now() - datetime.timedelta(hours=hours)

    def note(messages: Sequence[Message]) -> None:
        ids = [message.pk for message in messages]
        after = {"hours": hours, "count": len(ids), "messages": ids}
        record(staff, Act.MESSAGES_REDACTED, Target("user", user_id, user_id=user_id), after=after, reason=reason)

    count = 0
    for _ in range(_PASSES):
        found = await in_store_thread(_find_recent, user_id, since)
        if not found:
            break
        for start in range(0, len(found), _AT_ONCE):
            count += len(await _redact(staff, found[start : start + _AT_ONCE], reason, note))
    return count


async def restore_message(staff: Staff, message_id: str, reason: str) -> MessagePayload:
    """Let a redacted message say again what it said: both sides get `message_updated`.

    RuleViolation: `validation_failed`, `not_redacted`.
    """
    reason = require_reason(reason)
    refusal = RuleViolation(Code.NOT_REDACTED, f"message {message_id[:100]!r} is not redacted, or was erased")

    def restore(unredact: Callable[[str], Message | None]) -> Message:
        found = RedactedOriginal.objects.filter(pk=message_id).first()
        if found is None:
            raise refusal

        def do() -> Message:
            original = RedactedOriginal.objects.filter(pk=message_id).first()
            restored = None if original is None else unredact(original.content)
            if restored is None:
                raise refusal
            durable(RedactedOriginal).delete_one({"_id": message_id})
            return restored

        return recorded(staff, Act.MESSAGE_RESTORED, _target(found), do, before={"redacted": True}, reason=reason)

    restored = await chat.unredact_message(message_id, restore)
    if restored is None:
        raise refusal
    return restored


async def read_original(staff: Staff, message_id: str, reason: str) -> RedactedOriginal:
    """What a redacted message said; recorded before it is given.

    RuleViolation: `validation_failed`, `not_redacted`.
    """
    return await in_store_thread(_read_original, staff, message_id, require_reason(reason))


async def redact_introduction(staff: Staff, room_id: str, reason: str) -> None:
    """Take back what a room shows of its buyer, who changes it no more. `restore_introduction` undoes it.

    RuleViolation: `validation_failed`, `room_not_found`, `already_redacted` (also where there is nothing to redact).
    """
    reason, room = require_reason(reason), await load_room(room_id)
    do = partial(_redact_info, staff, room, reason)
    await in_store_thread(partial(recorded, staff, Act.INFO_REDACTED, _target_room(room), do, reason=reason))


async def restore_introduction(staff: Staff, room_id: str, reason: str) -> None:
    """Let a room show of its buyer what it showed. RuleViolation: as above, `not_redacted`."""
    reason, room = require_reason(reason), await load_room(room_id)
    do = partial(_restore_info, room)
    await in_store_thread(partial(recorded, staff, Act.INFO_RESTORED, _target_room(room), do, reason=reason))


async def _redact(
    staff: Staff, ids: list[str], reason: str, note: Callable[[Sequence[Message]], None]
) -> list[MessageRedaction]:
    """Redact those that are not, what they said put aside and `note` called for them: one transaction."""
    at = timezone.now()
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)  # as MongoDB has it
    kept: list[RedactedOriginal] = []

    def keep(messages: Sequence[Message]) -> None:
        kept[:] = [
            RedactedOriginal(
                message_id=message.message_id,
                room_id=message.room_id,
                sender=message.sender,
                recipient=message.recipient,
                type=message.type,
                content=message.content,
                image=message.image,
                redacted_at=at,
                redacted_by=staff.name,
                reason=reason,
            )
            for message in messages
        ]
        store_originals(kept)
        note(messages)

    redacted = await chat.redact_messages(ids, at, keep)
    told = {redaction.id for redaction in redacted}
    await in_store_thread(_withhold_earlier, sorted(told))
    if erased := [original for original in kept if original.pk not in told]:
        await in_store_thread(_forget, erased)
    return redacted


def store_originals(originals: list[RedactedOriginal]) -> None:
    """Store the originals before their messages change, and clear the copies that all staff can read."""
    durable(RedactedOriginal).bulk_write(
        [UpdateOne({"_id": original.pk}, {"$set": document(original)}, upsert=True) for original in originals],
        ordered=False,
    )
    _take_out_of_copies(originals)


def _withhold_earlier(redacted: list[str]) -> None:
    """Pictures that the messages showed before they were edited."""
    for part in in_parts(redacted):
        for revision in durable(Revision).find({"message_id": {"$in": part}}, ["image", "sender"]):
            if revision.get("image"):
                withhold(revision["image"], revision["sender"])


def _forget(erased: list[RedactedOriginal]) -> None:
    """What was put aside of messages that were erased before they were redacted: only without transactions."""
    for original in erased:
        durable(RedactedOriginal).delete_one({"_id": original.pk, "redacted_at": original.redacted_at})


def _take_out_of_copies(originals: list[RedactedOriginal]) -> None:
    """What moderation itself has of it, for all staff to read: the held message that it was, what a filter found."""
    rooms: defaultdict[str, list[str]] = defaultdict(list)
    for original in originals:
        rooms[original.room_id].append(original.message_id)
    for room_id, ids in rooms.items():
        for part in in_parts(ids):
            released_as = {"room_id": room_id, "message_id": {"$in": part}}
            durable(HeldMessage).update_many(released_as, {"$set": {"content": ""}, "$unset": {"image": ""}})
            clear_filter_reports({"target_kind": TargetKind.MESSAGE, "target_id": {"$in": part}})


def _find_recent(user_id: str, since: datetime.datetime) -> list[str]:
    """Room by room, where the index is; a room without an `updated_at` may have anything in it."""
    active = {"$or": [{"updated_at": {"$gte": since}}, {"updated_at": None}]}
    rooms = [room_id for side in Role for room_id in _ids(Room, {side.lower(): user_id}, active)]
    unredacted = {"from": user_id, "redacted_at": None}
    return [
        message_id
        for room_id in rooms
        for message_id in _ids(Message, {"room_id": room_id, "created_at": {"$gte": since}}, unredacted)
    ]


def _ids(model: type[models.Model], indexed: Document, condition: Document) -> list[str]:
    """The ids of what an index finds and the condition leaves."""
    stages: list[Document] = [{"$match": indexed}, {"$match": condition}, {"$project": {"_id": 1}}]
    return [found["_id"] for found in durable(model).aggregate(stages)]


def _target(message: Message | RedactedOriginal) -> Target:
    return Target("message", message.message_id, message.room_id, message.sender)


def _read_original(staff: Staff, message_id: str, reason: str) -> RedactedOriginal:
    original = RedactedOriginal.objects.filter(pk=message_id).first()
    if original is None:
        raise RuleViolation(Code.NOT_REDACTED, f"message {message_id[:100]!r} is not redacted, or was erased")
    record(
        staff,
        Act.ORIGINAL_READ,
        Target("message", original.message_id, original.room_id, original.sender),
        reason=reason,
    )
    return original


def _redact_info(staff: Staff, room: RoomRecord, reason: str) -> None:
    now = timezone.now()
    while True:
        info = buyer_info_of(room.room_id)
        if not info or info.get("redacted_at"):
            raise RuleViolation(Code.ALREADY_REDACTED, f"room {room.room_id!r} shows nothing of its buyer")
        original = RedactedOriginal(
            message_id=_info_key(room.room_id),
            room_id=room.room_id,
            sender=room.buyer,
            recipient=room.seller,
            type=MessageType.TEXT,
            content=msgspec.json.encode(info, enc_hook=str).decode(),
            redacted_at=now,
            redacted_by=staff.name,
            reason=reason,
        )
        durable(RedactedOriginal).update_one({"_id": original.pk}, {"$set": document(original)}, upsert=True)
        if redact_buyer_info(room.room_id, info, now):  # else it was changed since it was read
            return


def _restore_info(room: RoomRecord) -> None:
    original = RedactedOriginal.objects.filter(pk=_info_key(room.room_id)).first()
    info: dict[str, Any] = {} if original is None else msgspec.json.decode(original.content)
    if original is None or not restore_buyer_info(room.room_id, info):
        raise RuleViolation(Code.NOT_REDACTED, f"what room {room.room_id!r} shows of its buyer is not redacted")
    RedactedOriginal.objects.filter(pk=original.pk).delete()


def _info_key(room_id: str) -> str:
    return f"{room_id} buyer_info"


def _target_room(room: RoomRecord) -> Target:
    return Target("room", room.room_id, room.room_id, room.buyer)
