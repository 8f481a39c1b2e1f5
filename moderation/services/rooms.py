"""Acts of staff on rooms: closing, reopening, writing as Support, and notes about rooms and users."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bson import ObjectId
from django.utils import timezone

from conversations import services as chat
from conversations.configuration import ChatSettings
from conversations.errors import Code as ChatCode
from conversations.errors import RuleViolation
from conversations.payloads import MessagePayload
from conversations.storage.room_loader import load_room
from moderation.errors import Code
from moderation.models import Act, Note, TargetKind
from moderation.services.audit import Target, not_done, record, recorded
from moderation.services.requirements import require_reason
from moderation.staff import Staff
from persistence.mongodb import in_store_thread

LONGEST_NOTE = 5000


async def close_room(staff: Staff, room_id: str, reason: str) -> None:
    """Close a room: it takes no messages, and both sides get `room_closed`.

    Args:
        staff: Who closes it.
        room_id: The room.
        reason: Why, for the audit; the sides do not see it.

    Raises:
        RuleViolation: `validation_failed`: there is no reason. `room_not_found`. `already_closed`.
    """
    refusal = RuleViolation(Code.ALREADY_CLOSED, f"room {room_id!r} is closed already")
    within = partial(_recorded, staff, Act.ROOM_CLOSED, room_id, require_reason(reason), refusal)
    await chat.close_room(room_id, timezone.now(), within)


async def reopen_room(staff: Staff, room_id: str, reason: str) -> None:
    """Reopen a closed room: it takes messages again, and both sides get `room_opened`.

    Args:
        staff: Who reopens it.
        room_id: The room.
        reason: Why, for the audit; the sides do not see it.

    Raises:
        RuleViolation: `validation_failed`: there is no reason. `room_not_found`. `already_open`.
    """
    refusal = RuleViolation(Code.ALREADY_OPEN, f"room {room_id!r} is open")
    await chat.reopen_room(
        room_id, partial(_recorded, staff, Act.ROOM_REOPENED, room_id, require_reason(reason), refusal)
    )


async def write_as_support(staff: Staff, room_id: str, content: str) -> MessagePayload:
    """Send a message from `support` into a room, also a closed or blocked one: both sides get `new_message`.

    Args:
        staff: Who writes; the sides do not see the name.
        room_id: The room.
        content: The text, from 1 to MESSAGE_MAX_LENGTH characters.

    Returns:
        The message as sent.

    Raises:
        RuleViolation: `validation_failed`: the text is empty or too long. `room_not_found`. `overloaded`.
    """
    longest = ChatSettings.current().MESSAGE_MAX_LENGTH
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


async def add_note(staff: Staff, target_kind: TargetKind, target_id: str, text: str) -> Note:
    """Store a note about a room or a user, which only staff see. Notes cannot be changed.

    Args:
        staff: Who writes it.
        target_kind: ROOM or USER.
        target_id: The id of the room or the user.
        text: The note, from 1 to LONGEST_NOTE characters.

    Returns:
        The stored note.

    Raises:
        RuleViolation: `validation_failed`: the note is about something else, is empty, or is too long.
    """
    if target_kind not in (TargetKind.ROOM, TargetKind.USER) or not target_id:
        raise RuleViolation(ChatCode.VALIDATION_FAILED, f"a note is about a room or a user, not about a {target_kind}")
    if not text.strip() or len(text) > LONGEST_NOTE:
        raise RuleViolation(
            ChatCode.VALIDATION_FAILED, f"the note has {len(text)} characters: it must have from 1 to {LONGEST_NOTE}"
        )
    return await in_store_thread(_add, staff, target_kind, target_id, text)


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


def _add(staff: Staff, target_kind: TargetKind, target_id: str, text: str) -> Note:
    note = Note(
        pk=ObjectId(),
        target_kind=target_kind,
        target_id=target_id,
        text=text,
        written_at=timezone.now(),
        written_by=staff.name,
    )
    concerned = {"room_id" if target_kind == TargetKind.ROOM else "user_id": target_id}
    recorded(staff, Act.NOTE_ADDED, Target("note", str(note.pk), **concerned), lambda: note.save(force_insert=True))
    return note
