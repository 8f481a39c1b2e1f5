"""Decisions about held messages: releasing and dropping them."""

from __future__ import annotations

import datetime

from django.utils import timezone

from conversations.errors import REFUSALS, RuleViolation
from conversations.errors import Code as ChatCode
from conversations.models import Message
from conversations.payloads import MessagePayload
from conversations.requests import Draft
from conversations.storage.room_loader import load_room
from conversations.storage.writer import message_writer
from identity import Role
from moderation.announcements import announce_queue
from moderation.errors import Code
from moderation.models import Act, HeldMessage, HeldState
from moderation.payloads import QueueChange
from moderation.services.audit import Target, not_done, record, recorded
from moderation.services.requirements import require_stored
from moderation.staff import Staff
from persistence.mongodb import TIMEOUT, durable, in_store_thread

LEASE = datetime.timedelta(seconds=4 * TIMEOUT)
"""After which nobody can still be releasing a message that is not released."""


async def release_held(staff: Staff, held_id: str, reason: str = "") -> MessagePayload:
    """Send a held message: both sides get it as `new_message`, at the end of the room.

    Args:
        staff: Who releases it.
        held_id: The held message's key.
        reason: Why, for the audit.

    Returns:
        The message as sent.

    Raises:
        RuleViolation: `held_not_found`; `held_decided` (also while a colleague releases it); `room_not_found`;
            `room_blocked` and `room_closed`, after which it stays held; `overloaded`.
    """
    held = await in_store_thread(_claim, held_id)
    try:
        room = await load_room(held.room_id)
        if room.blocked_by or room.closed:
            code = ChatCode.ROOM_BLOCKED if room.blocked_by else ChatCode.ROOM_CLOSED
            raise RuleViolation(code, f"room {room.room_id!r} takes no messages now")
        message = await _write(staff, held, room.side_of(held.sender).other, reason)
    except REFUSALS:
        await in_store_thread(_unclaim, held)
        raise
    await in_store_thread(decide, staff, held, HeldState.RELEASED, message.id)
    await _announce(staff, held)
    return message


async def drop_held(staff: Staff, held_id: str, reason: str = "") -> None:
    """Decide that a held message is never sent.

    Args:
        staff: Who drops it.
        held_id: The held message's key.
        reason: Why, for the audit.

    Raises:
        RuleViolation: `held_not_found`; `held_decided`.
    """
    held = await in_store_thread(_claim, held_id)
    sent = await in_store_thread(_sent, held)
    if sent is not None:  # by a release that could not be noted
        await in_store_thread(decide, staff, held, HeldState.RELEASED, sent.message_id)
        raise _decided(held_id)
    await in_store_thread(_drop, staff, held, reason)
    await _announce(staff, held)


async def _announce(staff: Staff, held: HeldMessage) -> None:
    await announce_queue(QueueChange(queue="held", change="closed", ids=[str(held.pk)], by=staff.name))


async def _write(staff: Staff, held: HeldMessage, receiver: Role, reason: str) -> MessagePayload:
    """Record the release, then send the message.

    The record comes first, since the writer groups the message with others and shares no transaction. A release that is
    begun again stores the message once.
    """
    act, target = Act.HELD_RELEASED, _target(held)
    before, after = {"state": HeldState.HELD.value}, {"state": HeldState.RELEASED.value}
    await in_store_thread(record, staff, act, target, before=before, after=after, reason=reason)
    try:
        return await message_writer().write(_draft(held, receiver))
    except RuleViolation as refusal:
        await in_store_thread(not_done, staff, act, target, refusal)
        raise


def _sent(held: HeldMessage) -> Message | None:
    return Message.objects.filter(room_id=held.room_id, dedup_key=_draft(held, None).dedup_key()).first()


def _draft(held: HeldMessage, receiver: Role | None) -> Draft:
    return Draft(
        room_id=held.room_id,
        sender=held.sender,
        recipient=held.recipient,
        receiver=receiver,
        type=held.type,
        content=held.content,
        client_message_id=held.client_message_id,
        once=f"held {held.pk}",
    )


def _claim(held_id: str) -> HeldMessage:
    """Reserve a held message for one decision, until LEASE is over."""
    held = require_stored(HeldMessage, held_id, Code.HELD_NOT_FOUND, "held message")
    now = timezone.now()
    free = {"_id": held.pk, "state": HeldState.HELD, "claimed_at": {"$not": {"$gt": now - LEASE}}}
    if not durable(HeldMessage).find_one_and_update(free, {"$set": {"claimed_at": now}}):
        raise _decided(held_id)
    return held


def _unclaim(held: HeldMessage) -> None:
    durable(HeldMessage).update_one({"_id": held.pk, "state": HeldState.HELD}, {"$unset": {"claimed_at": ""}})


def _drop(staff: Staff, held: HeldMessage, reason: str) -> None:
    recorded(
        staff,
        Act.HELD_DROPPED,
        _target(held),
        lambda: decide(staff, held, HeldState.DROPPED, ""),
        before={"state": HeldState.HELD.value},
        after={"state": HeldState.DROPPED.value},
        reason=reason,
    )


def decide(staff: Staff, held: HeldMessage, state: HeldState, message_id: str) -> None:
    """Store a decision about a held message, unless one is stored. Runs in a thread of the store.

    Args:
        staff: Who decides.
        held: The held message.
        state: RELEASED or DROPPED.
        message_id: The message that a released one was sent as; else empty.
    """
    durable(HeldMessage).update_one(
        {"_id": held.pk, "state": HeldState.HELD},
        {
            "$set": {
                "state": state,
                "decided_at": timezone.now(),
                "decided_by": staff.name,
                "message_id": message_id,
            }
        },
    )


def _target(held: HeldMessage) -> Target:
    return Target("held", str(held.pk), held.room_id, held.sender)


def _decided(held_id: str) -> RuleViolation:
    return RuleViolation(Code.HELD_DECIDED, f"held message {held_id} has been decided about, or is just being released")
