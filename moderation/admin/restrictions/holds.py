"""Holds: what retention and erasing must leave; adding one, and lifting it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.text import Truncator

from moderation import services
from moderation.admin.acts import ActView, ReasonForm
from moderation.admin.changelists.keyset import UncountedAdmin
from moderation.admin.links import SHOWN, found_or_404, lift_link, person_link, room_link
from moderation.admin.times import UntilField, shown
from moderation.models import LegalHold, TargetKind
from moderation.staff import Staff, may


class NewHoldForm(ReasonForm):
    """What to hold, and until when."""

    kind = forms.ChoiceField(
        label="What",
        choices=[
            (TargetKind.MESSAGE.value, "A message"),
            (TargetKind.ROOM.value, "A room, with all of its messages"),
            (TargetKind.USER.value, "A user: all messages, in all rooms"),
        ],
    )
    target = forms.CharField(label="Its id", max_length=512)
    until = UntilField(
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"],
        help_text="A hold ends by itself on that date.",
    )
    field_order = ["kind", "target", "until", "reason"]


class AddHoldView(ActView):
    form_class = NewHoldForm
    permission = "moderation.add_legalhold"
    title = "Add a hold"
    button = "Hold"
    done = "The hold is in force: neither retention nor erasing deletes this until it ends."

    def explanation(self) -> list[str]:
        return [
            "Retention and the erasing of a person skip what is held, and say how many messages they kept.",
            "Users see no difference: they can still edit, and staff can still redact. The earlier text is kept.",
        ]

    def done_url(self) -> str:
        return _list_url()

    async def act(self, staff: Staff, given: dict[str, Any]) -> None:
        await services.place_hold(staff, TargetKind(given["kind"]), given["target"], given["until"], given["reason"])


class LiftHoldView(ActView):
    permission = "moderation.change_legalhold"
    button = "Lift it"
    done = "The hold is lifted: the next run of retention deletes what is old enough."

    @cached_property
    def hold(self) -> LegalHold:
        """The hold, read once. Http404: there is none."""
        return found_or_404(LegalHold, self.kwargs["pk"])

    def heading(self) -> str:
        return f"Lift the hold on {self.hold.get_target_kind_display().lower()} {self.hold.target_id}"

    def explanation(self) -> list[str]:
        hold = self.hold
        return [f"Made by {hold.created_by}, until {shown(hold.ends_at)}: {hold.reason}"]

    def done_url(self) -> str:
        return _list_url()

    async def act(self, staff: Staff, given: dict[str, Any]) -> None:
        await services.lift_hold(staff, self.kwargs["pk"], given["reason"])


@admin.register(LegalHold)
class LegalHoldAdmin(UncountedAdmin):
    """All holds, the newest first."""

    list_display = ("whom", "why", "created_at", "end", "created_by", "lifting")
    list_display_links = None
    ordering = ("-created_at",)
    search_fields = ("target_id", "room_id")
    search_help_text = "The whole id of a message, a room or a user."
    empty = "Nothing is held."

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may(request, "moderation.add_legalhold")

    def get_urls(self) -> list[URLPattern]:
        lift = self.admin_site.admin_view(LiftHoldView.as_view())
        return [path("<str:pk>/lift/", lift, name="moderation_legalhold_lift"), *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        return AddHoldView.as_view()(request)

    @admin.display(description="What")
    def whom(self, hold: LegalHold) -> str:
        match hold.target_kind:
            case TargetKind.USER:
                return person_link(hold.target_id)
            case TargetKind.ROOM:
                return room_link(hold.target_id)
        return f"Message {hold.target_id}"

    @admin.display(description="Why")
    def why(self, hold: LegalHold) -> str:
        return Truncator(hold.reason).chars(SHOWN)

    @admin.display(description="Until")
    def end(self, hold: LegalHold) -> Any:
        return f"Lifted by {hold.lifted_by}" if hold.lifted_at else hold.ends_at

    @admin.display(description="Lift")
    def lifting(self, hold: LegalHold) -> str:
        if not hold.is_active(timezone.now()):
            return ""
        return lift_link("admin:moderation_legalhold_lift", hold.pk, _list_url())


def _list_url() -> str:
    return reverse("admin:moderation_legalhold_changelist")
