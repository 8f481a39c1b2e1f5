"""Notes of staff."""

from __future__ import annotations

from bson import ObjectId
from django.utils import timezone

from conversations.errors import Code, RuleViolation
from moderation.models import Act, Note, TargetKind
from moderation.services.audit import Target, recorded
from moderation.staff_site.staff import Staff
from persistence.mongodb import in_store_thread

LONGEST = 5000


async def add_note(staff: Staff, target_kind: TargetKind, target_id: str, text: str) -> Note:
    """Write a note about a room or a user, for staff alone. RuleViolation: `validation_failed`."""
    if target_kind not in (TargetKind.ROOM, TargetKind.USER) or not target_id:
        raise RuleViolation(Code.VALIDATION_FAILED, f"a note is about a room or a user, not about a {target_kind}")
    if not text.strip() or len(text) > LONGEST:
        raise RuleViolation(
            Code.VALIDATION_FAILED, f"the note has {len(text)} characters: it must have from 1 to {LONGEST}"
        )
    return await in_store_thread(_add, staff, target_kind, target_id, text)


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
