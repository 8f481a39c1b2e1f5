"""The queue of reports: which are open, since when, and who works on which."""

from __future__ import annotations

from collections import Counter
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.db.models.expressions import Combinable
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.timesince import timesince
from django.views.decorators.http import require_POST

from conversations.errors import REFUSALS
from moderation import services
from moderation.admin.acts import sentence, staff_of
from moderation.admin.changelists.keyset import UncountedAdmin, UncountedChangeList
from moderation.admin.links import report_url
from moderation.admin.reports.evidence import picture_urls
from moderation.admin.reports.page import RedactView, ReturnView, report_page
from moderation.models import Report, ReportReason, ReportState, TargetKind
from moderation.models.reports import UNFINISHED
from moderation.staff import may
from persistence.mongodb import in_parts

MINE = "mine"
ANY = "any"


class StateFilter(admin.SimpleListFilter):
    """Open reports, unless staff choose another state; a search finds reports in any state."""

    title = "state"
    parameter_name = "state"

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        self._searching = bool(request.GET.get(SEARCH_VAR))
        super().__init__(request, *args)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            *([(ANY, "Any")] if self._searching else []),
            (ReportState.OPEN.value, "Open"),
            (MINE, "In review by me"),
            (ReportState.IN_REVIEW.value, "In review by anybody"),
            (ReportState.RESOLVED.value, "Resolved"),
            (ReportState.DISMISSED.value, "Dismissed"),
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


class QueueChangeList(UncountedChangeList):
    """A page of the queue, with the number of unfinished reports on each target."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the page, then count for all rows at once."""
        super().get_results(request)
        counts = _unfinished_on(list(self.result_list))
        for report in self.result_list:
            report.on_target = counts[report.target_kind, report.target_id]


@admin.register(Report)
class ReportAdmin(UncountedAdmin):
    """The oldest open report first. Staff act on the page of a report."""

    change_list_template = "admin/moderation/report/queue.html"
    list_display = ("what", "about", "state_now", "age", "working", "same_target", "said_by")
    list_filter = (StateFilter, "reason")
    search_fields = ("user_id", "room_id", "reporter", "target_id")
    search_help_text = "The whole id of a user (reported or reporting), a room or a message."
    empty = "No report is open. Well done!"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return QueueChangeList

    def get_ordering(self, request: HttpRequest) -> list[str | Combinable]:
        """Unfinished reports, the oldest first; closed ones, the newest first."""
        default = ANY if request.GET.get(SEARCH_VAR) else ReportState.OPEN.value
        waits = request.GET.get(StateFilter.parameter_name, default) in (*UNFINISHED, MINE)
        return ["created_at" if waits else "-created_at"]

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
            path("take-next/", wrap(require_POST(self.take_next)), name="moderation_report_take_next"),
            path("<str:pk>/return/", wrap(ReturnView.as_view()), name="moderation_report_return"),
            path("<str:pk>/redact/", wrap(RedactView.as_view()), name="moderation_report_redact"),
            *super().get_urls(),
        ]

    def take_next(self, request: HttpRequest) -> HttpResponse:
        """Take the oldest open report for the user, and show it."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        try:
            report = async_to_sync(services.take_next)(staff_of(request))
        except REFUSALS as refusal:
            messages.error(request, sentence(refusal))
            report = None
        else:
            if report is None:
                messages.info(request, "No report is open. Well done!")
        return HttpResponseRedirect(
            reverse("admin:moderation_report_changelist") if report is None else report_url(report)
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse | TemplateResponse:
        return report_page(self, request, object_id)

    @admin.display(description="Report")
    def what(self, report: Report) -> str:
        return (
            f"{ReportReason(report.reason).label}: {report.text}"[:90] if report.text else report.get_reason_display()
        )

    @admin.display(description="About")
    def about(self, report: Report) -> str:
        who = f" of user {report.user_id}" if report.user_id and report.target_kind != TargetKind.USER else ""
        return (
            f"User {report.target_id}"
            if report.target_kind == TargetKind.USER
            else f"{report.target_kind}{who}".capitalize()
        )

    @admin.display(description="State")
    def state_now(self, report: Report) -> str:
        outcome = f", {report.get_outcome_display().lower()}" if report.outcome else ""
        return f"{report.get_state_display()}{outcome}"

    @admin.display(description="Age")
    def age(self, report: Report) -> str:
        """How long ago it came, in one unit."""
        return timesince(report.created_at, timezone.now(), depth=1)

    @admin.display(description="In work with")
    def working(self, report: Report) -> str:
        return report.assignee or "–"

    @admin.display(description="On the same")
    def same_target(self, report: Any) -> int:
        """The number of unfinished reports on the target, this one included."""
        return int(report.on_target)

    @admin.display(description="Reported by")
    def said_by(self, report: Report) -> str:
        return f"Filter {report.reporter}" if report.reason == ReportReason.FILTER else f"User {report.reporter}"


def _unfinished_on(reports: list[Report]) -> Counter[tuple[str, str]]:
    counts = Counter[tuple[str, str]]()
    for kind in {report.target_kind for report in reports}:
        targets = {report.target_id for report in reports if report.target_kind == kind}
        for part in in_parts(targets):
            found = Report.objects.filter(target_kind=kind, target_id__in=part, state__in=UNFINISHED)
            for target_id, count in found.values_list("target_id").annotate(Count("pk")):
                counts[kind, target_id] = count
    return counts
