"""Redacting what a room shows of its buyer, as a message is redacted, and restoring it."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from django.utils import timezone

from conversations.errors import RuleViolation
from conversations.models import MessageType
from conversations.services.redaction import buyer_info_of, redact_buyer_info, restore_buyer_info
from conversations.storage.room_loader import RoomRecord, load_room
from moderation.errors import Code
from moderation.models import Act, RedactedOriginal
from moderation.services.audit import Target, recorded
from moderation.services.reasons import require_reason
from moderation.staff_site.staff import Staff
from persistence.mongodb import document, durable, in_store_thread


async def redact_introduction(staff: Staff, room_id: str, reason: str) -> None:
    """Take back what a room shows of its buyer, who changes it no more. `restore_introduction` undoes it.

    RuleViolation: `validation_failed`, `room_not_found`, `already_redacted` (also where there is nothing to redact).
    """
    reason, room = require_reason(reason), await load_room(room_id)
    do = partial(_redact, staff, room, reason)
    await in_store_thread(partial(recorded, staff, Act.INFO_REDACTED, _target(room), do, reason=reason))


async def restore_introduction(staff: Staff, room_id: str, reason: str) -> None:
    """Let a room show of its buyer what it showed. RuleViolation: as above, `not_redacted`."""
    reason, room = require_reason(reason), await load_room(room_id)
    do = partial(_restore, room)
    await in_store_thread(partial(recorded, staff, Act.INFO_RESTORED, _target(room), do, reason=reason))


def _redact(staff: Staff, room: RoomRecord, reason: str) -> None:
    now = timezone.now()
    while True:
        info = buyer_info_of(room.room_id)
        if not info or info.get("redacted_at"):
            raise RuleViolation(Code.ALREADY_REDACTED, f"room {room.room_id!r} shows nothing of its buyer")
        original = RedactedOriginal(
            message_id=_key(room.room_id),
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


def _restore(room: RoomRecord) -> None:
    original = RedactedOriginal.objects.filter(pk=_key(room.room_id)).first()
    info: dict[str, Any] = {} if original is None else msgspec.json.decode(original.content)
    if original is None or not restore_buyer_info(room.room_id, info):
        raise RuleViolation(Code.NOT_REDACTED, f"what room {room.room_id!r} shows of its buyer is not redacted")
    RedactedOriginal.objects.filter(pk=original.pk).delete()


def _key(room_id: str) -> str:
    return f"{room_id} buyer_info"


def _target(room: RoomRecord) -> Target:
    return Target("room", room.room_id, room.room_id, room.buyer)
