"""The page of a room: a conversation to read and to act in, which goes on while one looks at it.

What is shown is made here, by one template for each part, whether it comes with the page, on demand, or because
something happened: the page's script puts it where it belongs.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.admin import site
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET

from conversations.models import Room
from moderation.admin.pages.links import room_url
from moderation.admin.restrictions.restricting import FOR_GOOD, HOURS
from moderation.admin.rooms import transcript
from moderation.admin.rooms.acts import do_act
from moderation.admin.rooms.state import state_of
from moderation.admin.rooms.transcript import Transcript
from moderation.admin.rooms.windows import Place
from moderation.permissions import may
from moderation.staff_site.namespace import PERMISSIONS
from persistence.timestamps import from_wire


def page_urls() -> list[URLPattern]:
    """What the page's script asks for, and where its forms go."""
    wrap = site.admin_view
    return [
        path("<path:room_id>/lines/", wrap(room_lines), name="conversations_room_lines"),
        path("<path:room_id>/state/", wrap(room_state), name="conversations_room_state"),
        path("<path:room_id>/acts/<str:act_name>/", wrap(do_act), name="conversations_room_act"),
    ]


def room_page(request: HttpRequest, room_id: str) -> HttpResponse:
    """The whole page; `?message=`: at that message; `?before=`: what was said before a place, for want of scripts."""
    room = _room(request, room_id)
    target = transcript.message_of(room, request.GET.get("message", ""))
    place = Place.read(request.GET.get("before", ""))
    shown = transcript.around(room, target) if target is not None else transcript.latest(room, before=place)
    context = {
        **site.each_context(request),
        **_lines_context(room, shown),
        **_state_context(request, room),
        "title": "Room",
        "subtitle": room.pk,
        "opts": Room._meta,
        "target": target,
        "is_part": target is None and place is not None,
        "urls": {
            name: reverse(f"admin:conversations_room_{name}", args=[quote(room.pk)]) for name in ("lines", "state")
        },
        "socket_path": settings.SOCKET_PATH,
        "staff_namespace": settings.STAFF_NAMESPACE,
    }
    return TemplateResponse(request, "admin/moderation/room/page.html", context)


@require_GET
def room_lines(request: HttpRequest, room_id: str) -> HttpResponse:
    """Lines of the conversation: {`html`, `earlier`}.

    `?before=PLACE` those before a place; `?since=TIME` those said since, and shortly before; `?only=ID` one; else the
    latest.
    """
    room = _room(request, room_id)
    if "since" in request.GET:
        try:
            shown = transcript.since(room, from_wire(request.GET["since"]))
        except (ValueError, OverflowError):
            return JsonResponse({"error": "`since` must be a time in ISO 8601"}, status=400)
    elif "only" in request.GET:
        shown = transcript.one(room, request.GET["only"])
    else:
        shown = transcript.latest(room, before=Place.read(request.GET.get("before", "")))
    html = render_to_string("admin/moderation/room/lines.html", _lines_context(room, shown), request)
    return JsonResponse({"html": html, "earlier": shown.earlier.written() if shown.earlier is not None else None})


@require_GET
def room_state(request: HttpRequest, room_id: str) -> HttpResponse:
    """What stands beside the conversation: {`html`}."""
    room = _room(request, room_id)
    html = render_to_string("admin/moderation/room/state.html", _state_context(request, room), request)
    return JsonResponse({"html": html})


def _room(request: HttpRequest, room_id: str) -> Room:
    if not all(may(request, permission) for permission in PERMISSIONS):
        raise PermissionDenied
    room = Room.objects.filter(pk=unquote(room_id)).first()
    if room is None:
        raise Http404(f"There is no room {unquote(room_id)!r}.")
    return room


def _lines_context(room: Room, shown: Transcript) -> dict[str, Any]:
    return {
        "lines": shown.lines,
        "earlier": shown.earlier.written() if shown.earlier is not None else "",
        "acts_url": f"{room_url(room.pk).removesuffix('change/')}acts/",
    }


def _state_context(request: HttpRequest, room: Room) -> dict[str, Any]:
    return {
        **state_of(room, request),
        "acts_url": f"{room_url(room.pk).removesuffix('change/')}acts/",
        "lengths": [*HOURS, (FOR_GOOD, "until it is lifted")],
    }
