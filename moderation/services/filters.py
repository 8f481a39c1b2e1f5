"""Managing filters: saved ones are safe to match with, live on every process within a second, and audited."""

from __future__ import annotations

from typing import Any

from bson import ObjectId
from django.utils import timezone

from conversations.models import MessageType
from moderation.matching import Found, Matcher
from moderation.models import Act, MessageFilter
from moderation.rules.live_rules import live_rules, rules_changed
from moderation.services.audit import Target, recorded
from moderation.staff_site.staff import Staff
from persistence.mongodb import in_store_thread

_AUDITED = ("name", "kind", "patterns", "also_without_marks", "rooms", "seconds", "action", "is_active")


async def save_filter(staff: Staff, message_filter: MessageFilter, reason: str = "") -> MessageFilter:
    """Store a new or changed filter. ValidationError (Django's): what is wrong with it."""
    await in_store_thread(_save, staff, message_filter, reason)
    await rules_changed()
    return message_filter


async def delete_filter(staff: Staff, message_filter: MessageFilter, reason: str = "") -> None:
    """Do away with a filter; what it found is kept."""
    await in_store_thread(_delete, staff, message_filter, reason)
    await rules_changed()


async def try_text(text: str, message_filter: MessageFilter | None = None) -> list[Found]:
    """What the active filters, or this one (saved or not), find in a text; floods apart, which no text is by itself.

    ValidationError: that filter cannot be matched with.
    """
    if message_filter is not None:
        message_filter.clean()
        return Matcher([message_filter]).find(text, MessageType.TEXT)
    live = live_rules()
    await live.refresh(just_now=True)
    return live.rules.matcher.find(text, MessageType.TEXT)


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
