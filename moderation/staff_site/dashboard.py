"""The dashboard: a few figures about the queues and the chat.

No count reads a whole collection: each ends at MOST, or reads one key.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from asgiref.sync import async_to_sync
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from conversations.storage.message_counter import messages_a_minute
from moderation.models import FilterHit, HeldMessage, HeldState, Report, ReportState, Restriction
from moderation.services.queues import MOST, count, queues_of_staff
from moderation.staff import may
from persistence.availability import StoreUnavailable
from persistence.mongodb import durable, in_store_thread
from persistence.redis_client import REDIS_AWAY, say_away
from presence import current as current_presence

logger = logging.getLogger(__name__)

MOST_HITS = 20_000
AGES = (("Under an hour", 0, 1), ("1 to 4 hours", 1, 4), ("4 to 24 hours", 4, 24), ("Over a day", 24, None))
HOURS = 24
WIDTH = 360
HEIGHT = 80


class Age(NamedTuple):
    """How many open reports have an age; `share` is the percentage of the largest such number."""

    label: str
    number: str
    share: float


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The figures of the front page. None: the store of a figure does not answer."""

    open_by_age: list[Age]
    in_review: str
    held: str
    restrictions: str
    hits: Chart
    hits_in_all: str
    messages: Chart | None
    messages_last_minute: int | None
    online: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, in the units of the chart's view box."""

    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar chart; the highest bar has its full height."""

    bars: list[Bar]
    highest: int
    first: str
    last: str
    width: int = WIDTH
    height: int = HEIGHT


def dashboard() -> Dashboard | None:
    """Read all figures; None: MongoDB does not answer."""
    try:
        return async_to_sync(_dashboard)()
    except StoreUnavailable as refusal:
        logger.info("the dashboard is empty: %s", refusal)
        return None


def queue_counts(request: HttpRequest) -> JsonResponse:
    """How many reports are open, and how many messages held: {`reports`, `held`}, for the menu; up to MOST."""
    if not may(request, "moderation.view_report"):
        raise PermissionDenied
    try:
        waiting = async_to_sync(in_store_thread)(queues_of_staff)
    except StoreUnavailable as refusal:
        return JsonResponse({"error": str(refusal)}, status=503)
    return JsonResponse({"reports": _shown(waiting.open_reports), "held": _shown(waiting.held_messages)})


def chart(values: Sequence[tuple[str, int]], *, first: str, last: str) -> Chart:
    """Make a chart.

    Args:
        values: A label and a number for each bar.
        first: The text below the first bar.
        last: The text below the last bar.
    """
    highest = max((value for _, value in values), default=0)
    step = WIDTH / max(1, len(values))
    bars = [
        Bar(
            x=round(number * step, 2),
            y=round(HEIGHT - _height(value, highest), 2),
            width=round(step * 0.8, 2),
            height=round(_height(value, highest), 2),
            label=f"{label}: {value}",
        )
        for number, (label, value) in enumerate(values)
    ]
    return Chart(bars, highest, first, last)


async def _dashboard() -> Dashboard:
    counts, messages, online = await asyncio.gather(
        in_store_thread(_counts, timezone.now()), _messages(), current_presence().count()
    )
    return Dashboard(**counts, **messages, online=online)


def _counts(now: datetime.datetime) -> dict[str, Any]:
    ages = {
        label: count(Report, {"state": ReportState.OPEN, "created_at": _between(now, *hours)}) for label, *hours in AGES
    }
    most = max(ages.values()) or 1
    hits = _hits_by_hour(now)
    return {
        "open_by_age": [Age(label, _shown(count), 100 * count / most) for label, count in ages.items()],
        "in_review": _shown(count(Report, {"state": ReportState.IN_REVIEW})),
        "held": _shown(count(HeldMessage, {"state": HeldState.HELD})),
        "restrictions": _shown(
            count(Restriction, {"lifted_at": None, "ends_at": None})
            + count(Restriction, {"lifted_at": None, "ends_at": {"$gt": now}})
        ),
        "hits": chart(hits, first=f"{HOURS} hours ago", last="now"),
        "hits_in_all": _shown(sum(count for _, count in hits), MOST_HITS),
    }


async def _messages() -> dict[str, Any]:
    try:
        counts = await messages_a_minute()
    except REDIS_AWAY as error:
        say_away("messages a minute are unknown", error)
        return {"messages": None, "messages_last_minute": None}
    ago = range(len(counts) - 1, -1, -1)
    labels = [f"{minutes} min ago" if minutes else "this minute" for minutes in ago]
    values = list(zip(labels, counts, strict=True))
    return {"messages": chart(values, first="an hour ago", last="now"), "messages_last_minute": counts[-2]}


def _hits_by_hour(now: datetime.datetime) -> list[tuple[str, int]]:
    """Hits by hour, the oldest hour first; the index of `at` serves it alone."""
    pipeline: list[dict[str, Any]] = [
        {"$match": {"at": {"$gt": now - datetime.timedelta(hours=HOURS)}}},
        {"$sort": {"at": -1}},
        {"$limit": MOST_HITS},
        {"$project": {"_id": 0, "at": 1}},
        {"$group": {"_id": {"$floor": {"$divide": [{"$subtract": [now, "$at"]}, 3_600_000]}}, "hits": {"$sum": 1}}},
    ]
    found = {int(hour["_id"]): int(hour["hits"]) for hour in durable(FilterHit).aggregate(pipeline)}
    return [(f"{hours} h ago" if hours else "this hour", found.get(hours, 0)) for hours in range(HOURS - 1, -1, -1)]


def _between(now: datetime.datetime, youngest: int, oldest: int | None) -> dict[str, datetime.datetime]:
    until = {"$lte": now - datetime.timedelta(hours=youngest)} if youngest else {}
    return until if oldest is None else {**until, "$gt": now - datetime.timedelta(hours=oldest)}


def _shown(count: int, most: int | None = None) -> str:
    most = MOST if most is None else most
    return f"{most}+" if count >= most else str(count)


def _height(value: int, highest: int) -> float:
    return max(1.5, HEIGHT * value / highest) if value else 0.0
