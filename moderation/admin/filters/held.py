"""Held messages: a filter holds them until staff release or drop them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.expressions import Combinable
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from moderation import services
from moderation.admin.acts import ActView
from moderation.admin.filters.held_many import MANY, look_up
from moderation.admin.filters.narrowing import ByFilter, HoursFilter
from moderation.admin.links import found_or_404
from moderation.admin.reports.many import NoteForm
from moderation.admin.rooms.transcript import latest_of
from moderation.admin.worklists.changelist import WorklistAdmin
from moderation.models import HeldMessage, HeldState
from moderation.staff import Staff

ANY = "any"


class HeldStateFilter(admin.SimpleListFilter):
    """Undecided messages, unless staff choose a decision; a search finds messages in any state."""

    title = _("state")
    parameter_name = "state"

    @classmethod
    def wanted(cls, request: HttpRequest) -> str:
        """The state that a request asks for, or ANY."""
        default = ANY if request.GET.get(SEARCH_VAR) else HeldState.HELD.value
        wanted = request.GET.get(cls.parameter_name, default)
        return wanted if wanted in (ANY, *HeldState.values) else default

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self._wanted = self.wanted(request)
        return [
            *([(ANY, gettext("Any"))] if request.GET.get(SEARCH_VAR) else []),
            (HeldState.HELD.value, gettext("Waiting")),
            (HeldState.RELEASED.value, gettext("Released")),
            (HeldState.DROPPED.value, gettext("Dropped")),
        ]

    def choices(self, changelist: Any) -> Any:
        """Without Django's "All", which no index would serve."""
        for value, title in self.lookup_choices:
            yield {
                "selected": self._wanted == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": title,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[HeldMessage]) -> QuerySet[HeldMessage]:
        wanted = self.wanted(request)
        return queryset if wanted == ANY else queryset.filter(state=wanted)


class HeldActView(ActView):
    """A decision about one held message."""

    form_class = NoteForm
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
class HeldMessageAdmin(WorklistAdmin):
    """Undecided messages, the oldest first."""

    columns = (_("Message"), _("From"), _("Filter"), _("Age"), _("State"))
    row_template = "admin/moderation/held/row.html"
    queue = "held"
    many = MANY
    list_filter = (HeldStateFilter, ByFilter, HoursFilter.of("held_at"))
    search_fields = ("sender", "room_id")
    search_help_text = _("The whole id of a user or a room.")
    empty = _("No message waits.")

    def look_up(self, rows: list[Any]) -> None:
        look_up(rows)

    def get_ordering(self, request: HttpRequest) -> list[str | Combinable]:
        """Undecided messages, the oldest first; decided ones, the newest first."""
        waits = HeldStateFilter.wanted(request) == HeldState.HELD
        return ["held_at" if waits else "-held_at"]

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
