"""Held messages: what a filter keeps back until staff release or drop it."""

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

from moderation import services
from moderation.admin.acts import LONGEST_REASON, ActView
from moderation.admin.changelists.keyset import UncountedAdmin
from moderation.admin.links import found_or_404, person_link, room_link
from moderation.admin.rooms.transcript import latest_of
from moderation.models import HeldMessage, HeldState
from moderation.staff import Staff


class HeldStateFilter(admin.SimpleListFilter):
    """What waits, unless staff ask for what was decided."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Besides those that wait."""
        return [(HeldState.RELEASED.value, "Released"), (HeldState.DROPPED.value, "Dropped")]

    def choices(self, changelist: Any) -> Any:
        """Those that wait first, instead of Django's "All"."""
        waiting, *others = super().choices(changelist)
        return [{**waiting, "display": "Waiting"}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[HeldMessage]) -> QuerySet[HeldMessage]:
        """Those in that state."""
        if request.GET.get("q") and self.value() is None:
            return queryset
        return queryset.filter(state=self.value() or HeldState.HELD)


class OptionalReasonForm(forms.Form):
    """A reason, for who has one to give."""

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
        """What waits still."""
        return reverse("admin:moderation_heldmessage_changelist")


class ReleaseView(HeldActView):
    """Send it."""

    title = "Release this message?"
    button = "Release it"
    done = "The message is sent. Both sides have it now."

    def explanation(self) -> list[str]:
        """Where it goes, and when."""
        held = found_or_404(HeldMessage, self.kwargs["pk"])
        return [
            f"It is sent from user {held.sender} to user {held.recipient} now, at the end of their room:",
            f"“{held.content}”",
        ]

    async def act(self, staff: Staff, given: dict[str, Any]) -> None:
        """Release it."""
        await services.release_held(staff, self.kwargs["pk"], given["reason"])


class DropView(HeldActView):
    """Never send it."""

    title = "Drop this message?"
    button = "Yes, drop it"
    done = "The message is dropped. It is never sent."
    hurts = True

    def explanation(self) -> list[str]:
        """What comes of it."""
        held = found_or_404(HeldMessage, self.kwargs["pk"])
        return [
            f"It is never sent, and user {held.sender} is not told more than that it was held:",
            f"“{held.content}”",
        ]

    async def act(self, staff: Staff, given: dict[str, Any]) -> None:
        """Drop it."""
        await services.drop_held(staff, self.kwargs["pk"], given["reason"])


@admin.register(HeldMessage)
class HeldMessageAdmin(UncountedAdmin):
    """Those that wait, oldest first."""

    list_display = ("text", "who", "room", "filter_name", "held_at", "state", "decided_by")
    list_filter = (HeldStateFilter,)
    search_fields = ("sender", "room_id")
    search_help_text = "The whole id of a user or a room."
    empty = "No message waits."

    def get_ordering(self, request: HttpRequest) -> list[str | Combinable]:
        """What waits, oldest first; what was decided, newest first."""
        return ["-held_at" if request.GET.get("state") or request.GET.get("q") else "held_at"]

    def get_urls(self) -> list[URLPattern]:
        """The list, a message, and the decisions."""
        wrap = self.admin_site.admin_view
        return [
            path("<str:pk>/release/", wrap(ReleaseView.as_view()), name="moderation_heldmessage_release"),
            path("<str:pk>/drop/", wrap(DropView.as_view()), name="moderation_heldmessage_drop"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of one held message: all of it, and the room where it would go."""
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
        """What it says, shortened."""
        said = held.content or "(redacted)"
        return said if len(said) <= 100 else f"{said[:99]}…"

    @admin.display(description="From")
    def who(self, held: HeldMessage) -> str:
        """Who wrote it."""
        return person_link(held.sender)

    @admin.display(description="Room")
    def room(self, held: HeldMessage) -> str:
        """Where it would go."""
        return room_link(held.room_id)
