"""Reading what a redacted message said: an act of its own."""

from __future__ import annotations

from conversations.errors import RuleViolation
from moderation.errors import Code
from moderation.models import Act, RedactedOriginal
from moderation.services.audit import Target, record
from moderation.services.reasons import require_reason
from moderation.staff_site.staff import Staff
from persistence.mongodb import in_store_thread


async def read_original(staff: Staff, message_id: str, reason: str) -> RedactedOriginal:
    """What a redacted message said; recorded before it is given.

    RuleViolation: `validation_failed`, `not_redacted`.
    """
    return await in_store_thread(_read, staff, message_id, require_reason(reason))


def _read(staff: Staff, message_id: str, reason: str) -> RedactedOriginal:
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
