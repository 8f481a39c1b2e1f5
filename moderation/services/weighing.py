"""Weighing reports anew when what their priority depends on has changed."""

from __future__ import annotations

from collections import defaultdict

from pymongo import UpdateOne

from moderation.models import Report, ReportState, Restriction
from moderation.models.reports import UNFINISHED
from persistence.mongodb import Document, durable, in_parts

MOST_COUNTED = 100
"""Where counting the reports on one target ends."""
MOST_PAST = 6
"""More of the past makes no difference."""
_WEIGHED = ("reporters", "past", "priority", "level", "urgent_at")


def weigh_target(report: Report) -> None:
    """Weigh all unfinished reports on a report's target. Runs in a thread of the store, as all functions here."""
    _weigh({"target_kind": report.target_kind, "target_id": report.target_id})


def weigh_user(user_id: str) -> None:
    """Weigh all unfinished reports about a user, of whom staff have found something since."""
    if user_id:
        _weigh({"user_id": user_id})


def weigh_late_ones() -> None:
    """Weigh unfinished reports without an urgency: a process of the version before took them in after the migration."""
    for state in UNFINISHED:  # each alone: the embedded store finds no two by the index
        _weigh({"state": state, "urgent_at": None})


def past_of(user_id: str) -> int:
    """How often staff have found against a user: restrictions and resolved reports, up to MOST_PAST."""
    if not user_id:
        return 0
    restrictions = durable(Restriction).count_documents({"user_id": user_id}, limit=MOST_PAST)
    upheld = {"user_id": user_id, "state": ReportState.RESOLVED}
    return min(MOST_PAST, restrictions + durable(Report).count_documents(upheld, limit=MOST_PAST))


def _weigh(indexed: Document) -> None:
    """A priority is a function of what is stored: of two who weigh at once, the last one is right."""
    unfinished = {"state": {"$in": list(UNFINISHED)}, **indexed}
    keys = [str(found["_id"]) for found in durable(Report).find(unfinished, ["_id"])]
    past: dict[str, int] = {}
    for part in in_parts(keys):
        reports = list(Report.objects.filter(pk__in=part))
        counts = _reporters_of(reports)
        changes = []
        for report in reports:
            before = [getattr(report, name) for name in _WEIGHED]
            if report.user_id not in past:
                past[report.user_id] = past_of(report.user_id)
            report.weigh(counts[report.target_kind, report.target_id], past[report.user_id])
            if before != [getattr(report, name) for name in _WEIGHED]:
                changed = {name: getattr(report, name) for name in _WEIGHED}
                changes.append(UpdateOne({"_id": report.pk}, {"$set": changed}))
        if changes:
            durable(Report).bulk_write(changes, ordered=False)


def _reporters_of(reports: list[Report]) -> defaultdict[tuple[str, str], int]:
    counts = defaultdict[tuple[str, str], int](int)
    for kind, target_id in {(report.target_kind, report.target_id) for report in reports}:
        on_target = {"target_kind": kind, "target_id": target_id, "state": {"$in": list(UNFINISHED)}}
        counts[kind, target_id] = durable(Report).count_documents(on_target, limit=MOST_COUNTED)
    return counts
