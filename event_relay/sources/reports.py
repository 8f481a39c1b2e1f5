"""Events of moderation's reports: opened by a user or a filter, resolved or dismissed by staff.

What the reporter and staff wrote, and the name of staff, are left out on purpose.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from event_relay.change import Change, Document
from event_relay.event import Event
from event_relay.sources.source import Source
from moderation.models import Report, ReportReason, ReportState

ONCE = ""
"""The occurrence of what happens to a report once: a closed one stays closed."""
_CLOSED = {ReportState.RESOLVED: "report.resolved", ReportState.DISMISSED: "report.dismissed"}


def from_change(change: Change) -> Iterator[Event]:
    """Yield the event of a change: opened or closed."""
    if change.document is None:
        return
    if change.inserted:
        yield _opened(change.document)
    else:
        yield _closed({**change.document, **change.updated})


def from_document(report: Document, since: datetime.datetime) -> Iterator[Event]:
    """Yield the events that a report shows to have happened since an instant; it keeps the times of both."""
    if report["created_at"] >= since:
        yield _opened(report)
    if report["state"] in _CLOSED and report["closed_at"] >= since:
        yield _closed(report)


REPORTS = Source(
    collection=Report._meta.db_table,
    watched={
        "$or": [
            {"operationType": "insert"},
            {
                "operationType": "update",
                "updateDescription.updatedFields.state": {"$in": [state.value for state in _CLOSED]},
            },
        ]
    },
    from_change=from_change,
    from_document=from_document,
    dated_by=("created_at", "closed_at"),
    types=("report.opened", *_CLOSED.values()),
)


def _opened(report: Document) -> Event:
    return _event("report.opened", report, report["created_at"])


def _closed(report: Document) -> Event:
    return _event(_CLOSED[report["state"]], report, report["closed_at"])


def _event(kind: str, report: Document, at: datetime.datetime) -> Event:
    by_filter = report["reason"] == ReportReason.FILTER
    data: dict[str, Any] = {
        "report_id": str(report["_id"]),
        "target_kind": report["target_kind"],
        "target_id": report["target_id"],
        "room_id": report["room_id"] or None,
        "user_id": report["user_id"] or None,
        "reporter": None if by_filter else report["reporter"],
        "reason": report["reason"],
        "outcome": report["outcome"] or None,
        "created_at": report["created_at"],
        "closed_at": report.get("closed_at"),
    }
    return Event(
        kind, report["room_id"], data["report_id"], ONCE, at, record="Report", data=data, user_id=report["user_id"]
    )
