"""Filters: saving and deleting them, trying a text, and storing what a filter found in a message.

A saved filter is valid, is in force on every process within a second, and has an audit record.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bson import ObjectId
from django.db import IntegrityError
from django.utils import timezone

from conversations.images.files import image_in
from conversations.models import MessageType
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
    TargetKind,
)
from moderation.rules.cache import rules_cache, rules_changed
from moderation.services.audit import Target, recorded
from moderation.services.reports import About, file_report
from moderation.staff import Staff
from persistence.mongodb import in_store_thread

_AUDITED = ("name", "kind", "patterns", "also_without_marks", "rooms", "seconds", "action", "is_active")
_LONGEST_TEXT = 1000


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
    """Store the hits in a stored text, and file a report for each. Runs in a thread of the store.

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
