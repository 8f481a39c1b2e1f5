"""Addresses of admin pages, links to them, and the objects that addresses name."""

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
SHOWN = 100
"""Characters of a text in a row of a list."""


def person_url(user_id: str) -> str:
    """The page of a user of the chat. Without an id, which an old document may lack, the page that asks for one."""
    return (
        reverse("admin:moderation_person", args=[quote(user_id)])
        if user_id
        else reverse("admin:moderation_person_changelist")
    )


def room_url(room_id: str, message_id: str = "") -> str:
    """The page of a room, scrolled to a message if one is given; without an id, the list of rooms."""
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


def lift_link(view: str, key: object, back: str) -> SafeString:
    """A link to the page that lifts a restriction or a hold, and then leads to `back`."""
    return format_html('<a href="{}?{}">Lift…</a>', reverse(view, args=[key]), urlencode({"next": back}))


def found_or_404(model: type[AnyModel], key: str) -> AnyModel:
    """Find an object by its key.

    Raises:
        Http404: There is none, or the text is no key.
    """
    found = model._default_manager.filter(pk=key).first() if ObjectId.is_valid(key) else None
    if found is None:
        raise Http404(f"there is no {model._meta.verbose_name} {key!r}")
    return found
