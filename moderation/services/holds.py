"""Legal holds, and what they and open reports protect from retention and erasing."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from bson import ObjectId
from django.utils import timezone

from conversations.errors import RuleViolation
from conversations.models import Message, Room
from moderation.errors import Code
from moderation.models import Act, LegalHold, Report, TargetKind
from moderation.models.reports import UNFINISHED
from moderation.services.audit import Target, recorded
from moderation.services.requirements import require_future, require_reason, require_stored
from moderation.staff import Staff
from persistence.mongodb import Document, durable, in_store_thread
from persistence.timestamps import to_wire


@dataclass(slots=True)
class Protected:
    """What is protected in one room: everything, all messages of some users, or single messages."""

    everything: bool = False
    users: set[str] = field(default_factory=set)
    messages: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return self.everything or bool(self.users) or bool(self.messages)

    def others(self) -> Document:
        """The condition for messages that are not protected; only where not everything is."""
        condition: Document = {}
        if self.users:
            condition["from"] = {"$nin": sorted(self.users)}
        if self.messages:
            condition["_id"] = {"$nin": sorted(self.messages)}
        return condition

    def covers(self, user_id: str) -> bool:
        """Whether all messages of a user in the room are protected."""
        return self.everything or user_id in self.users


async def place_hold(
    staff: Staff, kind: TargetKind, target_id: str, until: datetime.datetime, reason: str
) -> LegalHold:
    """Protect a message, a room, or a user's messages from retention and erasing.

    Args:
        staff: Who places the hold.
        kind: What is held.
        target_id: The id of the message, the room or the user.
        until: When the hold ends by itself.
        reason: Why, for the audit.

    Returns:
        The stored hold.

    Raises:
        RuleViolation: `validation_failed`: there is no reason, or `until` has passed. `target_not_found`: there is no
            such message or room.
    """
    reason = require_reason(reason)
    now = timezone.now()
    require_future(until, now)
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
    """End a hold now.

    Args:
        staff: Who lifts it.
        hold_id: The hold's key.
        reason: Why, for the audit.

    Raises:
        RuleViolation: `validation_failed`: there is no reason. `hold_not_found`. `hold_over`: it was lifted or has
            ended.
    """
    await in_store_thread(_lift, staff, hold_id, require_reason(reason))


def protected_in(room_id: str) -> Protected:
    """What holds and open reports protect in a room now. Runs in a thread of the store, as all below."""
    protected = Protected()
    reports = durable(Report).find(
        {"room_id": room_id, "state": {"$in": list(UNFINISHED)}}, ["target_kind", "target_id"]
    )
    holds = durable(LegalHold).find(_active({"room_id": room_id}), ["target_kind", "target_id"])
    for each in (*reports, *holds, *_holds_on_users()):
        match each["target_kind"]:
            case TargetKind.ROOM:
                protected.everything = True
            case TargetKind.USER:
                protected.users.add(each["target_id"])
            case _:
                protected.messages.add(each["target_id"])
    return protected


def held_users() -> set[str]:
    """The users whose messages are held."""
    return {hold["target_id"] for hold in _holds_on_users()}


def held_rooms() -> list[str]:
    """The rooms that are held."""
    return [
        hold["target_id"] for hold in durable(LegalHold).find(_active({"target_kind": TargetKind.ROOM}), ["target_id"])
    ]


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
    hold = require_stored(LegalHold, hold_id, Code.HOLD_NOT_FOUND, "hold")
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


def _holds_on_users() -> list[Document]:
    return list(durable(LegalHold).find(_active({"target_kind": TargetKind.USER}), ["target_kind", "target_id"]))


def _active(condition: Document) -> Document:
    return {**condition, "ends_at": {"$gt": timezone.now()}, "lifted_at": None}
