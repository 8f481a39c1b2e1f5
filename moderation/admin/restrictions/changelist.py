"""Restrictions: who or which room may not what; adding one, and lifting it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.http import urlencode

from conversations.requests import MAX_ID_LENGTH
from moderation import services
from moderation.admin.acts import ActView, RestrictForm
from moderation.admin.changelists.keyset import UncountedAdmin
from moderation.admin.links import found_or_404, person_link, person_url, room_link
from moderation.models import Restriction, RestrictionKind
from moderation.services.restrictions import LONGEST_INTERVAL
from moderation.staff import Staff, may


class NewRestrictionForm(RestrictForm):
    """A restriction of somebody, or of a room."""

    kind = forms.ChoiceField(
        label="What",
        choices=[
            (RestrictionKind.MUTE.value, "Mute a user: may read, not write"),
            (RestrictionKind.BAN.value, "Ban a user: disconnected at once, may not come back"),
            (RestrictionKind.SLOW_MODE.value, "Slow mode of a room: one message a side every so many seconds"),
        ],
    )
    user_id = forms.CharField(
        label="Id of the user", required=False, max_length=MAX_ID_LENGTH, help_text="For a mute or a ban."
    )
    room_id = forms.CharField(
        label="Id of the room", required=False, max_length=2 * MAX_ID_LENGTH + 1, help_text="For slow mode."
    )
    interval = forms.IntegerField(
        label="Seconds between messages",
        required=False,
        min_value=1,
        max_value=LONGEST_INTERVAL,
        help_text="For slow mode.",
    )
    field_order = ["kind", "user_id", "room_id", "interval", "length", "until", "reason"]

    def clean(self) -> dict[str, Any]:
        """What the kind needs is there, and nothing else is."""
        cleaned = super().clean()
        of_room = cleaned.get("kind") == RestrictionKind.SLOW_MODE
        needed, other = (("room_id", "interval"), ("user_id",)) if of_room else (("user_id",), ("room_id", "interval"))
        for name in needed:
            if not cleaned.get(name) and name not in self.errors:
                self.add_error(name, "This is needed.")
        for name in other:
            if cleaned.get(name):
                what = "Slow mode is of a room" if of_room else "A mute or a ban is of a user"
                self.add_error(name, f"{what}: leave this empty.")
        return cleaned


class InForceFilter(admin.SimpleListFilter):
    """What holds now, unless staff ask for what is over. Of those not lifted `branches` knows which have ended."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Besides those that hold."""
        return [("all", "All, newest first")]

    def choices(self, changelist: Any) -> Any:
        """Those that hold first, instead of Django's "All"."""
        held, *others = super().choices(changelist)
        return [{**held, "display": "In force"}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Restriction]) -> QuerySet[Restriction]:
        """Those in that state."""
        if self.value() == "all" or request.GET.get(SEARCH_VAR):
            return queryset
        return queryset.filter(lifted_at__isnull=True)


class LiftView(ActView):
    """Lift a restriction."""

    permission = "moderation.change_restriction"
    button = "Lift it"
    done = "The restriction is lifted."

    @cached_property
    def restriction(self) -> Restriction:
        """The one that the address names, as it was at the beginning. Http404: there is none."""
        return found_or_404(Restriction, self.kwargs["pk"])

    def heading(self) -> str:
        """What is lifted."""
        restriction = self.restriction
        return f"Lift the {restriction.get_kind_display().lower()} of {restriction.user_id or restriction.room_id}"

    def explanation(self) -> list[str]:
        """Why there is one."""
        restriction = self.restriction
        end = f"{restriction.ends_at:%Y-%m-%d %H:%M} (UTC)" if restriction.ends_at else "it is lifted"
        return [
            f"Made by {restriction.created_by}, {restriction.created_at:%Y-%m-%d %H:%M} (UTC), until {end}: "
            f"{restriction.reason}"
        ]

    def done_url(self) -> str:
        """The user's page, or the list."""
        user_id = self.restriction.user_id
        return person_url(user_id) if user_id else _list_url()

    async def act(self, staff: Staff, given: dict[str, Any]) -> None:
        """Lift it."""
        await services.lift(staff, self.kwargs["pk"], given["reason"])


@admin.register(Restriction)
class RestrictionAdmin(UncountedAdmin):
    """Those in force; all with a filter, or of one user or room by a search."""

    list_display = ("kind_of", "whom", "why", "since", "end", "created_by", "lifting")
    list_display_links = None
    list_filter = (InForceFilter,)
    ordering = ("-created_at",)
    search_fields = ("user_id", "room_id")
    search_help_text = "The whole id of a user or a room."
    empty = "Nobody is restricted."

    def branches(self, queryset: QuerySet[Restriction], term: str) -> list[QuerySet[Restriction]]:
        """Those in force are those without an end, and those whose end is to come."""
        if term or not queryset.query.has_filters():
            return super().branches(queryset, term)
        return [queryset.filter(ends_at__isnull=True), queryset.filter(ends_at__gt=timezone.now())]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether the user may restrict."""
        return may(request, "moderation.add_restriction")

    def get_urls(self) -> list[URLPattern]:
        """The list, adding, and lifting."""
        lift = self.admin_site.admin_view(LiftView.as_view())
        return [path("<str:pk>/lift/", lift, name="moderation_restriction_lift"), *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """Ask what, whom, until when and why."""
        return AddView.as_view()(request)

    @admin.display(description="What")
    def kind_of(self, restriction: Restriction) -> str:
        """The kind, and how slow."""
        slow = f", one message every {restriction.interval} s" if restriction.interval else ""
        return f"{restriction.get_kind_display()}{slow}"

    @admin.display(description="Of")
    def whom(self, restriction: Restriction) -> str:
        """The user or the room."""
        return person_link(restriction.user_id) if restriction.user_id else room_link(restriction.room_id)

    @admin.display(description="Why")
    def why(self, restriction: Restriction) -> str:
        """The reason, shortened."""
        return restriction.reason if len(restriction.reason) <= 100 else f"{restriction.reason[:99]}…"

    @admin.display(description="Since")
    def since(self, restriction: Restriction) -> Any:
        """Its start."""
        return restriction.starts_at

    @admin.display(description="Until")
    def end(self, restriction: Restriction) -> Any:
        """Its end, or that it was lifted."""
        if restriction.lifted_at:
            return f"Lifted by {restriction.lifted_by}"
        return restriction.ends_at or "It is lifted"

    @admin.display(description="Lift")
    def lifting(self, restriction: Restriction) -> str:
        """A link to lift it, while it can be."""
        return (
            ""
            if not restriction.is_active(timezone.now())
            else format_html('<a href="{}">Lift…</a>', _lift_url(restriction))
        )


class AddView(ActView):
    """Restrict a user or a room."""

    form_class = NewRestrictionForm
    permission = "moderation.add_restriction"
    title = "Add a restriction"
    button = "Restrict"
    done = "The restriction is in force."

    def explanation(self) -> list[str]:
        """When it holds."""
        return ["In force everywhere within a second, from now on. A ban also disconnects all devices of the user."]

    def done_url(self) -> str:
        """The list."""
        return _list_url()

    async def act(self, staff: Staff, given: dict[str, Any]) -> None:
        """Restrict."""
        reason, end = given["reason"], given["end"]
        match given["kind"]:
            case RestrictionKind.MUTE:
                await services.mute(staff, given["user_id"], reason, until=end)
            case RestrictionKind.BAN:
                await services.ban(staff, given["user_id"], reason, until=end)
            case RestrictionKind.SLOW_MODE:
                await services.slow_down(staff, given["room_id"], given["interval"], reason, until=end)


def _list_url() -> str:
    return reverse("admin:moderation_restriction_changelist")


def _lift_url(restriction: Restriction) -> str:
    return f"{reverse('admin:moderation_restriction_lift', args=[restriction.pk])}?{urlencode({'next': _list_url()})}"
