"""Filters, which leads manage and try on a text before they save them; and the list of hits."""

from __future__ import annotations

from typing import Any, ClassVar

from asgiref.sync import async_to_sync
from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, path
from django.utils.text import Truncator
from django.views.decorators.http import require_POST

from conversations.errors import REFUSALS
from moderation import services
from moderation.admin.acts import LONGEST_REASON, sentence, staff_of
from moderation.admin.changelists.keyset import UncountedAdmin
from moderation.admin.links import SHOWN, person_link, room_link
from moderation.models import FilterHit, FilterKind, MessageFilter

LONGEST_TRIED = 10_000


class FilterForm(forms.ModelForm[MessageFilter]):
    """A filter, and the reason for the change."""

    reason = forms.CharField(
        required=False,
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60}),
        label="Why this change",
        help_text="Kept in the audit.",
    )

    class Meta:
        model = MessageFilter
        fields: ClassVar[list[str]] = [
            "name",
            "kind",
            "patterns",
            "also_without_marks",
            "rooms",
            "seconds",
            "action",
            "is_active",
        ]
        help_texts: ClassVar[dict[str, str]] = {
            "kind": "Words: whole words or phrases. Regex: regular expressions. Links: hosts that may be linked to; a "
            "link to any other is found. Flood: the same text into many rooms.",
            "action": "Refuse: the message is not sent. Hold: it waits under Held messages. Flag: it is sent, and a "
            "report opened.",
            "is_active": "A filter that is not active finds nothing.",
        }


@admin.register(MessageFilter)
class MessageFilterAdmin(admin.ModelAdmin[MessageFilter]):
    """Filters are few, so this is Django's own list. A saved filter is in force on every process within a second."""

    form = FilterForm
    change_form_template = "admin/moderation/messagefilter/change_form.html"
    list_display = ("name", "kind", "action", "is_active", "updated_at", "updated_by")
    list_filter = ("kind", "action", "is_active")
    actions: Any = None
    fieldsets = (
        (None, {"fields": ("name", "kind", "patterns", "also_without_marks")}),
        ("Only for a flood", {"fields": ("rooms", "seconds")}),
        ("What to do about a message", {"fields": ("action", "is_active", "reason")}),
    )

    def get_urls(self) -> list[URLPattern]:
        try_text = self.admin_site.admin_view(require_POST(self.try_text))
        return [path("try/", try_text, name="moderation_messagefilter_try"), *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: MessageFilter, form: Any, change: bool) -> None:
        """Save it by the service, which audits it and refreshes all processes."""
        async_to_sync(services.save_filter)(staff_of(request), obj, form.cleaned_data.get("reason", ""))

    def delete_model(self, request: HttpRequest, obj: MessageFilter) -> None:
        async_to_sync(services.delete_filter)(staff_of(request), obj)

    def try_text(self, request: HttpRequest) -> JsonResponse:
        """Match a text with the filter in the form: JSON with `found`, `note`, or the `problems` of the filter."""
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise PermissionDenied
        text = request.POST.get("text", "")[:LONGEST_TRIED]
        candidate = MessageFilter(
            name="tried",
            kind=request.POST.get("kind", ""),
            patterns=request.POST.get("patterns", ""),
            also_without_marks=request.POST.get("also_without_marks") == "true",
            rooms=_number(request.POST.get("rooms", "")),
            seconds=_number(request.POST.get("seconds", "")),
            action=request.POST.get("action") or "flag",
        )
        if candidate.kind not in FilterKind.values:
            return JsonResponse({"problems": ["Choose a kind first."]})
        try:
            found = async_to_sync(services.try_text)(text, candidate)
        except ValidationError as error:
            problems = [f"{field.capitalize()}: {each}" for field, all_ in error.message_dict.items() for each in all_]
            return JsonResponse({"problems": problems})
        except REFUSALS as refusal:
            return JsonResponse({"problems": [sentence(refusal)]})
        if candidate.kind == FilterKind.FLOOD:
            return JsonResponse({"note": "A flood is seen in many rooms, not in one text."})
        return JsonResponse({"found": [each.what for each in found]})


@admin.register(FilterHit)
class FilterHitAdmin(UncountedAdmin):
    """The newest first; of one user or room by a search."""

    list_display = ("at", "filter_name", "action", "who", "room", "said")
    list_display_links = None
    ordering = ("-at",)
    search_fields = ("user_id", "room_id")
    search_help_text = "The whole id of a user or a room."
    empty = "No filter has hit anything."

    @admin.display(description="User")
    def who(self, hit: FilterHit) -> str:
        return person_link(hit.user_id)

    @admin.display(description="Room")
    def room(self, hit: FilterHit) -> str:
        """The room, at the message if it was sent."""
        return room_link(hit.room_id, hit.message_id)

    @admin.display(description="Text, if refused")
    def said(self, hit: FilterHit) -> Any:
        """The text of a refused message; others are stored as messages."""
        return Truncator(hit.text).chars(SHOWN)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None
