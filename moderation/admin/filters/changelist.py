"""Filters, which leads manage and try on a text before they save them; and the list of hits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from asgiref.sync import async_to_sync
from bson import ObjectId
from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from conversations.errors import REFUSALS
from moderation import services
from moderation.admin.acts import LONGEST_REASON, sentence, staff_of
from moderation.admin.filters.narrowing import ByFilter, HoursFilter
from moderation.admin.worklists.acts import mute_users, redact_messages
from moderation.admin.worklists.changelist import WorklistAdmin
from moderation.admin.worklists.contents import Content, Names, content_of, held_content_of, messages_by_id
from moderation.admin.worklists.many import ManyAct
from moderation.models import FilterAction, FilterHit, FilterKind, HeldMessage, MessageFilter
from moderation.services.filters import FilterRecord, record_of
from moderation.services.queues import MOST
from moderation.staff import may
from persistence.mongodb import in_parts

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
            "report opened. Note: it is sent, and only the hit is logged, to see first what the filter would find.",
            "is_active": "A filter that is not active finds nothing.",
        }


@admin.register(MessageFilter)
class MessageFilterAdmin(admin.ModelAdmin[MessageFilter]):
    """Filters are few, so this is Django's own list. A saved filter is in force on every process within a second."""

    form = FilterForm
    change_form_template = "admin/moderation/messagefilter/change_form.html"
    list_display = ("name", "kind", "action", "is_active", "hits", "precision", "updated_at", "updated_by")
    list_filter = ("kind", "action", "is_active")
    actions: Any = None
    fieldsets = (
        (None, {"fields": ("name", "kind", "patterns", "also_without_marks")}),
        ("Only for a flood", {"fields": ("rooms", "seconds")}),
        ("What to do about a message", {"fields": ("action", "is_active", "reason")}),
    )

    def get_urls(self) -> list[URLPattern]:
        try_text = self.admin_site.admin_view(require_POST(self.try_text))
        recent = self.admin_site.admin_view(require_POST(self.try_recent))
        return [
            path("try/", try_text, name="moderation_messagefilter_try"),
            path("try-recent/", recent, name="moderation_messagefilter_try_recent"),
            *super().get_urls(),
        ]

    def save_model(self, request: HttpRequest, obj: MessageFilter, form: Any, change: bool) -> None:
        """Save it by the service, which audits it and refreshes all processes."""
        async_to_sync(services.save_filter)(staff_of(request), obj, form.cleaned_data.get("reason", ""))

    def delete_model(self, request: HttpRequest, obj: MessageFilter) -> None:
        async_to_sync(services.delete_filter)(staff_of(request), obj)

    def try_text(self, request: HttpRequest) -> JsonResponse:
        """Match a text with the filter in the form: JSON with `found`, `note`, or the `problems` of the filter."""
        text = request.POST.get("text", "")[:LONGEST_TRIED]
        return self._tried(
            request,
            lambda candidate: {"found": [each.what for each in async_to_sync(services.try_text)(text, candidate)]},
        )

    def try_recent(self, request: HttpRequest) -> JsonResponse:
        """Match the filter in the form with messages that were sent: JSON with `messages`, `hits` and `found`."""
        if not may(request, "conversations.view_message"):
            raise PermissionDenied

        def find(candidate: MessageFilter) -> dict[str, Any]:
            tried = async_to_sync(services.find_recent)(candidate)
            found = [{"text": Truncator(text).chars(200), "what": what} for _id, text, what in tried.found]
            said = gettext("Found in %(hits)s of %(messages)s recent messages.")
            return {"said": said % {"hits": tried.hits, "messages": tried.messages}, "found": found}

        return self._tried(request, find)

    def _tried(self, request: HttpRequest, find: Callable[[MessageFilter], dict[str, Any]]) -> JsonResponse:
        """Answer with what `find` finds by the filter in the form, or with what is wrong with that."""
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise PermissionDenied
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
            found = find(candidate)
        except ValidationError as error:
            problems = [f"{field.capitalize()}: {each}" for field, all_ in error.message_dict.items() for each in all_]
            return JsonResponse({"problems": problems})
        except REFUSALS as refusal:
            return JsonResponse({"problems": [sentence(refusal)]})
        if candidate.kind == FilterKind.FLOOD:
            return JsonResponse({"note": "A flood is seen in many rooms, not in one text."})
        return JsonResponse(found)

    @admin.display(description=_("Hits in 7 days"))
    def hits(self, message_filter: MessageFilter) -> SafeString:
        """The number, linked to the hits."""
        record = _record(message_filter)
        url = f"{reverse('admin:moderation_filterhit_changelist')}?{urlencode({'filter': message_filter.name})}"
        shown = f"{record.hits}+" if record.hits >= MOST else str(record.hits)
        return format_html('<a href="{}">{}</a>', url, shown)

    @admin.display(description=_("Right, of those decided"))
    def precision(self, message_filter: MessageFilter) -> str:
        """The share of held messages dropped and reports resolved: a bad filter is seen by it."""
        record = _record(message_filter)
        if record.precision is None:
            return "–"
        text = gettext(
            "%(share)s %% (held: %(released)s released, %(dropped)s dropped; reports: %(upheld)s upheld, "
            "%(dismissed)s dismissed)"
        )
        return text % {"share": record.precision, **record._asdict()}


@admin.register(FilterHit)
class FilterHitAdmin(WorklistAdmin):
    """The newest first; of one user or room by a search."""

    columns = (_("Message"), _("User"), _("Filter"), _("Age"), _("Done"))
    row_template = "admin/moderation/filterhit/row.html"
    many: ClassVar[dict[str, ManyAct]] = {
        "redact": redact_messages(lambda keys: [hit.message_id for hit in _hits(keys) if hit.message_id]),
        "mute": mute_users(lambda keys: [(hit.room_id, hit.user_id) for hit in _hits(keys)]),
    }
    ordering = ("-at",)
    list_filter = (ByFilter, HoursFilter.of("at"))
    search_fields = ("user_id", "room_id")
    search_help_text = _("The whole id of a user or a room.")
    empty = _("No filter has hit anything.")

    def look_up(self, rows: list[Any]) -> None:
        """Set what the template of a row shows: of a refused message its text, of others what they say now."""
        names = Names(hit.room_id for hit in rows)
        said = messages_by_id(hit.message_id for hit in rows)
        keys = sorted({hit.held_id for hit in rows if hit.held_id})
        kept = {str(held.pk): held for part in in_parts(keys) for held in HeldMessage.objects.filter(pk__in=part)}
        for hit in rows:
            hit.name = names.of(hit.room_id, hit.user_id)
            if hit.text:
                hit.content = Content(text=hit.text)
            elif hit.message_id:
                hit.content = content_of(said.get(hit.message_id))
            elif hit.held_id in kept:
                hit.content, hit.held = held_content_of(kept[hit.held_id]), kept[hit.held_id]
            else:
                hit.content = Content(
                    note=gettext("Held") if hit.action == FilterAction.HOLD else gettext("The room’s details")
                )


def _record(message_filter: Any) -> FilterRecord:
    """What a filter of the list did; counted once for all columns."""
    if not hasattr(message_filter, "record"):
        message_filter.record = record_of(message_filter.name)
    record: FilterRecord = message_filter.record
    return record


def _hits(keys: Sequence[str]) -> list[FilterHit]:
    return [
        hit
        for part in in_parts([key for key in keys if ObjectId.is_valid(key)])
        for hit in FilterHit.objects.filter(pk__in=part)
    ]


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None
