"""Searching back in time by windows: for lists that show the latest first and stop when a page is full.

Rows that are rare among many take long to find, and one query for all of time would answer only with a full page. A
window is a range of an index. Windows begin short and grow while they are read quickly: few rows far back are reached
in a few steps, and no step takes long where there are many.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from persistence.keyset import Place
from persistence.timestamps import from_milliseconds, to_milliseconds

BEGINNING: Final = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
"""Nothing is older, unless it has no time at all."""

clock: Callable[[], float] = time.perf_counter
"""Seconds, for every limit of a search: read as `windows.clock()`, so that a test can give another."""

FIRST = datetime.timedelta(hours=1)
_QUICK = 0.02
_SLOW = 0.06
"""Seconds that reading one window took."""


def can_be_near(instant: datetime.datetime) -> bool:
    """Whether the calendar has days before and after an instant in any time zone."""
    return datetime.MINYEAR < instant.year < datetime.MAXYEAR


def place_from(text: str) -> Place | None:
    """Parse the place that `in_address` wrote; None: there is none."""
    milliseconds, mark, row_id = text.partition("~")
    if not mark:
        return None
    try:
        at = from_milliseconds(int(milliseconds)) if milliseconds else None
    except (ValueError, OverflowError):
        return None
    return Place(at, row_id) if at is None or can_be_near(at) else None


def in_address(place: Place) -> str:
    """A place as a query parameter."""
    return f"{'' if place.at is None else to_milliseconds(place.at)}~{place.id}"


class Window(NamedTuple):
    """From an instant to just before another; `until` None: without an end."""

    since: datetime.datetime
    until: datetime.datetime | None

    def condition(self) -> dict[str, Any]:
        """The condition on an indexed field."""
        return {"$gte": self.since, **({} if self.until is None else {"$lt": self.until})}


def going_back(until: datetime.datetime | None, since: datetime.datetime, about: datetime.datetime) -> Iterator[Window]:
    """Yield windows back in time, the latest first.

    The time between taking one window and the next is taken as the time that reading it took.

    Args:
        until: The end of the first window; None: without an end.
        since: The beginning of the last window.
        about: Where the latest rows may be.
    """
    end, length = until, FIRST
    start = min(about, until or about) - length
    while True:
        began = clock()
        yield Window(max(start, since), end)
        took = clock() - began
        if start <= since:
            return
        if took < _QUICK:
            length *= 4
        elif took > _SLOW:
            length = max(length / 2, FIRST / 60)
        end = start
        start = end - length if end - since > length else since
