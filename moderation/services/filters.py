"""Filters: saving and deleting them, trying a text, and storing what a filter found in a message.

A saved filter is valid, is in force on every process within a second, and has an audit record.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from bson import ObjectId
from django.db import IntegrityError
from django.utils import timezone

from conversations.images.files import image_in
from conversations.models import Message, MessageType, Room
from conversations.requests import Draft
from moderation.matching.filters import Found, Matcher
from moderation.models import (
    Act,
    FilterAction,
    FilterHit,
    HeldMessage,
    HeldState,
    MessageFilter,
    Report,
    ReportReason,
    ReportState,
    TargetKind,
)
from moderation.rules.cache import rules_cache, rules_changed
from moderation.services.audit import Target, recorded
from moderation.services.queues import count
from moderation.services.reports import About, file_report
from moderation.staff import Staff
from persistence.fields import text_in
from persistence.mongodb import durable, in_store_thread

_AUDITED = ("name", "kind", "patterns", "also_without_marks", "rooms", "seconds", "action", "is_active")
_LONGEST_TEXT = 1000
RECORD_DAYS: Final = 7
TRIED_ROOMS: Final = 50
TRIED_OF_ROOM: Final = 20
TRIED_SHOWN: Final = 20


class FilterRecord(NamedTuple):
    """What a filter did in RECORD_DAYS; each count ends at `queues.MOST`.

    Attributes:
        hits: Texts that it found something in.
        released: Held messages that staff sent after all.
        dropped: Held messages that staff never sent.
        upheld: Reports of it that staff resolved.
        dismissed: Reports of it about which nothing was to be done.
    """

    hits: int
    released: int
    dropped: int
    upheld: int
    dismissed: int

    @property
    def precision(self) -> int | None:
        """How many percent of what staff decided about was right to be caught; None: they decided about nothing."""
        right, wrong = self.dropped + self.upheld, self.released + self.dismissed
        return round(100 * right / (right + wrong)) if right + wrong else None


class Tried(NamedTuple):
    """What a filter finds in messages that were sent.

    Attributes:
        messages: How many were looked at.
        hits: In how many it found something.
        found: Of the first of these the message's id, its content, and what was found in it.
    """

    messages: int
    hits: int
    found: list[tuple[str, str, str]]


async def save_filter(staff: Staff, message_filter: MessageFilter, reason: str = "") -> MessageFilter:
    """Store a new or changed filter.

    Args:
        staff: Who saves it.
        message_filter: The filter, with a primary key if it changes a stored one.
        reason: Why, for the audit.

    Returns:
        The filter, as stored.

    Raises:
        ValidationError: Django's, by field: a pattern is invalid, matches everything, or costs too much; or the name is
            taken.
    """
    await in_store_thread(_save, staff, message_filter, reason)
    await rules_changed()
    return message_filter


async def delete_filter(staff: Staff, message_filter: MessageFilter, reason: str = "") -> None:
    """Delete a filter. Its hits stay.

    Args:
        staff: Who deletes it.
        message_filter: The stored filter.
        reason: Why, for the audit.
    """
    await in_store_thread(_delete, staff, message_filter, reason)
    await rules_changed()


async def try_text(text: str, message_filter: MessageFilter | None = None) -> list[Found]:
    """Match a text with filters; nothing is stored.

    Args:
        text: What a message could say.
        message_filter: The filter to try, stored or not; None: all active ones.

    Returns:
        What each filter found first. A flood filter never finds anything in one text.

    Raises:
        ValidationError: Django's, by field: the filter to try is invalid.
    """
    if message_filter is not None:
        message_filter.clean()
        return Matcher([message_filter]).find(text, MessageType.TEXT)
    live = rules_cache()
    await live.refresh(just_now=True)
    return live.rules.matcher.find(text, MessageType.TEXT)


def note_refused(draft: Draft, found: Iterable[Found]) -> None:
    """Store the hits of a message that is refused, with the beginning of its text. Runs in a thread of the store."""
    _note(draft, found, text=draft.content[:_LONGEST_TEXT])


def note_flagged(draft: Draft, found: Iterable[Found], message_id: str, *, is_new: bool) -> list[Report]:
    """Store the hits in a stored text, and file a report for each that flags it. Runs in a thread of the store.

    Args:
        draft: What was sent, with its room and sender.
        found: What the filters found in it.
        message_id: The stored message; empty: the text is the room's details of its buyer.
        is_new: Whether it is a new message. Of a message sent twice, hits that are stored already are not stored again.
            An edit is always new: staff may have seen the text before it.

    Returns:
        The reports that are new.
    """
    known: set[str] = set()
    if is_new:
        known.update(FilterHit.objects.filter(message_id=message_id).values_list("filter_name", flat=True))
    new = [each for each in found if each.filter_name not in known]
    _note(draft, new, message_id=message_id)
    reports: list[Report] = []
    for each in new:
        if each.action == FilterAction.NOTE:
            continue
        about = About(draft.room_id, draft.sender)
        text = f"{each.filter_name}: {each.what}"
        kind, target_id = (TargetKind.MESSAGE, message_id) if message_id else (TargetKind.ROOM, draft.room_id)
        report, is_filed = file_report(each.filter_name, kind, target_id, about, ReportReason.FILTER, text)
        reports += [report] if is_filed else []
    return reports


def hold(draft: Draft, found: list[Found], deciding: Found) -> tuple[HeldMessage, bool]:
    """Store a message as held, until staff decide. Runs in a thread of the store.

    Args:
        draft: The message.
        found: What the filters found in it.
        deciding: Which of them holds it.

    Returns:
        The held message, and whether it is new. Of a message sent twice it is the first one, whatever staff have
        decided about it.
    """
    key = draft.dedup_key()
    try:
        held = HeldMessage.objects.create(
            room_id=draft.room_id,
            sender=draft.sender,
            recipient=draft.recipient,
            type=draft.type,
            content=draft.content,
            image=image_in(draft.type, draft.content),
            client_message_id=draft.client_message_id,
            dedup_key=key,
            filter_name=deciding.filter_name,
            held_at=timezone.now(),
            state=HeldState.HELD,
        )
    except IntegrityError:
        return HeldMessage.objects.get(dedup_key=key), False
    _note(draft, found, held_id=str(held.pk))
    return held, True


async def find_recent(message_filter: MessageFilter) -> Tried:
    """Match a filter, stored or not, with messages of the rooms of the latest activity. Nothing is stored.

    Args:
        message_filter: The filter. A flood filter never finds anything in one message.

    Raises:
        ValidationError: Django's, by field: the filter is invalid.
    """
    message_filter.clean()
    return await in_store_thread(_find_recent, Matcher([message_filter]))


def record_of(filter_name: str) -> FilterRecord:
    """Count what a filter did in RECORD_DAYS, and what staff made of it. Runs in a thread of the store."""
    since = timezone.now() - datetime.timedelta(days=RECORD_DAYS)

    def held(state: HeldState) -> int:
        return count(HeldMessage, {"state": state, "filter_name": filter_name, "held_at": {"$gte": since}})

    def reports(state: ReportState) -> int:
        return count(Report, {"reporter": filter_name, "state": state, "created_at": {"$gte": since}})

    return FilterRecord(
        hits=count(FilterHit, {"filter_name": filter_name, "at": {"$gte": since}}),
        released=held(HeldState.RELEASED),
        dropped=held(HeldState.DROPPED),
        upheld=reports(ReportState.RESOLVED),
        dismissed=reports(ReportState.DISMISSED),
    )


def _find_recent(matcher: Matcher) -> Tried:
    """A few messages of each of the latest rooms: no index has all messages by their time."""
    rooms = [room["_id"] for room in durable(Room).find({}, ["_id"], sort=[("updated_at", -1)], limit=TRIED_ROOMS)]
    tried, found = 0, list[tuple[str, str, str]]()
    for room_id in rooms:
        latest = {"room_id": room_id, "created_at": {"$gte": timezone.now() - datetime.timedelta(days=RECORD_DAYS)}}
        fields, order = ["content", "type", "redacted_at"], [("created_at", -1), ("_id", -1)]
        for message in durable(Message).find(latest, fields, sort=order, limit=TRIED_OF_ROOM):
            content = text_in(message, "content")
            if message.get("redacted_at") is not None or not content:
                continue
            tried += 1
            hits = matcher.find(content, text_in(message, "type") or MessageType.TEXT)
            found += [(str(message["_id"]), content, hit.what) for hit in hits]
    return Tried(tried, len(found), found[:TRIED_SHOWN])


def _save(staff: Staff, message_filter: MessageFilter, reason: str) -> None:
    message_filter.full_clean()
    before = MessageFilter.objects.filter(pk=message_filter.pk).first() if message_filter.pk else None
    message_filter.updated_at, message_filter.updated_by = timezone.now(), staff.name
    if before is None:
        message_filter.pk = ObjectId()
    recorded(
        staff,
        Act.FILTER_CREATED if before is None else Act.FILTER_CHANGED,
        _target(message_filter),
        lambda: message_filter.save(force_insert=before is None, force_update=before is not None),
        before={} if before is None else _described(before),
        after=_described(message_filter),
        reason=reason,
    )


def _delete(staff: Staff, message_filter: MessageFilter, reason: str) -> None:
    target, before = _target(message_filter), _described(message_filter)
    recorded(staff, Act.FILTER_DELETED, target, message_filter.delete, before=before, reason=reason)


def _described(message_filter: MessageFilter) -> dict[str, Any]:
    return {field: getattr(message_filter, field) for field in _AUDITED}


def _target(message_filter: MessageFilter) -> Target:
    return Target("filter", str(message_filter.pk))


def _note(draft: Draft, found: Iterable[Found], *, message_id: str = "", held_id: str = "", text: str = "") -> None:
    now = timezone.now()
    hits = [
        FilterHit(
            filter_name=each.filter_name,
            action=FilterAction(each.action),
            at=now,
            room_id=draft.room_id,
            user_id=draft.sender,
            message_id=message_id,
            held_id=held_id,
            text=text,
        )
        for each in found
    ]
    if hits:
        FilterHit.objects.bulk_create(hits)
