"""What is done about a message that a filter hit: noted, and a report opened, or the message held."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import IntegrityError
from django.utils import timezone

from conversations.images.files import image_in
from conversations.requests import Draft
from moderation.matching import Found
from moderation.models import FilterAction, FilterHit, HeldMessage, HeldState, ReportReason, TargetKind
from moderation.services.reporting import About, file_report

_LONGEST_TEXT = 1000


def note_refused(draft: Draft, found: Iterable[Found]) -> None:
    """Note that a message was refused, with what it said; for the store's threads, as the others."""
    _note(draft, found, text=draft.content[:_LONGEST_TEXT])


def note_flagged(draft: Draft, found: Iterable[Found], message_id: str, *, is_new: bool) -> None:
    """Note what was found in a message that was sent or edited, and have staff look at it.

    No `message_id`: it was found in what the room shows of its buyer. Of a repeat of a new message nothing is noted;
    anything else is none: staff may have looked at what it said before.
    """
    known: set[str] = set()
    if is_new:
        known.update(FilterHit.objects.filter(message_id=message_id).values_list("filter_name", flat=True))
    new = [each for each in found if each.filter_name not in known]
    _note(draft, new, message_id=message_id)
    for each in new:
        about = About(draft.room_id, draft.sender)
        text = f"{each.filter_name}: {each.what}"
        kind, target_id = (TargetKind.MESSAGE, message_id) if message_id else (TargetKind.ROOM, draft.room_id)
        file_report(each.filter_name, kind, target_id, about, ReportReason.FILTER, text)


def hold(draft: Draft, found: list[Found], deciding: Found) -> HeldMessage:
    """Keep a message until staff decide; of a repeat, the one that is kept, whatever was decided."""
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
        return HeldMessage.objects.get(dedup_key=key)
    _note(draft, found)
    return held


def _note(draft: Draft, found: Iterable[Found], *, message_id: str = "", text: str = "") -> None:
    now = timezone.now()
    hits = [
        FilterHit(
            filter_name=each.filter_name,
            action=FilterAction(each.action),
            at=now,
            room_id=draft.room_id,
            user_id=draft.sender,
            message_id=message_id,
            text=text,
        )
        for each in found
    ]
    if hits:
        FilterHit.objects.bulk_create(hits)
