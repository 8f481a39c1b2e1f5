"""Restrictions of users and rooms: the list, adding one, and lifting one."""

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
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from conversations.requests import MAX_ID_LENGTH
from moderation import services
from moderation.admin.acts import ActView, RestrictForm
from moderation.admin.changelists.keyset import UncountedAdmin
from moderation.admin.links import SHOWN, found_or_404, lift_link, person_link, person_url, room_link
from moderation.admin.times import shown
from moderation.admin.users.search import is_known
from moderation.models import Restriction, RestrictionKind
from moderation.services.restrictions import LONGEST_INTERVAL
from moderation.staff import Staff, may


class NewRestrictionForm(RestrictForm):
    """A restriction of a user or a room."""

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
    anyway = forms.BooleanField(
        required=False, label=_("The id is right, even if nobody is known by it"), help_text=_("For a mute or a ban.")
    )
    field_order = ["kind", "user_id", "anyway", "room_id", "interval", "length", "until", "reason", "told"]

    def clean(self) -> dict[str, Any]:
        """Check that the fields which the kind needs are filled in, and no others."""
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
        say_unknown(self, cleaned)
        return cleaned


def say_unknown(form: forms.Form, cleaned: dict[str, Any]) -> None:
    """Refuse an id that nobody has, until it is confirmed: a mistyped one would restrict nobody."""
    user_id = cleaned.get("user_id")
    if user_id and not cleaned.get("anyway") and not is_known(user_id):
        form.add_error("user_id", _("Nobody is known by this id. If it is right, tick the box below."))


class InForceFilter(admin.SimpleListFilter):
    """Restrictions in force, unless staff choose all. `branches` leaves out those that ended without being lifted."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", "All, newest first")]

    def choices(self, changelist: Any) -> Any:
        """Name the default, which Django calls "All"."""
        held, *others = super().choices(changelist)
        return [{**held, "display": "In force"}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Restriction]) -> QuerySet[Restriction]:
        if self.value() == "all" or request.GET.get(SEARCH_VAR):
            return queryset
        return queryset.filter(lifted_at__isnull=True)


class LiftView(ActView):
    permission = "moderation.change_restriction"
    button = "Lift it"
    done = "The restriction is lifted."

    @cached_property
    def restriction(self) -> Restriction:
        """The restriction, read once. Http404: there is none."""
        return found_or_404(Restriction, self.kwargs["pk"])

    def heading(self) -> str:
        restriction = self.restriction
        return f"Lift the {restriction.get_kind_display().lower()} of {restriction.user_id or restriction.room_id}"

    def explanation(self) -> list[str]:
        restriction = self.restriction
        end = shown(restriction.ends_at) if restriction.ends_at else "it is lifted"
        return [f"Made by {restriction.created_by}, {shown(restriction.created_at)}, until {end}: {restriction.reason}"]

    def done_url(self) -> str:
        user_id = self.restriction.user_id
        return person_url(user_id) if user_id else _list_url()

    async def act(self, staff: Staff, given: dict[str, Any]) -> None:
        await services.lift(staff, self.kwargs["pk"], given["reason"])


@admin.register(Restriction)
class RestrictionAdmin(UncountedAdmin):
    """Restrictions in force; all of them by the filter, or those of one user or room by a search."""

    list_display = ("kind_of", "whom", "why", "since", "end", "created_by", "lifting")
    list_display_links = None
    list_filter = (InForceFilter,)
    ordering = ("-created_at",)
    search_fields = ("user_id", "room_id")
    search_help_text = "The whole id of a user or a room."
    empty = "Nobody is restricted."

    def branches(self, queryset: QuerySet[Restriction], term: str) -> list[QuerySet[Restriction]]:
        """Split those in force into those without an end and those whose end is to come, each with an index."""
        if term or not queryset.query.has_filters():
            return super().branches(queryset, term)
        return [queryset.filter(ends_at__isnull=True), queryset.filter(ends_at__gt=timezone.now())]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may(request, "moderation.add_restriction")

    def get_urls(self) -> list[URLPattern]:
        lift = self.admin_site.admin_view(LiftView.as_view())
        return [path("<str:pk>/lift/", lift, name="moderation_restriction_lift"), *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        return AddView.as_view()(request)

    @admin.display(description="What")
    def kind_of(self, restriction: Restriction) -> str:
        slow = f", one message every {restriction.interval} s" if restriction.interval else ""
        return f"{restriction.get_kind_display()}{slow}"

    @admin.display(description="Of")
    def whom(self, restriction: Restriction) -> str:
        return person_link(restriction.user_id) if restriction.user_id else room_link(restriction.room_id)

    @admin.display(description="Why")
    def why(self, restriction: Restriction) -> str:
        return Truncator(restriction.reason).chars(SHOWN)

    @admin.display(description="Since")
    def since(self, restriction: Restriction) -> Any:
        return restriction.starts_at

    @admin.display(description="Until")
    def end(self, restriction: Restriction) -> Any:
        if restriction.lifted_at:
            return f"Lifted by {restriction.lifted_by}"
        return restriction.ends_at or "It is lifted"

    @admin.display(description="Lift")
    def lifting(self, restriction: Restriction) -> str:
        if not restriction.is_active(timezone.now()):
            return ""
        return lift_link("admin:moderation_restriction_lift", restriction.pk, _list_url())


class AddView(ActView):
    """Restrict a user or a room."""

    form_class = NewRestrictionForm
    permission = "moderation.add_restriction"
    title = "Add a restriction"
    button = "Restrict"
    done = "The restriction is in force."

    def explanation(self) -> list[str]:
        return ["In force everywhere within a second, from now on. A ban also disconnects all devices of the user."]

    def done_url(self) -> str:
        return _list_url()

    async def act(self, staff: Staff, given: dict[str, Any]) -> None:
        reason, end = given["reason"], given["end"]
        match given["kind"]:
            case RestrictionKind.MUTE:
                await services.mute(staff, given["user_id"], reason, until=end, told=given.get("told", ""))
            case RestrictionKind.BAN:
                await services.ban(staff, given["user_id"], reason, until=end, told=given.get("told", ""))
            case RestrictionKind.SLOW_MODE:
                await services.slow_down(staff, given["room_id"], given["interval"], reason, until=end)


def _list_url() -> str:
    return reverse("admin:moderation_restriction_changelist")
