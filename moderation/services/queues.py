"""What waits for staff, in figures."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from django.db import models
from django.utils import timezone

from moderation.models import HeldMessage, HeldState, Report, ReportState
from persistence.mongodb import durable
from persistence.timestamps import stored_time

MOST: Final = 1000
"""Where counting ends: more is "1000+"."""


class Queues(NamedTuple):
    """What waits for staff; each count ends at MOST.

    Attributes:
        open_reports: Reports that nobody has taken.
        oldest_report: Seconds for which the first of them has waited; 0: none waits.
        held_messages: Messages that a filter keeps until staff have decided.
    """

    open_reports: int
    oldest_report: float
    held_messages: int


def queues_of_staff() -> Queues:
    """Count what waits for staff. Runs in a thread of the store."""
    waiting = {"state": ReportState.OPEN}
    first = durable(Report).find_one(waiting, ["created_at"], sort=[("created_at", 1)])
    since = None if first is None else stored_time(first.get("created_at"))
    oldest = 0.0 if since is None else (timezone.now() - since).total_seconds()
    return Queues(count(Report, waiting), oldest, count(HeldMessage, {"state": HeldState.HELD}))


def count(model: type[models.Model], condition: dict[str, Any]) -> int:
    """Count documents, MOST at most. Runs in a thread of the store."""
    return durable(model).count_documents(condition, limit=MOST)
