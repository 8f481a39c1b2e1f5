"""Filters and tags of moderation's templates."""

from __future__ import annotations

import datetime
from typing import Any

from django import template
from django.utils.timesince import timesince

from conversations.models import EmbeddedMessage, Room
from moderation.admin.changelists.search_pages import PLACE
from moderation.admin.links import person_url, room_url
from moderation.models import Restriction

register = template.Library()


@register.filter
def holds(restriction: Restriction, now: datetime.datetime) -> bool:
    """Whether a restriction is in force."""
    return restriction.is_active(now)


@register.filter
def person_page(user_id: str) -> str:
    """The page of a user of the chat."""
    return person_url(user_id)


@register.filter
def room_page(room_id: str, message_id: str = "") -> str:
    """The page of a room, at a message of it."""
    return room_url(room_id, message_id)


@register.filter
def age(instant: datetime.datetime) -> str:
    """How long ago an instant was, in one unit."""
    return timesince(instant, depth=1)


@register.filter
def last_message(room: Room) -> EmbeddedMessage | None:
    """The latest last message of the two sides: one of them may have deleted its view of the room."""
    last: list[EmbeddedMessage] = [each for each in (room.buyer_last_message, room.seller_last_message) if each]
    return max(last, key=lambda message: (message.created_at is not None, message.created_at), default=None)


@register.simple_tag(takes_context=True)
def only_room(context: Any, room_id: str) -> str:
    """The query of the same search in one room."""
    query = context["request"].GET.copy()
    query["room"] = room_id
    query.pop(PLACE, None)
    return f"?{query.urlencode()}"
