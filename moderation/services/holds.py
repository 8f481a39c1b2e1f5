"""Holding what must not be deleted, and lifting that."""

from __future__ import annotations

import datetime

from bson import ObjectId
from bson.errors import InvalidId
from django.utils import timezone

from conversations.errors import Code as ChatCode
from conversations.errors import RuleViolation
from conversations.models import Message, Room
from moderation.errors import Code
from moderation.models import Act, LegalHold, TargetKind
from moderation.services.audit import Target, recorded
from moderation.services.reasons import require_reason
from moderation.staff_site.staff import Staff
from persistence.mongodb import durable, in_store_thread
from persistence.timestamps import to_wire


async def place_hold(
    staff: Staff, kind: TargetKind, target_id: str, until: datetime.datetime, reason: str
) -> LegalHold:
    """Keep a message, a room, or what a user wrote from retention and erasing, until then.

    RuleViolation: `validation_failed` (no reason, an end in the past), `target_not_found`.
    """
    reason = require_reason(reason)
    now = timezone.now()
    if until <= now:
        raise RuleViolation(
            ChatCode.VALIDATION_FAILED, f"the end is {to_wire(until)}: it must lie after now, {to_wire(now)}"
        )
    hold = LegalHold(
        pk=ObjectId(),
        target_kind=kind,
        target_id=target_id.strip(),
        reason=reason,
        ends_at=until,
        created_at=now,
        created_by=staff.name,
    )
    await in_store_thread(_place, staff, hold)
    return hold


async def lift_hold(staff: Staff, hold_id: str, reason: str) -> None:
    """End a hold now. RuleViolation: `validation_failed`, `hold_not_found`, `hold_over`."""
    await in_store_thread(_lift, staff, hold_id, require_reason(reason))


def _place(staff: Staff, hold: LegalHold) -> None:
    hold.room_id = _room_of(hold)
    after = {"ends_at": to_wire(hold.ends_at)}
    recorded(
        staff, Act.HOLD_PLACED, _target(hold), lambda: hold.save(force_insert=True), after=after, reason=hold.reason
    )


def _room_of(hold: LegalHold) -> str:
    missing = RuleViolation(Code.TARGET_NOT_FOUND, f"there is no {hold.target_kind} {hold.target_id[:100]!r}")
    match hold.target_kind:
        case TargetKind.MESSAGE:
            message = Message.objects.filter(pk=hold.target_id).first()
            if message is None:
                raise missing
            return str(message.room_id)
        case TargetKind.ROOM:
            if not Room.objects.filter(pk=hold.target_id).exists():
                raise missing
            return hold.target_id
        case _:
            if not hold.target_id:
                raise missing
            return ""


def _lift(staff: Staff, hold_id: str, reason: str) -> None:
    try:
        hold = LegalHold.objects.get(pk=ObjectId(hold_id))
    except (LegalHold.DoesNotExist, InvalidId, TypeError):
        raise RuleViolation(Code.HOLD_NOT_FOUND, f"there is no hold {hold_id!r}") from None
    now = timezone.now()
    over = RuleViolation(Code.HOLD_OVER, f"hold {hold_id} is over already")
    if not hold.is_active(now):
        raise over

    def lift() -> None:
        change = {"$set": {"lifted_at": now, "lifted_by": staff.name}}
        if not durable(LegalHold).update_one({"_id": hold.pk, "lifted_at": None}, change).modified_count:
            raise over

    before = {"ends_at": to_wire(hold.ends_at)}
    recorded(staff, Act.HOLD_LIFTED, _target(hold), lift, before=before, reason=reason)


def _target(hold: LegalHold) -> Target:
    of_user = {"user_id": hold.target_id} if hold.target_kind == TargetKind.USER else {"room_id": hold.room_id}
    return Target("hold", str(hold.pk), **of_user)
