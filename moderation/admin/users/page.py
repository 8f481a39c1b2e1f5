"""The page of a user of the chat, by id: that user need have no account here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.contrib.admin import site
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode

from conversations.models import Room
from identity import Role
from moderation.admin.changelists.keyset import ReadOnlyAdmin
from moderation.admin.links import person_url
from moderation.admin.users import acts as person_acts
from moderation.models import (
    AuditRecord,
    FilterHit,
    HeldMessage,
    HeldState,
    Note,
    Person,
    Report,
    Restriction,
    TargetKind,
)
from moderation.staff import may
from presence import current as current_presence

PERMISSION = "moderation.view_report"
MOST = 15
MOST_ROOMS_READ = 200
"""Rooms looked at for the most recent ones: a seller may have very many, and no index has them by their time."""


@dataclass(frozen=True, slots=True)
class RecentRooms:
    """The latest rooms of a user.

    Attributes:
        rooms: The rooms, the latest first.
        all_read: Whether all rooms of the user were read to find them.
        name: The user's name, as a room has it.
    """

    rooms: list[Room]
    all_read: bool
    name: str


@admin.register(Person)
class PersonAdmin(ReadOnlyAdmin):
    """The pages of users, among the models of an admin."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, PERMISSION)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request, PERMISSION)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        acts = {
            "mute": person_acts.MuteView,
            "ban": person_acts.BanView,
            "note": person_acts.NoteView,
            "redact-recent": person_acts.RedactRecentView,
            "export": person_acts.ExportView,
            "erase": person_acts.EraseView,
        }
        return [
            path("", wrap(find_person), name="moderation_person_changelist"),
            path("<str:user_id>/", wrap(person_page), name="moderation_person"),
            *(
                path(f"<str:user_id>/{act}/", wrap(view.as_view()), name=f"moderation_person_{act.replace('-', '_')}")
                for act, view in acts.items()
            ),
        ]


def find_person(request: HttpRequest) -> HttpResponse:
    """Ask for a user's id, and redirect to the page."""
    _check(request)
    wanted = request.GET.get("q", "").strip()
    if wanted:
        return HttpResponseRedirect(person_url(wanted))
    if "q" in request.GET:
        messages.error(request, "Write the id of a user.")
    context = {**site.each_context(request), "title": "Users of the chat"}
    return TemplateResponse(request, "admin/moderation/person/find.html", context)


def person_page(request: HttpRequest, user_id: str) -> HttpResponse:
    """The page of one user. An id that nobody has gets an empty page, since no collection has all ids."""
    _check(request)
    user_id = unquote(user_id)
    recent = _recent_rooms(user_id)
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": f"User {user_id}",
        "subtitle": recent.name,
        "user_id": user_id,
        "here": person_url(user_id),
        "now": timezone.now(),
        "is_online": bool(async_to_sync(_online)(user_id)),
        "recent": recent,
        "rooms_url": f"{reverse('admin:conversations_room_changelist')}?{urlencode({'q': user_id})}",
        "restrictions": list(Restriction.objects.filter(user_id=user_id).order_by("-created_at")[:MOST]),
        "reports_on": list(Report.objects.filter(user_id=user_id).order_by("-created_at")[:MOST]),
        "reports_by": list(Report.objects.filter(reporter=user_id)[:MOST]),
        "held": list(HeldMessage.objects.filter(sender=user_id).order_by("-held_at")[:MOST]),
        "waiting": HeldState.HELD,
    }
    if may(request, "moderation.view_note"):
        about = Note.objects.filter(target_kind=TargetKind.USER, target_id=user_id)
        context["notes_"] = list(about.order_by("-written_at")[:MOST])
    if may(request, "moderation.view_filterhit"):
        context["hits"] = list(FilterHit.objects.filter(user_id=user_id).order_by("-at")[:MOST])
    if may(request, "moderation.view_auditrecord"):
        context["records"] = list(AuditRecord.objects.filter(user_id=user_id).order_by("-at")[:MOST])
    return TemplateResponse(request, "admin/moderation/person/page.html", context)


def _check(request: HttpRequest) -> None:
    if not may(request, PERMISSION):
        raise PermissionDenied


async def _online(user_id: str) -> set[str]:
    return await current_presence().online([user_id])


def _recent_rooms(user_id: str) -> RecentRooms:
    rooms = [room for side in Role for room in Room.of(user_id, side)[:MOST_ROOMS_READ]]
    all_read = len(rooms) < MOST_ROOMS_READ
    rooms.sort(key=lambda room: (room.updated_at is not None, room.updated_at), reverse=True)
    return RecentRooms(rooms[:MOST], all_read, next(filter(None, (_name(room, user_id) for room in rooms)), ""))


def _name(room: Room, user_id: str) -> str:
    """The user's name as this room has it."""
    known = room.buyer_info if room.side_of(user_id) is Role.BUYER else room.shop
    return str(known.get("name") or "")
