"""What staff do on the page of a report: take it, take measures, close it, go on to the next one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from asgiref.sync import async_to_sync
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from conversations.errors import REFUSALS
from conversations.models import Message
from moderation import services
from moderation.admin.acts import end_of, sentence, staff_of
from moderation.admin.links import report_url
from moderation.models import Outcome, RedactedOriginal, Report, ReportState, Restriction, RestrictionKind, TargetKind
from moderation.staff import Staff, may

_PERMISSIONS: Final = {
    Outcome.REDACTED: "moderation.redact_message",
    Outcome.MUTED: "moderation.add_restriction",
    Outcome.BANNED: "moderation.add_restriction",
    Outcome.ROOM_CLOSED: "moderation.close_room",
}
"""What an outcome takes that is more than a word."""
_RESTRICTIONS: Final = {RestrictionKind.MUTE: Outcome.MUTED, RestrictionKind.BAN: Outcome.BANNED}
_LABELS: Final[dict[Outcome, str | Promise]] = {
    Outcome.REDACTED: gettext_lazy("Redact the message"),
    Outcome.MUTED: gettext_lazy("Mute the user for"),
    Outcome.BANNED: gettext_lazy("Ban the user for"),
    Outcome.ROOM_CLOSED: gettext_lazy("Close the room"),
    Outcome.WARNED: gettext_lazy("Warned: I wrote to them"),
    Outcome.OTHER: gettext_lazy("Something else was done"),
}
_KEYS: Final = {
    Outcome.REDACTED: "r",
    Outcome.MUTED: "m",
    Outcome.BANNED: "b",
    Outcome.ROOM_CLOSED: "c",
    Outcome.WARNED: "w",
    Outcome.OTHER: "o",
}

_MOST_ORIGINALS: Final = 20


@dataclass(frozen=True, slots=True)
class Choice:
    """One box to tick.

    Attributes:
        label: What it says.
        key: The key of the keyboard that ticks it.
        is_ticked: Whether it is.
        is_done: Whether it is done already: ticking it does nothing more.
        term: The field of how long; None: there is none.
    """

    value: str
    label: str | Promise
    key: str
    is_ticked: bool
    is_done: bool
    term: Any


def measures_for(request: HttpRequest, report: Report, form: forms.Form) -> list[Choice]:
    """The boxes of a report's form: those that make sense of its target, and that the viewer may tick."""
    done, ticked = done_since(report), form["outcomes"].value() or []
    possible = {
        Outcome.REDACTED: report.target_kind == TargetKind.MESSAGE,
        Outcome.MUTED: bool(report.user_id),
        Outcome.BANNED: bool(report.user_id),
        Outcome.ROOM_CLOSED: bool(report.room_id),
    }
    terms = {Outcome.MUTED: form["mute_for"], Outcome.BANNED: form["ban_for"]}
    return [
        Choice(
            value=outcome.value,
            label=label,
            key=_KEYS[outcome],
            is_ticked=outcome.value in ticked,
            is_done=outcome.value in done,
            term=terms.get(outcome),
        )
        for outcome, label in _LABELS.items()
        if possible.get(outcome, True)
        and (outcome.value in done or outcome not in _PERMISSIONS or may(request, _PERMISSIONS[outcome]))
    ]


def done_since(report: Report) -> list[str]:
    """What was done already: the message is redacted, the user restricted since the report was taken."""
    done: list[str] = []
    if report.target_kind == TargetKind.MESSAGE:
        message = Message.objects.filter(pk=report.target_id).first()
        if message is not None and message.redacted_at is not None:
            done.append(Outcome.REDACTED.value)
    if report.user_id and report.taken_at is not None:
        since = Restriction.objects.filter(user_id=report.user_id, created_at__gte=report.taken_at)
        now = timezone.now()
        kinds = {restriction.kind for restriction in since[:20] if restriction.is_active(now)}
        done += [outcome.value for kind, outcome in _RESTRICTIONS.items() if kind.value in kinds]
    return done


def just_redacted(request: HttpRequest, report: Report) -> RedactedOriginal | None:
    """The original of the reported message, for who has just redacted it while working on the report."""
    if report.assignee_id != str(request.user.pk) or report.taken_at is None or report.closed_at is not None:
        return None
    if report.target_kind != TargetKind.MESSAGE:
        return None
    mine = {"redacted_by": request.user.get_username(), "redacted_at__gte": report.taken_at}
    return RedactedOriginal.objects.filter(pk=report.target_id, **mine).first()


def has_just_redacted_picture(request: HttpRequest, key: str) -> bool:
    """Whether a picture is the original of a message that the viewer has just redacted while working on a report.

    Args:
        request: The viewer's.
        key: The upload's key.
    """
    mine = RedactedOriginal.objects.filter(image=key, redacted_by=request.user.get_username())
    about = {"target_kind": TargetKind.MESSAGE, "state": ReportState.IN_REVIEW}
    return any(
        just_redacted(request, report)
        for original in mine[:_MOST_ORIGINALS]
        for report in Report.objects.filter(**about, target_id=original.pk)[:1]
    )


def act_on_report(request: HttpRequest, report: Report, form: Any) -> HttpResponse | None:
    """Do the `act` of the form.

    `take`, `return`; `do`: take measures; `resolve`, `dismiss`, and the same with `-next`, which take the next report.

    Returns:
        Where to go; None: the form has errors to show.
    """
    staff, key = staff_of(request), str(report.pk)
    try:
        match request.POST.get("act"):
            case "take":
                async_to_sync(services.take)(staff, key)
                messages.success(request, _("The report is yours. Colleagues see that you work on it."))
            case "return":
                async_to_sync(services.return_to_queue)(staff, key)
                messages.success(request, _("The report is in the queue again."))
                return HttpResponseRedirect(_queue_url())
            case "restore":
                return _restore(request, report)
            case "do" | "resolve" | "resolve-next" | "dismiss" | "dismiss-next" as act:
                return _decide(request, report, form, act)
            case act:
                messages.error(request, _("There is no act %(act)r on a report.") % {"act": act})
    except REFUSALS as refusal:
        messages.error(request, sentence(refusal).replace(f"report {report.pk}", _("this report")))
    return HttpResponseRedirect(report_url(report))


def _restore(request: HttpRequest, report: Report) -> HttpResponse:
    """Undo a redaction: who has just redacted the message knows what it said, and may restore it."""
    original = just_redacted(request, report)
    if original is None or not may(request, _PERMISSIONS[Outcome.REDACTED]):
        raise PermissionDenied
    why = _("Undone while working on the report")
    async_to_sync(services.restore_message)(staff_of(request), original.message_id, why)
    messages.success(request, _("The message is restored: both sides see it again."))
    return HttpResponseRedirect(report_url(report))


def _decide(request: HttpRequest, report: Report, form: Any, act: str) -> HttpResponse | None:
    if not form.is_valid():
        return None
    staff, key, note = staff_of(request), str(report.pk), form.cleaned_data["note"]
    closes, _dash, goes_on = act.partition("-")
    if closes == "dismiss":
        closed = async_to_sync(services.dismiss)(staff, key, note)
        _say_closed(request, report, closed, resolved=False)
        return _onwards(request, staff) if goes_on else HttpResponseRedirect(_queue_url())
    outcomes = [Outcome(value) for value in form.cleaned_data["outcomes"]]
    measures = _measures(request, report, form, outcomes)
    if not outcomes:
        text = _("Choose what was done. If nothing was to be done, dismiss the report.")
        form.add_error("outcomes", text)
        return None
    if measures.outcomes() and not note.strip():
        form.add_error("note", _("Say why: it is kept in the audit."))
        return None
    if measures.outcomes():
        async_to_sync(services.take_measures)(staff, key, measures, note)
    if closes == "do":
        messages.success(request, _("Done. The report is still yours."))
        return HttpResponseRedirect(report_url(report))
    closed = async_to_sync(services.resolve)(staff, key, outcomes, note)
    _say_closed(request, report, closed, resolved=True)
    return _onwards(request, staff) if goes_on else HttpResponseRedirect(_queue_url())


def _measures(request: HttpRequest, report: Report, form: Any, outcomes: list[Outcome]) -> services.Measures:
    """What of the outcomes is still to be done. PermissionDenied: the user may not do it."""
    missing = {outcome for outcome in outcomes if outcome in _PERMISSIONS} - set(map(Outcome, done_since(report)))
    if not all(may(request, _PERMISSIONS[outcome]) for outcome in missing):
        raise PermissionDenied
    now, given = timezone.now(), form.cleaned_data

    def term(outcome: Outcome, field: str) -> services.Term | None:
        return services.Term(end_of(given[field] or "24", None, now)) if outcome in missing else None

    return services.Measures(
        redact=Outcome.REDACTED in missing,
        mute=term(Outcome.MUTED, "mute_for"),
        ban=term(Outcome.BANNED, "ban_for"),
        close_room=Outcome.ROOM_CLOSED in missing,
        told=given.get("told", ""),
    )


def _onwards(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Take the next report, and show it; the queue where there is none."""
    following = async_to_sync(services.take_next)(staff)
    if following is None:
        messages.info(request, _("No report is open. Well done!"))
    return HttpResponseRedirect(_queue_url() if following is None else report_url(following))


def _say_closed(request: HttpRequest, report: Report, closed: list[Report], *, resolved: bool) -> None:
    """Say how many reports are closed, with a link to where that can be undone."""
    count = len(closed)
    text = (
        ngettext("The report is resolved.", "%(count)s reports are resolved.", count)
        if resolved
        else ngettext("The report is dismissed.", "%(count)s reports are dismissed.", count)
    )
    url = reverse("admin:moderation_report_reopen", args=[report.pk])
    undo = format_html('<a href="{}">{}</a>', url, _("Reopen…"))
    messages.success(request, format_html("{} {}", text % {"count": count}, undo))


def _queue_url() -> str:
    return reverse("admin:moderation_report_changelist")
