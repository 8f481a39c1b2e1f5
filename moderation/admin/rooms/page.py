"""The page of a room: the conversation, live, and the acts of staff.

One template draws each part, whether it comes with the page, on demand, or after an event; the page's script inserts
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from django.contrib.admin import site
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from conversations.configuration import ChatSettings
from conversations.models import SIDES, Room
from identity import Role
from moderation.admin.acts import FOR_GOOD, HOURS
from moderation.admin.changelists.windows import in_address, place_from
from moderation.admin.links import room_url
from moderation.admin.rooms import transcript
from moderation.admin.rooms.acts import do_act
from moderation.admin.rooms.transcript import Transcript, name_of
from moderation.models import AuditRecord, FilterHit, HeldMessage, HeldState, Note, Report, Restriction, TargetKind
from moderation.models.reports import UNFINISHED
from moderation.staff import may
from moderation.staff_site.namespace import PERMISSIONS
from persistence.mongodb import Document, durable
from persistence.timestamps import from_wire

AnyModel = TypeVar("AnyModel", bound=Model)
MOST = 15
"""Rows of each kind; the lists of the admin have the others."""
_VIEW_RESTRICTION = "moderation.view_restriction"


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the room, with the restrictions in force."""

    role: str
    user_id: str
    name: str
    unseen: int
    has_deleted: bool
    restrictions: list[Restriction]


def page_urls() -> list[URLPattern]:
    """The addresses of the parts, and of the acts."""
    wrap = site.admin_view
    return [
        path("<path:room_id>/lines/", wrap(room_lines), name="conversations_room_lines"),
        path("<path:room_id>/state/", wrap(room_state), name="conversations_room_state"),
        path("<path:room_id>/acts/<str:act_name>/", wrap(do_act), name="conversations_room_act"),
    ]


def room_page(request: HttpRequest, room_id: str) -> HttpResponse:
    """The whole page. `?message=` shows that message; `?before=` shows earlier ones, for browsers without scripts."""
    room = _room(request, room_id)
    target = transcript.message_of(room, request.GET.get("message", ""))
    place = place_from(request.GET.get("before", ""))
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
        "socket_path": ChatSettings.current().SOCKET_PATH,
        "staff_namespace": ChatSettings.current().STAFF_NAMESPACE,
    }
    return TemplateResponse(request, "admin/moderation/room/page.html", context)


@require_GET
def room_lines(request: HttpRequest, room_id: str) -> HttpResponse:
    """Lines of the conversation: {`html`, `earlier`}.

    `?before=PLACE` returns those before a place; `?since=TIME` those since shortly before a time; `?only=ID` one; none
    of these the latest.
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
        shown = transcript.latest(room, before=place_from(request.GET.get("before", "")))
    html = render_to_string("admin/moderation/room/lines.html", _lines_context(room, shown), request)
    return JsonResponse({"html": html, "earlier": in_address(shown.earlier) if shown.earlier is not None else None})


@require_GET
def room_state(request: HttpRequest, room_id: str) -> HttpResponse:
    """The part beside the conversation: {`html`}."""
    room = _room(request, room_id)
    html = render_to_string("admin/moderation/room/state.html", _state_context(request, room), request)
    return JsonResponse({"html": html})


def state_of(room: Room, request: HttpRequest) -> dict[str, Any]:
    """The context of the template `room/state.html`, without what the viewer may not see."""
    state: dict[str, Any] = {
        "room": room,
        "sides": [_side(room, role, shown=may(request, _VIEW_RESTRICTION)) for role in Role],
    }
    if may(request, _VIEW_RESTRICTION):
        state["room_restrictions"] = _in_force(room_id=room.pk)
    if may(request, "moderation.view_report"):
        state["reports"] = _latest(Report, {"room_id": room.pk}, {"state": {"$in": UNFINISHED}}, "created_at")
    if may(request, "moderation.view_heldmessage"):
        state["held"] = _latest(HeldMessage, {"room_id": room.pk}, {"state": HeldState.HELD}, "held_at")
    if may(request, "moderation.view_filterhit"):
        refused = {"message_id": "", "text": {"$gt": ""}}  # of others, the text stands where they are
        state["hits"] = _latest(FilterHit, {"room_id": room.pk}, refused, "at")
    if may(request, "moderation.view_note"):
        notes = Note.objects.filter(target_kind=TargetKind.ROOM, target_id=room.pk)
        state["room_notes"] = list(notes.order_by("-written_at")[:MOST])
    if may(request, "moderation.view_auditrecord"):
        state["records"] = list(AuditRecord.objects.filter(room_id=room.pk).order_by("-at")[:MOST])
    return state


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
        "earlier": in_address(shown.earlier) if shown.earlier is not None else "",
        "acts_url": f"{room_url(room.pk).removesuffix('change/')}acts/",
    }


def _state_context(request: HttpRequest, room: Room) -> dict[str, Any]:
    return {
        **state_of(room, request),
        "acts_url": f"{room_url(room.pk).removesuffix('change/')}acts/",
        "lengths": [*HOURS, (FOR_GOOD, "until it is lifted")],
    }


def _side(room: Room, role: Role, *, shown: bool) -> Side:
    user_id = room.buyer if role is Role.BUYER else room.seller
    return Side(
        role=role.lower(),
        user_id=user_id,
        name=name_of(room, role),
        unseen=getattr(room, SIDES[role].unseen_messages),
        has_deleted=getattr(room, SIDES[role].deleted),
        restrictions=_in_force(user_id=user_id) if shown and user_id else [],
    )


def _in_force(**subject: str) -> list[Restriction]:
    holds = {"lifted_at": None, "$or": [{"ends_at": None}, {"ends_at": {"$gt": timezone.now()}}]}
    return _latest(Restriction, subject, holds, "created_at")


def _latest(model: type[AnyModel], indexed: Document, condition: Document, time: str) -> list[AnyModel]:
    """The latest objects of a room or a user. An index serves the first stage."""
    stages: list[Document] = [{"$match": indexed}, {"$match": condition}, {"$sort": {time: -1}}, {"$limit": MOST}]
    found = [each["_id"] for each in durable(model).aggregate([*stages, {"$project": {"_id": 1}}])]
    return list(model._default_manager.filter(pk__in=found).order_by(f"-{time}")) if found else []
