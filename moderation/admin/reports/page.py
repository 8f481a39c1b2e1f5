"""The page of a report: the target in its context, and the acts of staff."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.http import urlencode

from conversations.errors import REFUSALS
from moderation import services
from moderation.admin.acts import LONGEST_REASON, ActView, NoForm, sentence, staff_of
from moderation.admin.links import found_or_404, report_url, room_url
from moderation.admin.reports.evidence import as_reported
from moderation.admin.rooms.transcript import excerpt_around, latest_of
from moderation.models import AuditRecord, Outcome, Report, Restriction, TargetKind
from moderation.models.reports import UNFINISHED
from moderation.staff import Staff

MOST_OTHERS = 20


class DecisionForm(forms.Form):
    """The decision about a report; `outcome` only if something was done."""

    outcome = forms.ChoiceField(choices=[("", "Choose…"), *Outcome.choices], required=False)
    note = forms.CharField(
        required=False,
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text="For colleagues, and kept in the audit.",
    )


def report_page(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse | TemplateResponse:
    """Show a report; on POST do the `act`: take, return, resolve or dismiss."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    report = found_or_404(Report, unquote(object_id))
    form = DecisionForm(request.POST if "outcome" in request.POST else None, initial=_initial(request))
    if request.method == "POST":
        if not model_admin.has_change_permission(request):
            raise PermissionDenied
        answer = _act(request, report, form)
        if answer is not None:
            return answer
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Report",
        "subtitle": str(report),
        "opts": model_admin.opts,
        "report": report,
        "form": form,
        "may_work": model_admin.has_change_permission(request),
        "is_mine": report.assignee_id == str(request.user.pk),
        "is_finished": report.state not in UNFINISHED,
        "others": _others(report),
        "restrictions": _restrictions(report),
        "now": timezone.now(),
        "records": AuditRecord.objects.filter(target_kind="report", target_id=str(report.pk)).order_by("-at")[:20],
        "here": report_url(report),
        "room_url": _room_url(report),
        "excerpt": _excerpt(report),
        "as_reported": as_reported(report, request),
        "mute_query": _query_of_act(report, Outcome.MUTED),
        "ban_query": _query_of_act(report, Outcome.BANNED),
        "redact_query": _query_of_act(report, Outcome.REDACTED),
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


class RedactView(ReportActView):
    """Redacting the reported message."""

    permission = "moderation.redact_message"
    title = "Redact the reported message"
    button = "Yes, redact this message"
    done = "The message is redacted: both sides see it go."
    hurts = True

    def explanation(self) -> list[str]:
        return [
            "The message disappears for both sides at once. The original is kept: a lead can restore it, on the "
            "room's page."
        ]

    @cached_property
    def report(self) -> Report:
        """The report, which is about a message. Http404: there is none such."""
        report = found_or_404(Report, unquote(self.kwargs["pk"]))
        if report.target_kind != TargetKind.MESSAGE:
            raise Http404(f"report {report.pk} is not about a message")
        return report

    async def act(self, staff: Staff, given: dict[str, Any]) -> None:
        report = await sync_to_async(lambda: self.report)()
        await services.redact_message(staff, report.target_id, given["reason"])


def _act(request: HttpRequest, report: Report, form: DecisionForm) -> HttpResponse | None:
    """Do the act of the form. None: the form has errors to show."""
    staff, key = staff_of(request), str(report.pk)
    try:
        match request.POST.get("act"):
            case "take":
                async_to_sync(services.take)(staff, key)
                messages.success(request, "The report is yours. Colleagues see that you work on it.")
            case "return":
                async_to_sync(services.return_to_queue)(staff, key)
                messages.success(request, "The report is in the queue again.")
                return HttpResponseRedirect(_queue_url())
            case "resolve" | "dismiss" as act:
                return _close(request, report, form, resolves=act == "resolve")
            case act:
                messages.error(request, f"There is no act {act!r} on a report.")
    except REFUSALS as refusal:
        messages.error(request, sentence(refusal).replace(f"report {report.pk}", "this report"))
    return HttpResponseRedirect(report_url(report))


def _close(request: HttpRequest, report: Report, form: DecisionForm, *, resolves: bool) -> HttpResponse | None:
    if not form.is_valid():
        return None
    outcome, note = form.cleaned_data["outcome"], form.cleaned_data["note"]
    if resolves and not outcome:
        form.add_error("outcome", "Choose what was done. If nothing was to be done, dismiss the report.")
        return None
    staff, key = staff_of(request), str(report.pk)
    if resolves:
        closed = async_to_sync(services.resolve)(staff, key, Outcome(outcome), note)
    else:
        closed = async_to_sync(services.dismiss)(staff, key, note)
    many = f"{len(closed)} reports are" if len(closed) > 1 else "The report is"
    messages.success(request, f"{many} {'resolved' if resolves else 'dismissed'}.")
    return HttpResponseRedirect(_queue_url())


def _queue_url() -> str:
    return reverse("admin:moderation_report_changelist")


def _initial(request: HttpRequest) -> dict[str, str]:
    outcome = request.GET.get("outcome", "")
    return {"outcome": outcome} if outcome in Outcome.values else {}


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


def _query_of_act(report: Report, outcome: Outcome) -> str:
    """Parameters that return staff to the report with the outcome chosen, and fill in the beginning of the reason."""
    back = f"{report_url(report)}?{urlencode({'outcome': outcome.value})}"
    text = f": {report.text}" if report.text else ""
    return urlencode({"next": back, "reason": f"Reported for {report.get_reason_display().lower()}{text}"[:500]})
