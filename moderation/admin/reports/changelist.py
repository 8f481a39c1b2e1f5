"""The queue of reports: which are open, how urgent each is, and who works on which."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.db.models.expressions import Combinable
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from conversations.errors import REFUSALS
from moderation import services
from moderation.admin.acts import sentence, staff_of
from moderation.admin.links import report_url
from moderation.admin.reports.evidence import picture_urls
from moderation.admin.reports.many import MANY
from moderation.admin.reports.page import ReopenView, ReturnView, report_page
from moderation.admin.reports.rows import look_up
from moderation.admin.worklists.changelist import WorklistAdmin
from moderation.models import Report, ReportState, TargetKind
from moderation.models.reports import UNFINISHED
from moderation.priority import Level
from moderation.services.weighing import weigh_late_ones
from moderation.staff import may
from moderation.staff_site.dashboard import queue_counts

MINE = "mine"
ANY = "any"
BY_AGE = "age"


class StateFilter(admin.SimpleListFilter):
    """Open reports, unless staff choose another state; a search finds reports in any state."""

    title = _("state")
    parameter_name = "state"

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        self._searching = bool(request.GET.get(SEARCH_VAR))
        super().__init__(request, *args)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            *([(ANY, gettext("Any"))] if self._searching else []),
            (ReportState.OPEN.value, gettext("Open")),
            (MINE, gettext("In review by me")),
            (ReportState.IN_REVIEW.value, gettext("In review by anybody")),
            (ReportState.RESOLVED.value, gettext("Resolved")),
            (ReportState.DISMISSED.value, gettext("Dismissed")),
        ]

    def value(self) -> str:
        wanted = super().value()
        known = {value for value, _ in self.lookup_choices}
        return wanted if wanted in known else ANY if self._searching else ReportState.OPEN.value

    def choices(self, changelist: ChangeList) -> Any:
        """Without Django's "All", which no index would serve."""
        for value, title in self.lookup_choices:
            yield {
                "selected": self.value() == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": title,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Report]) -> QuerySet[Report]:
        match self.value():
            case "any":
                return queryset
            case "mine":
                return queryset.filter(assignee_id=str(request.user.pk), state=ReportState.IN_REVIEW)
            case state:
                return queryset.filter(state=state)


class LevelFilter(admin.SimpleListFilter):
    """Reports of one level of priority."""

    title = _("priority")
    parameter_name = "level"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (Level.HIGH.value, gettext("High")),
            (Level.MEDIUM.value, gettext("Medium")),
            (Level.LOW.value, gettext("Low")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Report]) -> QuerySet[Report]:
        return queryset.filter(level=self.value()) if self.value() in Level.values else queryset


class OrderFilter(admin.SimpleListFilter):
    """The order of unfinished reports: it changes no row, only `ReportAdmin.get_ordering`."""

    title = _("order")
    parameter_name = "order"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(BY_AGE, gettext("Longest waiting first"))]

    def choices(self, changelist: Any) -> Any:
        """Name the default, which Django calls "All"."""
        first, *others = super().choices(changelist)
        return [{**first, "display": _("Most urgent first")}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Report]) -> QuerySet[Report]:
        return queryset


@admin.register(Report)
class ReportAdmin(WorklistAdmin):
    """The most urgent open report first. Staff act on the page of a report."""

    change_list_template = "admin/moderation/report/queue.html"
    columns = (_("What was reported"), _("User"), _("Priority"), _("Age"), _("In work with"))
    row_template = "admin/moderation/report/row.html"
    queue = "reports"
    many = MANY
    list_filter = (StateFilter, LevelFilter, "reason", OrderFilter)
    search_fields = ("user_id", "room_id", "reporter", "target_id")
    search_help_text = _("The whole id of a user (reported or reporting), a room or a message.")
    empty = _("No report is open. Well done!")

    def look_up(self, rows: list[Any]) -> None:
        look_up(rows)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Read the list once each report has what it is ordered by."""
        weigh_late_ones()
        return super().get_changelist_instance(request)

    def get_ordering(self, request: HttpRequest) -> list[str | Combinable]:
        """Unfinished reports, the most urgent or the oldest first; closed ones, the newest first."""
        default = ANY if request.GET.get(SEARCH_VAR) else ReportState.OPEN.value
        if request.GET.get(StateFilter.parameter_name, default) not in (*UNFINISHED, MINE):
            return ["-created_at"]
        return ["created_at" if request.GET.get(OrderFilter.parameter_name) == BY_AGE else "urgent_at"]

    def searched(self, term: str) -> list[Q]:
        """Search targets only among messages: all others are found by their user or room."""
        ids = [Q(**{field: term}) for field in ("user_id", "room_id", "reporter")]
        return [*ids, Q(target_kind=TargetKind.MESSAGE, target_id=term)]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "moderation.change_report")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            *picture_urls(),
            path("counts/", wrap(require_GET(queue_counts)), name="moderation_report_counts"),
            path("take-next/", wrap(require_POST(self.take_next)), name="moderation_report_take_next"),
            path("<str:pk>/return/", wrap(ReturnView.as_view()), name="moderation_report_return"),
            path("<str:pk>/reopen/", wrap(ReopenView.as_view()), name="moderation_report_reopen"),
            *super().get_urls(),
        ]

    def take_next(self, request: HttpRequest) -> HttpResponse:
        """Take the most urgent open report for the user, and show it."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        try:
            report = async_to_sync(services.take_next)(staff_of(request))
        except REFUSALS as refusal:
            messages.error(request, sentence(refusal))
            report = None
        else:
            if report is None:
                messages.info(request, str(self.empty))
        return HttpResponseRedirect(
            reverse("admin:moderation_report_changelist") if report is None else report_url(report)
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse | TemplateResponse:
        return report_page(self, request, object_id)
