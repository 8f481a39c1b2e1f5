"""What staff do to a room: close it, open it again, write into it."""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone

from conversations import services as chat
from conversations.errors import Code as ChatCode
from conversations.errors import RuleViolation
from conversations.payloads import MessagePayload
from conversations.store import in_store_thread
from moderation.errors import Code
from moderation.models import Act
from moderation.services.audit import Target, record
from moderation.services.reasons import require_reason
from moderation.staff import Staff


async def close_room(staff: Staff, room_id: str, reason: str) -> None:
    """Let a room take no messages: both sides get `room_closed`. Why is kept in the audit.

    RuleViolation: `validation_failed`, `room_not_found`, `already_closed`, `store_unavailable`.
    """
    reason = require_reason(reason)
    if not await chat.close_room(room_id, timezone.now()):
        raise RuleViolation(Code.ALREADY_CLOSED, f"room {room_id!r} is closed already")
    await _record(staff, Act.ROOM_CLOSED, room_id, was_closed=False, reason=reason)


async def reopen_room(staff: Staff, room_id: str, reason: str) -> None:
    """Let a closed room take messages again: both sides get `room_opened`.

    RuleViolation: `validation_failed`, `room_not_found`, `already_open`, `store_unavailable`.
    """
    reason = require_reason(reason)
    if not await chat.reopen_room(room_id):
        raise RuleViolation(Code.ALREADY_OPEN, f"room {room_id!r} is open")
    await _record(staff, Act.ROOM_REOPENED, room_id, was_closed=True, reason=reason)


async def write_as_support(staff: Staff, room_id: str, content: str) -> MessagePayload:
    """Write into a room, a closed or blocked one too: both sides get `new_message` from `support`.

    RuleViolation: `validation_failed`, `room_not_found`, `store_unavailable`, `overloaded`.
    """
    longest = settings.MESSAGE_MAX_LENGTH
    if not content.strip() or len(content) > longest:
        raise RuleViolation(
            ChatCode.VALIDATION_FAILED, f"the message has {len(content)} characters: it must have from 1 to {longest}"
        )
    message = await chat.write_as_support(room_id, content)
    await in_store_thread(
        record, staff, Act.SUPPORT_WROTE, Target("message", message.id, room_id), after={"content": content}
    )
    return message


async def _record(staff: Staff, act: Act, room_id: str, *, was_closed: bool, reason: str) -> None:
    await in_store_thread(
        record,
        staff,
        act,
        Target("room", room_id, room_id),
        before={"closed": was_closed},
        after={"closed": not was_closed},
        reason=reason,
    )
