"""Decisions about many reports: all that are about the same are one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bson import ObjectId
from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from moderation import services
from moderation.admin.acts import LONGEST_REASON, ReasonForm, RestrictForm
from moderation.admin.reports.rows import look_up
from moderation.admin.worklists.many import Given, ManyAct, Subject
from moderation.models import Report, TargetKind
from moderation.models.reports import UNFINISHED
from moderation.staff import Staff
from persistence.mongodb import in_parts

_CHANGE: Final = "moderation.change_report"


class NoteForm(forms.Form):
    """What colleagues should know; it may stay empty."""

    reason = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60}),
        help_text=_("For colleagues, and kept in the audit."),
    )


def _targets(keys: Sequence[str]) -> list[Subject]:
    """One unfinished report on each target."""
    found = [
        report
        for part in in_parts([key for key in keys if ObjectId.is_valid(key)])
        for report in Report.objects.filter(pk__in=part, state__in=UNFINISHED)
    ]
    first = list({(report.target_kind, report.target_id): report for report in found}.values())
    look_up(first)
    return [Subject(str(each.pk), each.name or each.user_id or each.room_id, each.content) for each in first]  # type: ignore[attr-defined]  # set by `look_up`


def _about_messages(keys: Sequence[str]) -> list[Subject]:
    subjects = _targets(keys)
    found = Report.objects.filter(pk__in=[each.key for each in subjects], target_kind=TargetKind.MESSAGE)
    about = {str(key) for key in found.values_list("pk", flat=True)}
    return [each for each in subjects if each.key in about]


def _about_users(keys: Sequence[str]) -> list[Subject]:
    subjects = _targets(keys)
    found = Report.objects.filter(pk__in=[each.key for each in subjects]).exclude(user_id="")
    about = {str(key) for key in found.values_list("pk", flat=True)}
    return [each for each in subjects if each.key in about]


async def _dismiss(staff: Staff, key: str, given: Given) -> Any:
    await services.take(staff, key)
    await services.dismiss(staff, key, given["reason"])


async def _redact(staff: Staff, key: str, given: Given) -> Any:
    await services.decide(staff, key, services.Measures(redact=True), given["reason"])


async def _mute(staff: Staff, key: str, given: Given) -> Any:
    measures = services.Measures(mute=services.Term(given["end"]), told=given.get("told", ""))
    await services.decide(staff, key, measures, given["reason"])


MANY: Final = {
    "dismiss": ManyAct(
        label=_("Dismiss…"),
        title=_("Dismiss these reports?"),
        explanation=_("Nothing has to be done about them. All reports about the same are dismissed with each."),
        button=_("Dismiss them"),
        done=lambda count: ngettext("%(count)s is dismissed.", "%(count)s are dismissed.", count) % {"count": count},
        permissions=(_CHANGE,),
        form=NoteForm,
        subjects=_targets,
        do=_dismiss,
        key="e",
    ),
    "redact": ManyAct(
        label=_("Redact and resolve…"),
        title=_("Redact these messages, and resolve what was reported about them?"),
        explanation=_("They disappear for both sides at once. The originals are kept: a lead can restore each."),
        button=_("Redact and resolve"),
        done=lambda count: (
            ngettext("%(count)s message is redacted.", "%(count)s messages are redacted.", count) % {"count": count}
        ),
        permissions=(_CHANGE, "moderation.redact_message"),
        form=ReasonForm,
        subjects=_about_messages,
        do=_redact,
        hurts=True,
        key="r",
    ),
    "mute": ManyAct(
        label=_("Mute and resolve…"),
        title=_("Mute these users, and resolve what was reported about them?"),
        explanation=_("They can still connect and read, but cannot write anywhere."),
        button=_("Mute and resolve"),
        done=lambda count: ngettext("%(count)s is resolved.", "%(count)s are resolved.", count) % {"count": count},
        permissions=(_CHANGE, "moderation.add_restriction"),
        form=RestrictForm,
        subjects=_about_users,
        do=_mute,
        hurts=True,
        key="m",
    ),
}
