"""Users of the chat in the admin: finding one, and the page of one. A user need have no account here."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import admin
from django.contrib.admin import site
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from conversations.message_content import is_at_a_known_host
from conversations.models import Room
from conversations.services.search_pattern import PatternTooLong
from identity import Role
from moderation.admin.changelists.keyset import ReadOnlyAdmin
from moderation.admin.changelists.search_pages import PLACE, place_in
from moderation.admin.changelists.windows import in_address
from moderation.admin.links import person_url
from moderation.admin.users import acts as person_acts
from moderation.admin.users.messages import messages_page, redact_many
from moderation.admin.users.search import PeoplePage, find_people, is_known
from moderation.admin.users.timeline import timeline
from moderation.models import (
    AuditRecord,
    FilterHit,
    HeldMessage,
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
        picture: The address of the user's picture, as a room has it, if staff's pages may load it.
        wrote_at: When the user last wrote, as far as the rooms' last messages say; None: they do not.
    """

    rooms: list[Room]
    all_read: bool
    name: str
    picture: str
    wrote_at: datetime.datetime | None


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
            path("<str:user_id>/messages/", wrap(messages_page), name="moderation_person_messages"),
            path("<str:user_id>/messages/redact/", wrap(redact_many), name="moderation_person_redact_many"),
            *(
                path(f"<str:user_id>/{act}/", wrap(view.as_view()), name=f"moderation_person_{act.replace('-', '_')}")
                for act, view in acts.items()
            ),
        ]


def find_person(request: HttpRequest) -> HttpResponse:
    """Find users by id, name, phone number or e-mail address. Whoever is known by the id is shown at once."""
    _check(request)
    wanted = request.GET.get("q", "").strip()
    if wanted and is_known(wanted):
        return HttpResponseRedirect(person_url(wanted))
    page, problem = PeoplePage(), ""
    if wanted:
        try:
            page = find_people(wanted, place_in(request))
        except PatternTooLong:
            problem = _("This is too long to look for: take a part of it.")
    elif "q" in request.GET:
        problem = _("Write an id, or a part of a name, a phone number or an e-mail address.")
    following = "" if page.following is None else urlencode({"q": wanted, PLACE: in_address(page.following)})
    context = {
        **site.each_context(request),
        "title": _("Users of the chat"),
        "wanted": wanted,
        "page": page,
        "problem": problem,
        "following": following,
        "anyway": person_url(wanted) if wanted else "",
    }
    return TemplateResponse(request, "admin/moderation/person/find.html", context)


def person_page(request: HttpRequest, user_id: str) -> HttpResponse:
    """The page of one user. An id that nobody has gets a page that says so, since no collection has all ids."""
    _check(request)
    user_id = unquote(user_id)
    recent = _recent_rooms(user_id)
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": recent.name or user_id,
        "user_id": user_id,
        "here": person_url(user_id),
        "now": timezone.now(),
        "is_known": bool(recent.rooms) or is_known(user_id),
        "is_online": bool(async_to_sync(_online)(user_id)),
        "recent": recent,
        "picture": recent.picture,
        "rooms_url": f"{reverse('admin:conversations_room_changelist')}?{urlencode({'q': user_id})}",
        "restrictions": list(Restriction.objects.filter(user_id=user_id).order_by("-created_at")[:MOST]),
        "reports_on": list(Report.objects.filter(user_id=user_id).order_by("-created_at")[:MOST]),
        "reports_by": list(Report.objects.filter(reporter=user_id)[:MOST]),
    }
    if may(request, "moderation.view_heldmessage"):
        context["held"] = list(HeldMessage.objects.filter(sender=user_id).order_by("-held_at")[:MOST])
    if may(request, "moderation.view_note"):
        about = Note.objects.filter(target_kind=TargetKind.USER, target_id=user_id)
        context["notes_"] = list(about.order_by("-written_at")[:MOST])
    if may(request, "moderation.view_filterhit"):
        context["hits"] = list(FilterHit.objects.filter(user_id=user_id).order_by("-at")[:MOST])
    if may(request, "moderation.view_auditrecord"):
        context["records"] = list(AuditRecord.objects.filter(user_id=user_id).order_by("-at")[:MOST])
    context["timeline"] = timeline(context, user_id)
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
    shown: list[Any] = rooms[:MOST]
    for room in shown:
        is_buyer = room.side_of(user_id) is Role.BUYER
        room.other_id = room.seller if is_buyer else room.buyer
        room.other_name = _known(room, room.other_id, "name")
        room.with_role = _("seller") if is_buyer else _("buyer")
    last = (message for room in rooms for message in (room.buyer_last_message, room.seller_last_message) if message)
    wrote = [message.created_at for message in last if message.sender == user_id and message.created_at is not None]
    return RecentRooms(
        shown,
        all_read,
        next(filter(None, (_known(room, user_id, "name") for room in rooms)), ""),
        next(filter(is_at_a_known_host, filter(None, (_known(room, user_id, "avatar") for room in rooms))), ""),
        max(wrote, default=None),
    )


def _known(room: Room, user_id: str, what: str) -> str:
    """What this room has of the user: the name, or the address of a picture."""
    known = room.buyer_info if room.side_of(user_id) is Role.BUYER else room.shop
    return str(known.get(what) or "")
