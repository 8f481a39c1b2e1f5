"""What a user wrote in the last hours, in all rooms, to be redacted together."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any, Final

from asgiref.sync import async_to_sync
from django.contrib.admin import site
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from conversations.models import Message
from moderation.admin.links import person_url
from moderation.admin.worklists.acts import redact_messages
from moderation.admin.worklists.contents import Names, content_of, messages_by_id
from moderation.admin.worklists.many import MOST, many_page
from moderation.services.redaction import recent_messages
from moderation.staff import may
from persistence.mongodb import in_store_thread

SHOWN: Final = 100
HOURS: Final = {
    "1": gettext_lazy("the last hour"),
    "24": gettext_lazy("the last 24 hours"),
    "168": gettext_lazy("the last 7 days"),
    "336": gettext_lazy("the last 14 days"),
}
_ALL = "moderation.redact_messages_of_user"
"""What it takes to redact all of them with one press."""
_READ = ("conversations.view_room", "conversations.view_message")


def _these(keys: Sequence[str]) -> Sequence[str]:
    return keys


REDACT: Final = redact_messages(_these)


def messages_page(request: HttpRequest, user_id: str) -> HttpResponse:
    """List what a user wrote in the last `?hours=`, the latest first, that is not redacted."""
    user_id = unquote(user_id)
    found = _recent(request, user_id)
    rows: list[Any] = found[:SHOWN]
    names = Names(message.room_id for message in rows)
    for message in rows:
        message.shown = content_of(message)
        message.other = names.of(message.room_id, message.recipient) or message.recipient
    query = request.GET.urlencode()
    context = {
        **site.each_context(request),
        "title": _("Messages of the user %(user)s") % {"user": user_id},
        "user_id": user_id,
        "back": person_url(user_id),
        "rows": rows,
        "count": len(found),
        "is_part": len(found) > SHOWN,
        "hours": _hours(request),
        "choices": HOURS,
        "act": REDACT if REDACT.allowed(request) else None,
        "act_url": f"{reverse('admin:moderation_person_redact_many', args=[quote(user_id)])}?{query}",
        "may_all": may(request, _ALL),
    }
    return TemplateResponse(request, "admin/moderation/person/messages.html", context)


@require_POST
def redact_many(request: HttpRequest, user_id: str) -> HttpResponse:
    """Redact the chosen ones, or all of the last hours."""
    user_id = unquote(user_id)
    _require_reader(request)  # the page that asks shows what they say
    if request.POST.get("all") and not may(request, _ALL):
        raise PermissionDenied
    back = f"{reverse('admin:moderation_person_messages', args=[quote(user_id)])}?{request.GET.urlencode()}"
    return many_page(request, REDACT, lambda: [message.pk for message in _recent(request, user_id)], back)


def _recent(request: HttpRequest, user_id: str) -> list[Message]:
    _require_reader(request)
    since = timezone.now() - datetime.timedelta(hours=int(_hours(request)))
    ids = async_to_sync(in_store_thread)(recent_messages, user_id, since)
    found = list(messages_by_id(ids[: MOST + 1]).values())
    return sorted(found, key=lambda message: (message.created_at, message.pk), reverse=True)


def _require_reader(request: HttpRequest) -> None:
    if not all(may(request, permission) for permission in _READ):
        raise PermissionDenied


def _hours(request: HttpRequest) -> str:
    wanted = request.GET.get("hours", "24")
    return wanted if wanted in HOURS else "24"
