"""Restrictions of users and rooms. They are in force on every process within a second; a ban disconnects at once."""

from __future__ import annotations

import datetime
import logging
from typing import Any

from bson import ObjectId
from django.utils import timezone

from conversations.configuration import ChatSettings
from conversations.errors import Code as ChatCode
from conversations.errors import RuleViolation
from conversations.storage.room_loader import load_room
from moderation.announcements import announce_restriction
from moderation.errors import Code
from moderation.models import Act, Restriction, RestrictionKind
from moderation.rules.cache import rules_changed
from moderation.services.audit import Target, recorded
from moderation.services.requirements import require_future, require_reason, require_stored
from moderation.services.weighing import weigh_user
from moderation.staff import Staff
from persistence.mongodb import durable, in_store_thread
from persistence.timestamps import to_wire
from socketio_bridge import disconnect_sockets

logger = logging.getLogger(__name__)

LONGEST_INTERVAL = 86_400
"""Seconds of slow mode: a day."""

MOST_READ = 100
"""Restrictions of a user that are looked at, the latest."""
ALIKE = datetime.timedelta(minutes=10)
"""Ends that are no further apart are the same: an act on many computes one every few users."""

_ACTS = {
    RestrictionKind.MUTE: Act.USER_MUTED,
    RestrictionKind.BAN: Act.USER_BANNED,
    RestrictionKind.SLOW_MODE: Act.ROOM_SLOWED,
}


async def mute(
    staff: Staff, user_id: str, reason: str, *, until: datetime.datetime | None = None, told: str = ""
) -> Restriction:
    """Mute a user from now on: the user reads, but does not write.

    Args:
        staff: Who mutes.
        user_id: The user. Users are not looked up: any id can be muted.
        reason: Why, for colleagues and the audit.
        until: When it ends by itself; None: only when it is lifted.
        told: The reason as the user is told it, where the settings say that users are told.

    Returns:
        The stored restriction.

    Raises:
        RuleViolation: `validation_failed`: there is no user id or no reason, or `until` has passed.
    """
    return await _restrict(staff, RestrictionKind.MUTE, reason, until, user_id=_user(user_id), told=told)


async def ban(
    staff: Staff, user_id: str, reason: str, *, until: datetime.datetime | None = None, told: str = ""
) -> Restriction:
    """Ban a user from now on: all devices are disconnected, and can neither connect nor call the REST API.

    Where the channel layer is away, each process disconnects the user when it reads the rules the next time.

    Args:
        staff: Who bans.
        user_id: The user. Users are not looked up: any id can be banned.
        reason: Why, for colleagues and the audit.
        until: When it ends by itself; None: only when it is lifted.
        told: The reason as the user is told it, where the settings say that users are told.

    Returns:
        The stored restriction.

    Raises:
        RuleViolation: `validation_failed`: there is no user id or no reason, or `until` has passed.
    """
    banned = await _restrict(staff, RestrictionKind.BAN, reason, until, user_id=_user(user_id), told=told)
    try:
        await disconnect_sockets(to=user_id, namespace=ChatSettings.current().MESSENGER_NAMESPACE)
    except Exception:  # the channel layer is away: each process does it when it reads the rules
        logger.warning("user %s is banned, but could not be disconnected everywhere yet", user_id, exc_info=True)
    return banned


async def is_restricted(user_id: str, kind: RestrictionKind, until: datetime.datetime | None) -> bool:
    """Whether a mute or a ban is in force that lasts until then, or ALIKE less.

    Args:
        user_id: The user.
        kind: MUTE or BAN.
        until: Until when; None: until it is lifted.
    """
    return await in_store_thread(_is_restricted, user_id, kind, until)


async def slow_down(
    staff: Staff, room_id: str, interval: int, reason: str, *, until: datetime.datetime | None = None
) -> Restriction:
    """Put a room into slow mode from now on.

    Args:
        staff: Who does it.
        room_id: The room.
        interval: Seconds between two messages of one side, from 1 to LONGEST_INTERVAL.
        reason: Why, for colleagues and the audit.
        until: When it ends by itself; None: only when it is lifted.

    Returns:
        The stored restriction.

    Raises:
        RuleViolation: `validation_failed`: there is no reason, `until` has passed, or `interval` is out of its range.
            `room_not_found`.
    """
    if not 1 <= interval <= LONGEST_INTERVAL:
        raise RuleViolation(
            ChatCode.VALIDATION_FAILED, f"the interval is {interval} s: it must be from 1 to {LONGEST_INTERVAL}, a day"
        )
    room = await load_room(room_id)
    return await _restrict(staff, RestrictionKind.SLOW_MODE, reason, until, room_id=room.room_id, interval=interval)


async def lift(staff: Staff, restriction_id: str, reason: str) -> Restriction:
    """End a restriction now.

    Args:
        staff: Who lifts it.
        restriction_id: The restriction's key.
        reason: Why, for colleagues and the audit.

    Returns:
        The restriction as stored now.

    Raises:
        RuleViolation: `validation_failed`: there is no reason. `restriction_not_found`. `restriction_over`: it was
            lifted, or has ended.
    """
    lifted = await in_store_thread(_lift, staff, restriction_id, require_reason(reason))
    await rules_changed()
    await announce_restriction(lifted)
    return lifted


async def _restrict(
    staff: Staff, kind: RestrictionKind, reason: str, until: datetime.datetime | None, **subject: Any
) -> Restriction:
    now = timezone.now()
    if until is not None:
        require_future(until, now)
    restriction = Restriction(
        kind=kind,
        reason=require_reason(reason),
        starts_at=now,
        ends_at=until,
        created_at=now,
        created_by=staff.name,
        **subject,
    )
    await in_store_thread(_store, staff, restriction)
    await rules_changed()
    await announce_restriction(restriction)
    return restriction


def _store(staff: Staff, restriction: Restriction) -> None:
    restriction.pk = ObjectId()
    recorded(
        staff,
        _ACTS[RestrictionKind(restriction.kind)],
        _target(restriction),
        lambda: restriction.save(force_insert=True),
        after=_described(restriction),
        reason=restriction.reason,
    )
    weigh_user(restriction.user_id)


def _is_restricted(user_id: str, kind: RestrictionKind, until: datetime.datetime | None) -> bool:
    now = timezone.now()
    latest = Restriction.objects.filter(user_id=user_id).order_by("-created_at")[:MOST_READ]
    ends = [each.ends_at for each in latest if each.kind == kind and each.is_active(now)]
    return any(end is None or (until is not None and end >= until - ALIKE) for end in ends)


def _lift(staff: Staff, restriction_id: str, reason: str) -> Restriction:
    restriction = require_stored(Restriction, restriction_id, Code.RESTRICTION_NOT_FOUND, "restriction")
    now = timezone.now()
    over = RuleViolation(Code.RESTRICTION_OVER, f"restriction {restriction_id} is over already")
    if not restriction.is_active(now):
        raise over

    def lift() -> None:
        lifted = durable(Restriction).update_one(
            {"_id": restriction.pk, "lifted_at": None, "ends_at": {"$not": {"$lte": now}}},
            {"$set": {"lifted_at": now, "lifted_by": staff.name}},
        )
        if not lifted.modified_count:
            raise over

    recorded(staff, Act.RESTRICTION_LIFTED, _target(restriction), lift, before=_described(restriction), reason=reason)
    return Restriction.objects.get(pk=restriction.pk)


def _described(restriction: Restriction) -> dict[str, Any]:
    return {
        "kind": str(restriction.kind),
        "ends_at": None if restriction.ends_at is None else to_wire(restriction.ends_at),
        "interval": restriction.interval,
    }


def _target(restriction: Restriction) -> Target:
    return Target("restriction", str(restriction.pk), restriction.room_id, restriction.user_id)


def _user(user_id: str) -> str:
    if not user_id.strip():
        raise RuleViolation(ChatCode.VALIDATION_FAILED, "the user's id is empty")
    return user_id
