"""Rooms in the admin: the list, and the page of each. Nobody adds, edits or deletes rooms here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.http import urlencode

from conversations.models import Room
from identity import Role
from moderation.admin.changelists.keyset import ReadOnlyAdmin
from moderation.admin.changelists.search_pages import (
    DaysForm,
    end_of_day,
    found_by,
    page_context,
    place_in,
    start_of_day,
)
from moderation.admin.rooms.page import page_urls, room_page
from moderation.admin.rooms.search import RoomPage, RoomSearch, find_rooms

_SIDES = [(role.value, role.value.lower()) for role in Role]


class RoomsForm(DaysForm):
    """The search for rooms."""

    q = forms.CharField(
        label="Room, user or name",
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Room id, user id or name"}),
    )
    state = forms.ChoiceField(
        label="State", required=False, choices=[("", "Any"), ("open", "Open"), ("closed", "Closed")]
    )
    blocked = forms.ChoiceField(label="Blocked by", required=False, choices=[("", "Any or nobody"), *_SIDES])
    unseen = forms.ChoiceField(label="Unseen by", required=False, choices=[("", "Any or nobody"), *_SIDES])
    field_order = ["q", "state", "blocked", "unseen", "since", "until"]

    def search(self) -> RoomSearch:
        """The search as filled in; invalid fields are left out."""
        given = self.cleaned_data
        return RoomSearch(
            text=given.get("q", "").strip(),
            since=start_of_day(given.get("since")),
            until=end_of_day(given.get("until")),
            closed={"open": False, "closed": True}.get(given.get("state", "")),
            blocked_by=Role(given["blocked"]) if given.get("blocked") else None,
            unseen_by=Role(given["unseen"]) if given.get("unseen") else None,
        )


@admin.register(Room)
class RoomAdmin(ReadOnlyAdmin):
    """`find_rooms` makes the list, without counting. A room's page is its conversation."""

    def get_urls(self) -> list[URLPattern]:
        return [*page_urls(), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = RoomsForm(request.GET)
        form.is_valid()
        search = form.search()
        page = found_by(form, lambda: find_rooms(search, place_in(request)), RoomPage())
        messages_url = reverse("admin:conversations_message_changelist")
        context = {
            **self.admin_site.each_context(request),
            **page_context(request, form, page),
            "title": "Rooms",
            "opts": self.opts,
            "messages_url": f"{messages_url}?{urlencode({'q': search.text})}" if search.text else messages_url,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/moderation/room/list.html", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return room_page(request, object_id)
