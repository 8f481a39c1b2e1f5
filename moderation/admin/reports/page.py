"""The page of a report: the target in its context, and the acts of staff."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from conversations.configuration import ChatSettings
from moderation import services
from moderation.admin.acts import FOR_GOOD, HOURS, LONGEST_REASON, ActView, NoForm, ToldField, drop_told
from moderation.admin.links import found_or_404, report_url, room_url
from moderation.admin.reports.acts import act_on_report, done_since, just_redacted, measures_for
from moderation.admin.reports.evidence import as_reported
from moderation.admin.reports.rows import look_up
from moderation.admin.rooms.transcript import excerpt_around, latest_of
from moderation.models import AuditRecord, Outcome, Report, Restriction, TargetKind
from moderation.models.reports import UNFINISHED
from moderation.priority import SEVERITY
from moderation.staff import Staff

MOST_OTHERS = 20


class TermField(forms.ChoiceField):
    """How long a restriction is to last."""

    def __init__(self) -> None:
        super().__init__(choices=[*HOURS, (FOR_GOOD, _("Until it is lifted"))], required=False, initial="24")


class DecisionForm(forms.Form):
    """What staff do about a report. What is ticked is done, unless it is done already, and is the report's outcome."""

    outcomes = forms.MultipleChoiceField(choices=Outcome.choices, required=False)
    mute_for, ban_for = TermField(), TermField()
    told = ToldField()
    note = forms.CharField(
        label=_("Why"),
        required=False,
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("For colleagues, and kept in the audit. Users do not see it."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        drop_told(self)


def report_page(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse | TemplateResponse:
    """Show a report; on POST do the `act`: see `acts`."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    report = found_or_404(Report, unquote(object_id))
    form = DecisionForm(request.POST if "note" in request.POST else None, initial={"outcomes": done_since(report)})
    if request.method == "POST":
        if not model_admin.has_change_permission(request):
            raise PermissionDenied
        answer = act_on_report(request, report, form)
        if answer is not None:
            return answer
    look_up([report])
    shows = as_reported(report, request)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Report"),
        "subtitle": str(report),
        "opts": model_admin.opts,
        "report": report,
        "form": form,
        "measures": measures_for(request, report, form),
        "may_work": model_admin.has_change_permission(request),
        "is_mine": report.assignee_id == str(request.user.pk),
        "is_finished": report.state not in UNFINISHED,
        # the version before has one outcome alone
        "outcomes": [Outcome(outcome).label for outcome in report.outcomes or [report.outcome] if outcome],
        "severity": SEVERITY.get(report.reason, 1),
        "others": _others(report),
        "restrictions": _restrictions(report),
        "now": timezone.now(),
        "records": AuditRecord.objects.filter(target_kind="report", target_id=str(report.pk)).order_by("-at")[:20],
        "here": report_url(report),
        "room_url": _room_url(report),
        "excerpt": _excerpt(report),
        "as_reported": shows,
        "original": just_redacted(request, report),
        "socket_path": ChatSettings.current().SOCKET_PATH,
        "staff_namespace": ChatSettings.current().STAFF_NAMESPACE,
    }
    return TemplateResponse(request, "admin/moderation/report/page.html", context)


class ReportActView(ActView):
    """An act on the report in the address."""

    @cached_property
    def report(self) -> Report:
        """The report, read once. Http404: there is none."""
        return found_or_404(Report, unquote(self.kwargs["pk"]))

    def done_url(self) -> str:
        return report_url(self.report)


class ReturnView(ReportActView):
    """Returning a report to the queue asks first: a colleague may be working on it."""

    form_class = NoForm
    permission = "moderation.change_report"
    title = "Return this report to the queue?"
    button = "Return it to the queue"
    done = "The report is in the queue again."

    def explanation(self) -> list[str]:
        assignee = self.report.assignee
        if not assignee:
            return ["Nobody works on this report."]
        return [
            f"{assignee} works on this report, and on all others about the same target. "
            "They will all be open again, and go to whoever takes the next report."
        ]

    async def act(self, staff: Staff, given: dict[str, Any]) -> None:
        await services.return_to_queue(staff, unquote(self.kwargs["pk"]))


class ReopenView(ReportActView):
    """Reopening a closed report: it is in one's own review then."""

    permission = "moderation.change_report"
    title = _("Reopen this report?")
    button = _("Reopen it")
    done = _("The report is open again, and yours.")

    def explanation(self) -> list[str]:
        return [
            gettext("It is in your review then, with the reports that were closed together with it."),
            gettext("What was done because of it stays done: lift or restore that where it stands."),
        ]

    async def act(self, staff: Staff, given: dict[str, Any]) -> None:
        await services.reopen(staff, unquote(self.kwargs["pk"]), given["reason"])


def _others(report: Report) -> list[Report]:
    on_target = Report.objects.filter(target_kind=report.target_kind, target_id=report.target_id)
    found = on_target.order_by("-created_at")[: MOST_OTHERS + 1]
    return [other for other in found if other.pk != report.pk][:MOST_OTHERS]


def _restrictions(report: Report) -> list[Restriction]:
    if not report.user_id:
        return []
    return list(Restriction.objects.filter(user_id=report.user_id).order_by("-created_at")[:10])


def _excerpt(report: Report) -> Any:
    if report.target_kind == TargetKind.MESSAGE:
        return excerpt_around(report.target_id)
    return latest_of(report.room_id) if report.room_id else None


def _room_url(report: Report) -> str:
    if not report.room_id:
        return ""
    return room_url(report.room_id, report.target_id if report.target_kind == TargetKind.MESSAGE else "")
