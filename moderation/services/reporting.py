"""Users report: what something must be to be reported, and that it is reported once."""

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
from moderation.errors import Code
from moderation.models import Report, TargetKind
from moderation.models.reports import UNFINISHED
from moderation.payloads import NewReport
from moderation.services.evidence import keep_evidence
from persistence.mongodb import atomically, in_store_thread

MOST_UNFINISHED = 50
"""Reports of one user that staff have not finished with."""
_TIME_FOR_STAFF = 3600  # seconds


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
    """Put a report into the queue of staff; if the user has reported the same already, that one, unless it is closed.

    RuleViolation: `target_not_found` (also what is not the user's to see), `validation_failed` (oneself, or what one
    wrote oneself), `rate_limited`.
    """
    return await in_store_thread(_report, reporter.user_id, new)


def _report(reporter: str, new: NewReport) -> Report:
    about = _find(reporter, new)
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


def file_report(reporter: str, kind: TargetKind, target_id: str, about: About, reason: str, text: str) -> Report:
    """Store a report, or find the unfinished one of this reporter about this; for the store's threads."""
    key = _open_key(reporter, kind, target_id)
    if (known := Report.objects.filter(open_key=key).first()) is not None:
        return known
    unfinished = Report.objects.filter(reporter=reporter, state__in=UNFINISHED)[:MOST_UNFINISHED]
    if len(unfinished) == MOST_UNFINISHED and reason != "filter":
        raise TooSoon(
            ChatCode.RATE_LIMITED,
            f"{MOST_UNFINISHED} reports of user {reporter!r} wait already: try again when some are done",
            retry_after=_TIME_FOR_STAFF,
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
    try:
        atomically(partial(_store, new))
        return new
    except IntegrityError:  # sent twice at once
        return Report.objects.get(open_key=key)


def _store(new: Report) -> None:
    keep_evidence(new, new.created_at)
    new.save(force_insert=True)


def _find(reporter: str, new: NewReport) -> About | None:
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


def _open_key(reporter: str, kind: TargetKind, target_id: str) -> str:
    return hashlib.blake2b("\n".join((reporter, kind, target_id)).encode(), digest_size=16).hexdigest()
