"""What staff do to a room: close it, open it again, write into it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.conf import settings
from django.utils import timezone

from conversations import services as chat
from conversations.errors import Code as ChatCode
from conversations.errors import RuleViolation
from conversations.payloads import MessagePayload
from conversations.storage.room_loader import load_room
from moderation.errors import Code
from moderation.models import Act
from moderation.services.audit import Target, not_done, record, recorded
from moderation.services.reasons import require_reason
from moderation.staff_site.staff import Staff
from persistence.mongodb import in_store_thread


async def close_room(staff: Staff, room_id: str, reason: str) -> None:
    """Let a room take no messages: both sides get `room_closed`. Why is kept in the audit.

    RuleViolation: `validation_failed`, `room_not_found`, `already_closed`.
    """
    refusal = RuleViolation(Code.ALREADY_CLOSED, f"room {room_id!r} is closed already")
    within = partial(_recorded, staff, Act.ROOM_CLOSED, room_id, require_reason(reason), refusal)
    await chat.close_room(room_id, timezone.now(), within)


async def reopen_room(staff: Staff, room_id: str, reason: str) -> None:
    """Let a closed room take messages again: both sides get `room_opened`.

    RuleViolation: `validation_failed`, `room_not_found`, `already_open`.
    """
    refusal = RuleViolation(Code.ALREADY_OPEN, f"room {room_id!r} is open")
    await chat.reopen_room(
        room_id, partial(_recorded, staff, Act.ROOM_REOPENED, room_id, require_reason(reason), refusal)
    )


async def write_as_support(staff: Staff, room_id: str, content: str) -> MessagePayload:
    """Write into a room, a closed or blocked one too: both sides get `new_message` from `support`.

    RuleViolation: `validation_failed`, `room_not_found`, `overloaded`.
    """
    longest = settings.MESSAGE_MAX_LENGTH
    if not content.strip() or len(content) > longest:
        raise RuleViolation(
            ChatCode.VALIDATION_FAILED, f"the message has {len(content)} characters: it must have from 1 to {longest}"
        )
    target = Target("room", (await load_room(room_id)).room_id, room_id)
    await in_store_thread(record, staff, Act.SUPPORT_WROTE, target, after={"content": content})
    try:
        return await chat.write_as_support(room_id, content)
    except RuleViolation as refusal:  # after StoreUnavailable the message may be stored all the same
        await in_store_thread(not_done, staff, Act.SUPPORT_WROTE, target, refusal)
        raise


def _recorded(
    staff: Staff, act: Act, room_id: str, reason: str, refusal: RuleViolation, change: Callable[[], bool]
) -> bool:
    def do() -> bool:
        if not change():
            raise refusal
        return True

    closes = act is Act.ROOM_CLOSED
    target = Target("room", room_id, room_id)
    return recorded(staff, act, target, do, before={"closed": not closes}, after={"closed": closes}, reason=reason)
