"""How urgent a report is: by its reason, by how many report the same, by the past of the user, and by its age."""

from __future__ import annotations

import datetime
import math
from typing import Final

from django.db import models

SEVERITY: Final = {
    "fraud": 4,
    "hate": 4,
    "sexual": 4,
    "harassment": 3,
    "personal_data": 3,
    "prohibited_goods": 3,
    "spam": 2,
    "filter": 2,
    "other": 1,
}
"""By reason; 1 for any other."""
MOST_REPORTERS: Final = 10
"""More reports on the same count as so many: a crowd can be called together."""
HEAD_START: Final = datetime.timedelta(hours=4)
"""What a doubled priority is worth: as much waiting. So nothing waits for ever."""


class Level(models.TextChoices):
    """The priority, roughly: what the queue can be narrowed by."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


def priority_of(reason: str, reporters: int, past: int) -> int:
    """Reckon a priority: severity × reporters × past, from 1 to 160.

    Args:
        reason: A `ReportReason`.
        reporters: Unfinished reports on the same target; from MOST_REPORTERS on no more are counted.
        past: How often staff have found against the reported user: none counts 1, one or two 2, up to five 3, more 4.
    """
    factor = 1 if past < 1 else 2 if past < 3 else 3 if past < 6 else 4
    return SEVERITY.get(reason, 1) * max(1, min(reporters, MOST_REPORTERS)) * factor


def level_of(priority: int) -> Level:
    """The level of a priority: 16 is high, 4 is medium."""
    return Level.HIGH if priority >= 16 else Level.MEDIUM if priority >= 4 else Level.LOW


def urgent_at(created_at: datetime.datetime, priority: int) -> datetime.datetime:
    """The instant by which the queue is ordered, the earliest first: when the report came, less its head start."""
    return created_at - HEAD_START * math.log2(max(1, priority))
