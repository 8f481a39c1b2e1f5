"""Redacting messages and buyers' details, restoring them, and reading the originals.

An original is stored before the content leaves the chat.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
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
from conversations.services.redaction import (
    KeepOriginals,
    Original,
    Unredact,
    buyer_info_of,
    redact_buyer_info,
    restore_buyer_info,
)
from conversations.storage.room_loader import RoomRecord, load_room
from identity import Role
from moderation.errors import Code
from moderation.models import Act, HeldMessage, RedactedOriginal, Revision, TargetKind
from moderation.services.audit import Target, record, recorded
from moderation.services.evidence import clear_filter_reports
from moderation.services.requirements import require_reason
from moderation.staff import Staff
from persistence.mongodb import Document, document, durable, in_parts, in_store_thread

LONGEST_PAST = 24 * 14
"""Hours of `redact_recent`: two weeks."""
_AT_ONCE = 200
_PASSES = 5
"""Of `redact_recent`: what was edited since it was read, or written since, is found by the next one."""


async def redact_message(staff: Staff, message_id: str, reason: str) -> MessageRedaction:
    """Redact a message: both sides get `message_redacted`. `restore_message` undoes it.

    Args:
        staff: Who redacts.
        message_id: The message.
        reason: Why, for the audit.

    Returns:
        The redaction as both sides get it.

    Raises:
        RuleViolation: `validation_failed`: there is no reason. `message_not_found`. `already_redacted`.
    """
    reason = require_reason(reason)

    def note(messages: Sequence[Original]) -> None:
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
    """Redact all messages that a user wrote in the last hours, in all rooms.

    After StoreUnavailable, what was redacted so far stays redacted, and is recorded.

    Args:
        staff: Who redacts.
        user_id: Who wrote them.
        hours: How many hours back, from 1 to LONGEST_PAST.
        reason: Why, for the audit.

    Returns:
        How many messages were redacted.

    Raises:
        RuleViolation: `validation_failed`: there is no reason, or `hours` is out of its range.
    """
    reason = require_reason(reason)
    if not 1 <= hours <= LONGEST_PAST:
        raise RuleViolation(ChatCode.VALIDATION_FAILED, f"`hours` is {hours}: it must be from 1 to {LONGEST_PAST}")
    since = timezone.now() - datetime.timedelta(hours=hours)

    def note(messages: Sequence[Original]) -> None:
        ids = [message.message_id for message in messages]
        after = {"hours": hours, "count": len(ids), "messages": ids}
        record(staff, Act.MESSAGES_REDACTED, Target("user", user_id, user_id=user_id), after=after, reason=reason)

    count = 0
    for _ in range(_PASSES):
        found = await in_store_thread(recent_messages, user_id, since)
        if not found:
            break
        for start in range(0, len(found), _AT_ONCE):
            count += len(await _redact(staff, found[start : start + _AT_ONCE], reason, note))
    return count


async def restore_message(staff: Staff, message_id: str, reason: str) -> MessagePayload:
    """Restore the content of a redacted message: both sides get `message_updated`.

    Args:
        staff: Who restores.
        message_id: The message.
        reason: Why, for the audit.

    Returns:
        The message as both sides get it.

    Raises:
        RuleViolation: `validation_failed`: there is no reason. `not_redacted`: it is not redacted, or was erased.
    """
    reason = require_reason(reason)
    refusal = RuleViolation(Code.NOT_REDACTED, f"message {message_id[:100]!r} is not redacted, or was erased")

    def restore(unredact: Unredact) -> MessagePayload:
        found = RedactedOriginal.objects.filter(pk=message_id).first()
        if found is None:
            raise refusal

        def do() -> MessagePayload:
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
    """Read the original of a redacted message. The reading is recorded before it is returned.

    Args:
        staff: Who reads.
        message_id: The message.
        reason: Why, for the audit.

    Raises:
        RuleViolation: `validation_failed`: there is no reason. `not_redacted`: it is not redacted, or was erased.
    """
    return await in_store_thread(_read_original, staff, message_id, require_reason(reason))


async def redact_introduction(staff: Staff, room_id: str, reason: str) -> None:
    """Redact a room's details of its buyer (`buyer_info`). The buyer cannot change them any more.

    Args:
        staff: Who redacts.
        room_id: The room.
        reason: Why, for the audit.

    Raises:
        RuleViolation: `validation_failed`: there is no reason. `room_not_found`. `already_redacted`: they are, or there
            are none.
    """
    reason, room = require_reason(reason), await load_room(room_id)
    do = partial(_redact_info, staff, room, reason)
    await in_store_thread(partial(recorded, staff, Act.INFO_REDACTED, _target_room(room), do, reason=reason))


async def restore_introduction(staff: Staff, room_id: str, reason: str) -> None:
    """Restore a room's details of its buyer.

    Args:
        staff: Who restores.
        room_id: The room.
        reason: Why, for the audit.

    Raises:
        RuleViolation: `validation_failed`: there is no reason. `room_not_found`. `not_redacted`.
    """
    reason, room = require_reason(reason), await load_room(room_id)
    do = partial(_restore_info, room)
    await in_store_thread(partial(recorded, staff, Act.INFO_RESTORED, _target_room(room), do, reason=reason))


async def _redact(staff: Staff, ids: list[str], reason: str, note: KeepOriginals) -> list[MessageRedaction]:
    """Redact messages in one transaction: store the originals, call `note` with them, take the content out.

    Messages that are redacted already are left out.
    """
    at = timezone.now()
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)  # as MongoDB has it
    kept: list[RedactedOriginal] = []

    def keep(messages: Sequence[Original]) -> None:
        kept[:] = [
            RedactedOriginal(**asdict(message), redacted_at=at, redacted_by=staff.name, reason=reason)
            for message in messages
        ]
        store_originals(kept)
        note(messages)

    redacted = await chat.redact_messages(ids, at, keep)
    redacted_ids = {redaction.id for redaction in redacted}
    await in_store_thread(_withhold_earlier, sorted(redacted_ids))
    if erased := [original for original in kept if original.pk not in redacted_ids]:
        await in_store_thread(_forget, erased)
    return redacted


def store_originals(originals: list[RedactedOriginal]) -> None:
    """Store originals, and clear the copies that all staff can read. Runs in a thread of the store.

    Call it before the messages change.
    """
    durable(RedactedOriginal).bulk_write(
        [UpdateOne({"_id": original.pk}, {"$set": document(original)}, upsert=True) for original in originals],
        ordered=False,
    )
    _take_out_of_copies(originals)


def _withhold_earlier(redacted: list[str]) -> None:
    """Withhold the images that the messages showed before they were edited."""
    for part in in_parts(redacted):
        for revision in durable(Revision).find({"message_id": {"$in": part}}, ["image", "sender"]):
            if revision.get("image"):
                withhold(revision["image"], revision["sender"])


def _forget(erased: list[RedactedOriginal]) -> None:
    """Delete originals of messages that were erased before they could be redacted: only without transactions."""
    for original in erased:
        durable(RedactedOriginal).delete_one({"_id": original.pk, "redacted_at": original.redacted_at})


def _take_out_of_copies(originals: list[RedactedOriginal]) -> None:
    """Clear what all staff can read: the held message that it was released from, and what a filter's report quotes."""
    rooms: defaultdict[str, list[str]] = defaultdict(list)
    for original in originals:
        rooms[original.room_id].append(original.message_id)
    for room_id, ids in rooms.items():
        for part in in_parts(ids):
            released_as = {"room_id": room_id, "message_id": {"$in": part}}
            durable(HeldMessage).update_many(released_as, {"$set": {"content": ""}, "$unset": {"image": ""}})
            clear_filter_reports({"target_kind": TargetKind.MESSAGE, "target_id": {"$in": part}})


def recent_messages(user_id: str, since: datetime.datetime) -> list[str]:
    """The ids of what a user wrote since an instant and is not redacted. Runs in a thread of the store.

    It is read room by room, where the index is; a room without an `updated_at` may have anything in it.
    """
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


def _target(message: Original | RedactedOriginal) -> Target:
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
