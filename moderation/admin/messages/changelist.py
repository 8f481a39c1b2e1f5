"""Messages in the admin: looking for them, and the page of one, which leads to its place in the room."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from conversations.models import Message
from moderation.admin.messages.search import MessagePage, MessageSearch, find_messages
from moderation.admin.pages.list_pages import DaysForm, end_of_day, found_by, page_context, place_in, start_of_day
from moderation.admin.pages.read_only import ReadOnlyAdmin
from moderation.admin.rooms.transcript import lines_of, room_or_shell


class MessagesForm(DaysForm):
    """What staff look for among messages."""

    q = forms.CharField(
        label="Text",
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Text, or a message’s id"}),
    )
    room = forms.CharField(label="Room", required=False, widget=forms.TextInput(attrs={"placeholder": "Room id"}))
    user = forms.CharField(label="Written by", required=False, widget=forms.TextInput(attrs={"placeholder": "User id"}))
    field_order = ["q", "room", "user", "since", "until"]

    def search(self) -> MessageSearch:
        """As filled in; what makes no sense is left out."""
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
    """Found by `message_search`, without counting."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """A page of messages, by conversation."""
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
        """One message, and the way to it in its room."""
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
