"""Held messages: a filter holds them until staff release or drop them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.expressions import Combinable
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import Truncator

from moderation import services
from moderation.admin.acts import LONGEST_REASON, ActView
from moderation.admin.changelists.keyset import UncountedAdmin
from moderation.admin.links import SHOWN, found_or_404, person_link, room_link
from moderation.admin.rooms.transcript import latest_of
from moderation.models import HeldMessage, HeldState
from moderation.staff import Staff


class HeldStateFilter(admin.SimpleListFilter):
    """Undecided messages, unless staff choose a decision."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(HeldState.RELEASED.value, "Released"), (HeldState.DROPPED.value, "Dropped")]

    def choices(self, changelist: Any) -> Any:
        """Name the default, which Django calls "All"."""
        waiting, *others = super().choices(changelist)
        return [{**waiting, "display": "Waiting"}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[HeldMessage]) -> QuerySet[HeldMessage]:
        if request.GET.get("q") and self.value() is None:
            return queryset
        return queryset.filter(state=self.value() or HeldState.HELD)


class OptionalReasonForm(forms.Form):
    """The form of an act that may have a reason."""

    reason = forms.CharField(
        required=False,
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60}),
        help_text="Kept in the audit.",
    )


class HeldActView(ActView):
    """A decision about one held message."""

    form_class = OptionalReasonForm
    permission = "moderation.change_heldmessage"

    def done_url(self) -> str:
        return reverse("admin:moderation_heldmessage_changelist")


class ReleaseView(HeldActView):
    title = "Release this message?"
    button = "Release it"
    done = "The message is sent. Both sides have it now."

    def explanation(self) -> list[str]:
        held = found_or_404(HeldMessage, self.kwargs["pk"])
        return [
            f"It is sent from user {held.sender} to user {held.recipient} now, at the end of their room:",
            f"“{held.content}”",
        ]

    async def act(self, staff: Staff, given: dict[str, Any]) -> None:
        await services.release_held(staff, self.kwargs["pk"], given["reason"])


class DropView(HeldActView):
    """Never send it."""

    title = "Drop this message?"
    button = "Yes, drop it"
    done = "The message is dropped. It is never sent."
    hurts = True

    def explanation(self) -> list[str]:
        held = found_or_404(HeldMessage, self.kwargs["pk"])
        return [
            f"It is never sent. User {held.sender} only sees that it was held:",
            f"“{held.content}”",
        ]

    async def act(self, staff: Staff, given: dict[str, Any]) -> None:
        await services.drop_held(staff, self.kwargs["pk"], given["reason"])


@admin.register(HeldMessage)
class HeldMessageAdmin(UncountedAdmin):
    """Undecided messages, the oldest first."""

    list_display = ("text", "who", "room", "filter_name", "held_at", "state", "decided_by")
    list_filter = (HeldStateFilter,)
    search_fields = ("sender", "room_id")
    search_help_text = "The whole id of a user or a room."
    empty = "No message waits."

    def get_ordering(self, request: HttpRequest) -> list[str | Combinable]:
        """Undecided messages, the oldest first; decided ones, the newest first."""
        return ["-held_at" if request.GET.get("state") or request.GET.get("q") else "held_at"]

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<str:pk>/release/", wrap(ReleaseView.as_view()), name="moderation_heldmessage_release"),
            path("<str:pk>/drop/", wrap(DropView.as_view()), name="moderation_heldmessage_drop"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of one held message, with the latest messages of its room."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        held = found_or_404(HeldMessage, unquote(object_id))
        context = {
            **self.admin_site.each_context(request),
            "title": "Held message",
            "opts": self.opts,
            "held": held,
            "waits": held.state == HeldState.HELD,
            "excerpt": latest_of(held.room_id),
        }
        return TemplateResponse(request, "admin/moderation/held/page.html", context)

    @admin.display(description="Message")
    def text(self, held: HeldMessage) -> str:
        return Truncator(held.content or "(redacted)").chars(SHOWN)

    @admin.display(description="From")
    def who(self, held: HeldMessage) -> str:
        return person_link(held.sender)

    @admin.display(description="Room")
    def room(self, held: HeldMessage) -> str:
        return room_link(held.room_id)
