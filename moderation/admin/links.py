"""Where things are in the admin: addresses, links to them, and what an address names."""

from __future__ import annotations

from typing import TypeVar

from bson import ObjectId
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import Http404
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from moderation.models import Report

AnyModel = TypeVar("AnyModel", bound=Model)


def person_url(user_id: str) -> str:
    """The page of a user of the chat; of none, which an old document may name, the one that asks for a user."""
    return reverse("admin:moderation_person", args=[quote(user_id)]) if user_id else reverse("admin:moderation_people")


def room_url(room_id: str, message_id: str = "") -> str:
    """The page of a room, at a message of it; of none the list."""
    if not room_id:
        return reverse("admin:conversations_room_changelist")
    url = reverse("admin:conversations_room_change", args=[quote(room_id)])
    return f"{url}?{urlencode({'message': message_id})}" if message_id else url


def report_url(report: Report) -> str:
    """The page of a report."""
    return reverse("admin:moderation_report_change", args=[quote(str(report.pk))])


def person_link(user_id: str) -> SafeString | str:
    """A user's id, linked to their page; a dash for none."""
    return format_html('<a href="{}">{}</a>', person_url(user_id), user_id) if user_id else "–"


def room_link(room_id: str, message_id: str = "") -> SafeString | str:
    """A room's id, linked to its page; a dash for none."""
    return format_html('<a href="{}">{}</a>', room_url(room_id, message_id), room_id) if room_id else "–"


def found_or_404(model: type[AnyModel], key: str) -> AnyModel:
    """The one of this key. Http404: there is none, or it is no key."""
    found = model._default_manager.filter(pk=key).first() if ObjectId.is_valid(key) else None
    if found is None:
        raise Http404(f"there is no {model._meta.verbose_name} {key!r}")
    return found
