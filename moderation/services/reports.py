"""Filing reports: users report what is in their rooms, filters what they find. Staff review them (`review`)."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import NamedTuple, Protocol

from bson import ObjectId
from django.db import IntegrityError
from django.utils import timezone

from conversations.errors import Code as ChatCode
from conversations.errors import Missing, RuleViolation, TooSoon
from conversations.models import Message, Room
from conversations.signals import limit_reached
from moderation.announcements import announce_queue
from moderation.errors import Code
from moderation.models import Report, TargetKind
from moderation.models.reports import UNFINISHED
from moderation.payloads import NewReport, QueueChange
from moderation.services.evidence import keep_evidence
from moderation.services.weighing import past_of, weigh_target
from moderation.signals import report_filed
from persistence.mongodb import atomically, in_store_thread

MOST_UNFINISHED = 50
"""Reports of one user that staff have not finished with."""
_RETRY_AFTER = 3600  # seconds


class Reporter(Protocol):
    """An authenticated user."""

    @property
    def user_id(self) -> str:
        """The user's id."""


class About(NamedTuple):
    """The room and the user that a report is about."""

    room_id: str
    user_id: str


async def report(reporter: Reporter, new: NewReport) -> Report:
    """File a user's report. Who has an unfinished report on the same target gets that one.

    Args:
        reporter: Who reports: an authenticated user.
        new: The report, as the client sent it.

    Returns:
        The stored report.

    Raises:
        RuleViolation: `target_not_found`: there is no such target in the reporter's rooms. `validation_failed`: the
            target is the reporter, or what the reporter wrote.
        TooSoon: `rate_limited`: MOST_UNFINISHED reports of this user are unfinished.
    """
    filed, is_new = await in_store_thread(_report, reporter.user_id, new)
    if is_new:
        await announce_queue(QueueChange(queue="reports", change="new", ids=[str(filed.pk)]))
    return filed


def file_report(
    reporter: str, kind: TargetKind, target_id: str, about: About, reason: str, text: str
) -> tuple[Report, bool]:
    """Store a report with its evidence, or find the reporter's unfinished one. Runs in a thread of the store.

    Who calls it announces a new one (`announce_queue`).

    Args:
        reporter: The id of a user, or the name of a filter.
        kind: What is reported.
        target_id: The id of what is reported.
        about: The room and the user that it is about.
        reason: A `ReportReason`.
        text: What the reporter adds.

    Returns:
        The stored report, and whether it is new.

    Raises:
        TooSoon: `rate_limited`: MOST_UNFINISHED reports of this user are unfinished. Filters have no such limit.
    """
    key = open_key_of(reporter, kind, target_id)
    if (known := Report.objects.filter(open_key=key).first()) is not None:
        return known, False
    unfinished = Report.objects.filter(reporter=reporter, state__in=UNFINISHED)[:MOST_UNFINISHED]
    if len(unfinished) == MOST_UNFINISHED and reason != "filter":
        limit_reached.send(sender=None, limit="unfinished_reports")
        raise TooSoon(
            ChatCode.RATE_LIMITED,
            f"{MOST_UNFINISHED} reports of user {reporter!r} wait already: try again when some are done",
            retry_after=_RETRY_AFTER,
        )
    new = Report(
        pk=ObjectId(),
        target_kind=kind,
        target_id=target_id,
        room_id=about.room_id,
        user_id=about.user_id,
        reporter=reporter,
        reason=reason,
        text=text,
        created_at=timezone.now(),
        open_key=key,
    )
    new.weigh(1, past_of(about.user_id))
    try:
        atomically(partial(_store, new))
    except IntegrityError:  # sent twice at once
        return Report.objects.get(open_key=key), False
    weigh_target(new)
    report_filed.send(sender=None, reason=reason)
    return new, True


def _report(reporter: str, new: NewReport) -> tuple[Report, bool]:
    about = _find_target(reporter, new)
    if about is None:
        raise Missing(
            Code.TARGET_NOT_FOUND,
            f"there is no {new.target_type} {new.target_id[:100]!r} in any room of user {reporter!r}",
        )
    if about.user_id == reporter:
        raise RuleViolation(
            ChatCode.VALIDATION_FAILED, f"`target_id` is {new.target_id[:100]!r}: nobody reports what is their own"
        )
    return file_report(reporter, TargetKind(new.target_type), new.target_id, about, new.reason, new.text)


def _store(new: Report) -> None:
    keep_evidence(new, new.created_at)
    new.save(force_insert=True)


def _find_target(reporter: str, new: NewReport) -> About | None:
    match new.target_type:
        case "message":
            message = Message.objects.filter(pk=new.target_id).first()
            room = None if message is None else _room_of(reporter, message.room_id)
            return None if message is None or room is None else About(room.room_id, message.sender)
        case "room":
            room = _room_of(reporter, new.target_id)
            return None if room is None else About(room.room_id, room.seller if reporter == room.buyer else room.buyer)
        case "user":
            for room_id in (f"{reporter}.{new.target_id}", f"{new.target_id}.{reporter}"):
                if _room_of(reporter, room_id) is not None:
                    return About(room_id, new.target_id)
            return None


def _room_of(user_id: str, room_id: str) -> Room | None:
    room = Room.objects.filter(pk=room_id).first()
    return None if room is None or room.side_of(user_id) is None else room


def open_key_of(reporter: str, kind: TargetKind, target_id: str) -> str:
    """The `open_key` of a reporter's unfinished report on a target."""
    return hashlib.blake2b("\n".join((reporter, kind, target_id)).encode(), digest_size=16).hexdigest()
