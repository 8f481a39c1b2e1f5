"""Messages in the admin: the search, the list, and the page of each.

A page of the list is read room by room on the index of histories, the room of the latest activity first, until a time
limit. No index has all messages by time or by words: it would cost every message sent. A page may come back nearly or
wholly empty, with the place at which the next one begins.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from conversations.models import Message, Room
from conversations.services.search_pattern import pattern_of
from moderation.admin.changelists import windows
from moderation.admin.changelists.keyset import ReadOnlyAdmin
from moderation.admin.changelists.search_pages import (
    DaysForm,
    end_of_day,
    found_by,
    page_context,
    place_in,
    start_of_day,
)
from moderation.admin.rooms.search import LONGEST, RoomSearch, find_rooms
from moderation.admin.rooms.transcript import Line, lines_of, place_of, read_back, room_or_shell
from persistence.keyset import Place
from persistence.mongodb import Document

PAGE: Final = 50
OF_ONE_ROOM: Final = 5
"""Messages shown of one room, where several are looked through."""


@dataclass(frozen=True, slots=True)
class MessageSearch:
    """A search: a text or a message's id, one room, one author, a time."""

    text: str = ""
    room_id: str = ""
    user_id: str = ""
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None

    def matching(self) -> Document:
        """The conditions that no index serves."""
        return {
            **({"from": self.user_id} if self.user_id else {}),
            **({"content": {"$regex": pattern_of(self.text), "$options": "i"}} if self.text else {}),
        }


@dataclass(frozen=True, slots=True)
class RoomExcerpt:
    """The messages found in one room, the latest first.

    Attributes:
        more: Whether more were found than are shown.
    """

    room: Room
    lines: list[Line]
    more: bool


@dataclass(frozen=True, slots=True)
class MessagePage:
    """A page of search results.

    Attributes:
        excerpts: What was found, by room.
        following: Where the next page begins; None: there is none.
        searched_until: How far back the search came, if the time limit ended it.
    """

    excerpts: list[RoomExcerpt] = field(default_factory=list)
    following: Place | None = None
    searched_until: datetime.datetime | None = None


class MessagesForm(DaysForm):
    """The search for messages."""

    q = forms.CharField(
        label="Text",
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Text, or a message’s id"}),
    )
    room = forms.CharField(label="Room", required=False, widget=forms.TextInput(attrs={"placeholder": "Room id"}))
    user = forms.CharField(label="Written by", required=False, widget=forms.TextInput(attrs={"placeholder": "User id"}))
    field_order = ["q", "room", "user", "since", "until"]

    def search(self) -> MessageSearch:
        """The search as filled in; invalid fields are left out."""
        given = self.cleaned_data
        return MessageSearch(
            text=given.get("q", "").strip(),
            room_id=given.get("room", "").strip(),
            user_id=given.get("user", "").strip(),
            since=start_of_day(given.get("since")),
            until=end_of_day(given.get("until")),
        )


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    """`find_messages` makes the list, without counting."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = MessagesForm(request.GET)
        form.is_valid()
        page = found_by(form, lambda: find_messages(form.search(), place_in(request)), MessagePage())
        context = {
            **self.admin_site.each_context(request),
            **page_context(request, form, page),
            "title": "Messages",
            "opts": self.opts,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/moderation/room/messages.html", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        message = Message.objects.filter(pk=unquote(object_id)).first()
        if message is None:
            raise Http404(f"There is no message {unquote(object_id)!r}.")
        room = room_or_shell(message.room_id)
        context = {
            **self.admin_site.each_context(request),
            "title": "Message",
            "subtitle": message.pk,
            "opts": self.opts,
            "room": room,
            "line": lines_of(room, [message])[0],
        }
        return TemplateResponse(request, "admin/moderation/room/message.html", context)


def find_messages(search: MessageSearch, following: Place | None = None) -> MessagePage:
    """Find a page of messages.

    Args:
        search: What to find.
        following: Where the page begins; None: the first page.
    """
    if search.text and (message := Message.objects.filter(pk=search.text).first()) is not None:
        rooms = Room.objects.filter(pk=message.room_id)
        return MessagePage([RoomExcerpt(room, lines_of(room, [message]), more=False) for room in rooms])
    if search.room_id:
        return _in_room(search, following)
    return _in_rooms(search, following)


def _in_room(search: MessageSearch, following: Place | None) -> MessagePage:
    room = Room.objects.filter(pk=search.room_id).first()
    if room is None:
        return MessagePage()
    found = _read(room, search, PAGE + 1, following)
    page = found[:PAGE]
    next_place = place_of(page[-1]) if len(found) > PAGE else None
    return MessagePage([RoomExcerpt(room, lines_of(room, page), more=False)] if page else [], next_place)


def _in_rooms(search: MessageSearch, following: Place | None) -> MessagePage:
    """Search rooms. Messages of a time are in rooms that were active then or later."""
    deadline = windows.clock() + LONGEST
    rooms = find_rooms(RoomSearch(user_id=search.user_id, since=search.since), following)
    excerpts: list[RoomExcerpt] = []
    shown = 0
    for room in rooms.rooms:
        place = Place(room.updated_at, room.pk)
        found = _read(room, search, OF_ONE_ROOM + 1)
        if found:
            lines = lines_of(room, found[:OF_ONE_ROOM])
            excerpts.append(RoomExcerpt(room, lines, more=len(found) > OF_ONE_ROOM))
            shown += len(lines)
        if shown >= PAGE and room is not rooms.rooms[-1]:
            return MessagePage(excerpts, place)
        if windows.clock() > deadline and room is not rooms.rooms[-1]:
            return MessagePage(excerpts, place, room.updated_at)
    searched_until = rooms.following.at if rooms.following is not None else None
    return MessagePage(excerpts, rooms.following, searched_until if shown < PAGE else None)


def _read(room: Room, search: MessageSearch, limit: int, before: Place | None = None) -> list[Message]:
    return read_back(room, limit, before=before, since=search.since, until=search.until, matching=search.matching())
