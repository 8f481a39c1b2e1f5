"""The review of reports: who takes which, what is decided, and what is opened once more.

All unfinished reports on one target go together: who takes one of them has them all, and closes them all. Each step and
its audit record are one transaction. Where two members of staff take the same report at once, one gets it.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Sequence
from typing import Any, Final, Literal

from django.utils import timezone
from pymongo.errors import DuplicateKeyError

from conversations.errors import Code as ChatCode
from conversations.errors import RuleViolation
from moderation.announcements import announce_closing, announce_queue
from moderation.errors import Code
from moderation.models import Act, Outcome, Report, ReportState, TargetKind
from moderation.models.reports import UNFINISHED
from moderation.payloads import QueueChange
from moderation.services.audit import Target, recorded
from moderation.services.reports import open_key_of
from moderation.services.requirements import require_reason, require_stored
from moderation.services.weighing import weigh_target, weigh_user
from moderation.staff import Staff
from persistence.mongodb import Document, durable, in_store_thread
from persistence.timestamps import stored_time

_OLDEST_FIRST = [("created_at", 1), ("_id", 1)]
_MOST_URGENT_FIRST = [("urgent_at", 1)]
"""Alone, as the index has it: with the key besides, MongoDB would read and sort all that are open."""
_GRAVEST_FIRST: Final = (
    *(Outcome.BANNED, Outcome.MUTED, Outcome.ROOM_CLOSED, Outcome.REDACTED, Outcome.WARNED, Outcome.OTHER),
)
_LEFT: Final[Document] = {"assignee_id": None, "state": ReportState.IN_REVIEW}
"""Reports that somebody had whose account is gone: they have waited longest."""
_HOLDER: Final = ("assignee_id", "assignee_name", "taken_at")


async def take_next(staff: Staff) -> Report | None:
    """Take the most urgent open report into review.

    Reports whose assignee's account is gone come first. A report whose target a colleague works on joins that
    colleague's, and the next one is taken.

    Args:
        staff: Who takes it.

    Returns:
        The report; None: none is open.
    """
    taken = await in_store_thread(_take_next, staff)
    if taken is not None:
        await _announce("taken", taken, staff)
    return taken


async def take(staff: Staff, report_id: str) -> Report:
    """Take one report, and the others on its target, into review. Taking it twice is the same as once.

    Args:
        staff: Who takes it.
        report_id: The report's key.

    Returns:
        The report.

    Raises:
        RuleViolation: `report_not_found`. `report_not_yours`: a colleague works on its target. `report_closed`.
    """
    taken = await in_store_thread(_take, staff, report_id)
    await _announce("taken", taken, staff)
    return taken


async def return_to_queue(staff: Staff, report_id: str) -> None:
    """Return a report in review, and the others on its target, to the queue, whoever has them.

    Args:
        staff: Who returns them.
        report_id: The report's key.

    Raises:
        RuleViolation: `report_not_found`. `report_closed`.
    """
    await _announce("returned", await in_store_thread(_return_to_queue, staff, report_id), staff)


async def resolve(staff: Staff, report_id: str, outcomes: Sequence[Outcome], note: str = "") -> list[Report]:
    """Close a report, and the others on its target: something was done.

    Args:
        staff: Who closes them; the reports are in this person's review.
        report_id: The report's key.
        outcomes: What was done; at least one.
        note: What colleagues should know, for the audit.

    Returns:
        All the reports that were closed, the oldest first.

    Raises:
        RuleViolation: `validation_failed`: no outcome. `report_not_found`. `report_not_yours`: a colleague has it, or
            nobody has. `report_closed`.
    """
    if not outcomes:
        raise RuleViolation(ChatCode.VALIDATION_FAILED, "no outcome is given: say what was done, or dismiss the report")
    done = [outcome.value for outcome in _GRAVEST_FIRST if outcome in outcomes]
    return await _closed(staff, await in_store_thread(_close, staff, report_id, ReportState.RESOLVED, done, note))


async def dismiss(staff: Staff, report_id: str, note: str = "") -> list[Report]:
    """Close a report, and the others on its target: nothing has to be done.

    Args:
        staff: Who closes them; the reports are in this person's review.
        report_id: The report's key.
        note: What colleagues should know, for the audit.

    Returns:
        All the reports that were closed, the oldest first.

    Raises:
        RuleViolation: `report_not_found`. `report_not_yours`: a colleague has it, or nobody has. `report_closed`.
    """
    return await _closed(staff, await in_store_thread(_close, staff, report_id, ReportState.DISMISSED, [], note))


async def reopen(staff: Staff, report_id: str, reason: str) -> Report:
    """Take a closed report into review once more, with those that were closed together with it.

    What was done because of it stays done.

    Args:
        staff: Who reopens it, and has it then.
        report_id: The report's key.
        reason: Why, for the audit.

    Returns:
        The report.

    Raises:
        RuleViolation: `validation_failed`: there is no reason. `report_not_found`. `report_not_closed`.
            `report_not_yours`: a colleague works on its target.
    """
    reopened = await in_store_thread(_reopen, staff, report_id, require_reason(reason))
    await _announce("taken", reopened, staff)
    return reopened


async def _closed(staff: Staff, reports: list[Report]) -> list[Report]:
    await _announce("closed", reports, staff)
    await announce_closing(reports)
    return reports


async def _announce(
    change: Literal["new", "taken", "returned", "closed"], reports: Report | list[Report], staff: Staff
) -> None:
    """Announce what staff did with reports, and with all others on the same target."""
    found = reports if isinstance(reports, list) else await in_store_thread(_unfinished_with, reports)
    if found:
        keys = [str(report.pk) for report in found]
        await announce_queue(QueueChange(queue="reports", change=change, ids=keys, by=staff.name))


def _unfinished_with(report: Report) -> list[Report]:
    return list(Report.objects.filter(**_on_target(report), state__in=UNFINISHED))


def _take_next(staff: Staff) -> Report | None:
    reports = durable(Report)
    while True:
        next_one = reports.find_one(_LEFT, ["_id"], sort=_OLDEST_FIRST) or reports.find_one(
            {"state": ReportState.OPEN}, ["_id"], sort=_MOST_URGENT_FIRST
        )
        if next_one is None:
            return None
        with contextlib.suppress(RuleViolation):  # it is a colleague's, who has it now, or took it just now
            return _take(staff, str(next_one["_id"]))


def _take(staff: Staff, report_id: str) -> Report:
    report = _find(report_id)
    on_target, me = _on_target(report), staff.staff_id
    if report.state not in UNFINISHED or _gather(on_target) not in (None, me):
        raise _refusal(_find(report_id))

    def claim() -> None:
        nobodys = {"_id": report.pk, "state": {"$in": list(UNFINISHED)}, "assignee_id": None}
        durable(Report).update_one(nobodys, _taken(staff, timezone.now()))
        if _gather(on_target) != me:
            raise _refusal(_find(report_id))

    after = {"state": ReportState.IN_REVIEW.value, "assignee": staff.staff_id}
    recorded(staff, Act.REPORT_TAKEN, _target(report), claim, after=after)
    return _find(report_id)


def _gather(on_target: Document) -> Any:
    """Assign all unfinished reports on a target to the first who took one of them; returns that assignee, or None.

    Two who take two reports on one target at once come to the same answer here.
    """
    # With the assignee in the condition the embedded store reads all that is in review, or more.
    in_review = durable(Report).find({**on_target, "state": ReportState.IN_REVIEW})
    held = [report for report in in_review if report.get("assignee_id") is not None]
    if not held:
        return None
    first = min(held, key=lambda report: (stored_time(report.get("taken_at")) or timezone.now(), report["_id"]))
    holder = {"state": ReportState.IN_REVIEW, **{name: first.get(name) for name in _HOLDER}}
    durable(Report).update_many({**on_target, "state": {"$in": list(UNFINISHED)}}, {"$set": holder})
    return first["assignee_id"]


def _return_to_queue(staff: Staff, report_id: str) -> list[Report]:
    report = _find(report_id)
    if report.state not in UNFINISHED:
        raise _refusal(report)
    in_review = {**_on_target(report), "state": ReportState.IN_REVIEW}
    if durable(Report).find_one(in_review, ["_id"]) is None:
        return []
    recorded(
        staff,
        Act.REPORT_PUT_BACK,
        _target(report),
        lambda: durable(Report).update_many(
            in_review,
            {"$set": {"state": ReportState.OPEN}, "$unset": dict.fromkeys(_HOLDER, "")},
        ),
        before={"state": report.state, "assignee": report.assignee_id or ""},
        after={"state": ReportState.OPEN.value},
    )
    return _unfinished_with(report)


def _reopen(staff: Staff, report_id: str, reason: str) -> Report:
    report, me = _find(report_id), staff.staff_id
    if report.state in UNFINISHED:
        raise RuleViolation(Code.REPORT_NOT_CLOSED, f"report {report.pk} is not closed")
    for other in _unfinished_with(report):  # before anything is stored: not every MongoDB can take it back
        if other.assignee_id not in (None, me):
            raise _refusal(other)
    together = {**_on_target(report), "state": report.state, "closed_at": report.closed_at}
    change = _taken(staff, timezone.now())
    change["$set"] |= {"outcome": "", "outcomes": [], "note": ""}
    change["$unset"] = {"closed_at": ""}

    def again() -> None:
        if not durable(Report).update_many(together, change).modified_count:
            raise _refusal(_find(report_id))
        if _gather(_on_target(report)) != me:
            raise _refusal(_find(report_id))

    before = {"state": report.state, "outcomes": report.outcomes, "note": report.note}
    after = {"state": ReportState.IN_REVIEW.value, "assignee": me}
    recorded(staff, Act.REPORT_REOPENED, _target(report), again, before=before, after=after, reason=reason)
    _know_again(report)
    weigh_target(report)
    weigh_user(report.user_id)
    return _find(report_id)


def _know_again(report: Report) -> None:
    """Let reporters who report the same once more get their reopened reports, unless they have a newer one."""
    for each in _unfinished_with(report):
        if not each.open_key:
            key = open_key_of(each.reporter, TargetKind(each.target_kind), each.target_id)
            with contextlib.suppress(DuplicateKeyError):
                durable(Report).update_one({"_id": each.pk}, {"$set": {"open_key": key}})


def _close(staff: Staff, report_id: str, state: ReportState, outcomes: list[str], note: str) -> list[Report]:
    report = _find(report_id)
    in_my_review = {"state": ReportState.IN_REVIEW, "assignee_id": staff.staff_id}
    closing = [found["_id"] for found in durable(Report).find({**_on_target(report), **in_my_review}, ["_id"])]
    if report.pk not in closing:
        raise _refusal(report)
    closed = {"state": state, "outcome": outcomes[0] if outcomes else "", "outcomes": outcomes, "note": note}
    change = {"$set": {**closed, "closed_at": timezone.now()}, "$unset": {"open_key": ""}}

    def close() -> None:
        if not durable(Report).update_one({"_id": report.pk, **in_my_review}, change).modified_count:
            raise _refusal(_find(report_id))
        durable(Report).update_many({"_id": {"$in": closing}, **in_my_review}, change)

    recorded(
        staff,
        Act.REPORT_RESOLVED if state is ReportState.RESOLVED else Act.REPORT_DISMISSED,
        _target(report),
        close,
        before={"state": report.state},
        after={"state": state.value, "outcomes": outcomes, "reports": [str(key) for key in closing]},
        reason=note,
    )
    if state is ReportState.RESOLVED:
        weigh_user(report.user_id)
    return list(Report.objects.filter(pk__in=closing).order_by("created_at"))


def require_mine(staff: Staff, report_id: str) -> Report:
    """Read a report in somebody's review. Runs in a thread of the store.

    Raises:
        RuleViolation: `report_not_found`. `report_not_yours`: a colleague has it, or nobody has. `report_closed`.
    """
    report = _find(report_id)
    if report.state != ReportState.IN_REVIEW or report.assignee_id != staff.staff_id:
        raise _refusal(report)
    return report


def _taken(staff: Staff, now: datetime.datetime) -> Document:
    taken = {"assignee_id": staff.staff_id, "assignee_name": staff.name, "taken_at": now}
    return {"$set": {"state": ReportState.IN_REVIEW, **taken}}


def _on_target(report: Report) -> Document:
    return {"target_kind": report.target_kind, "target_id": report.target_id}


def _target(report: Report) -> Target:
    return Target("report", str(report.pk), report.room_id, report.user_id)


def free_reports_of(staff_id: str) -> None:
    """Take unfinished reports from an account that is gone. Runs in a thread of the store or of a command."""
    theirs = {"assignee_id": staff_id, "state": {"$in": list(UNFINISHED)}}
    durable(Report).update_many(theirs, {"$unset": {"assignee_id": "", "assignee_name": ""}})


def _find(report_id: str) -> Report:
    return require_stored(Report, report_id, Code.REPORT_NOT_FOUND, "report")


def _refusal(report: Report) -> RuleViolation:
    if report.state not in UNFINISHED:
        return RuleViolation(Code.REPORT_CLOSED, f"report {report.pk} is {report.get_state_display().lower()} already")
    if not report.assignee:
        return RuleViolation(Code.REPORT_NOT_YOURS, f"nobody works on report {report.pk} yet: take it first")
    return RuleViolation(Code.REPORT_NOT_YOURS, f"{report.assignee} works on report {report.pk}")
