"""The order of a room's messages, (created_at, _id), as conditions that are each a range of the index of histories.

Several ranges, one after the other, and not one condition with an `$or` in it: each is a plain range to the planner.
Into how many a range of time is cut is the database engine's matter (`time_ranges`).

Old messages may lack `created_at`: they sort before all others, and lie in no interval of time.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection

from persistence.timestamps import from_milliseconds

Condition = dict[str, Any]

_UNDATED: Condition = {"created_at": None}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands: its `created_at`, in milliseconds since 1970, and its id."""

    created_at: int | None
    message_id: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the order: between two instants, where there are any, both excluded; and from which end it is read.

    `about`: tells where that end may lie, if that is known. It decides how the time is cut, not what is found.
    """

    oldest_first: bool
    after: datetime.datetime | None = None
    before: datetime.datetime | None = None
    about: Callable[[], datetime.datetime | None] | None = None

    def conditions(self, beyond: Place | None) -> Iterator[Condition]:
        """What to ask for, one after the other, until enough is found: all messages, or those that follow a place.

        OverflowError: that place is in no year.
        """
        undated = [_UNDATED] if self.after is None and self.before is None else []
        dated = self
        if beyond is not None:
            next_ids = {"_id": {"$gt" if self.oldest_first else "$lt": beyond.message_id}}
            if beyond.created_at is None:
                yield from ({**condition, **next_ids} for condition in undated)
                if self.oldest_first:
                    yield from self._dated()
                return
            at = from_milliseconds(beyond.created_at)
            if self._has(at):
                yield {"created_at": at, **next_ids}
            dated = self._from(at)
        elif self.oldest_first:
            yield from undated
        yield from dated._dated()
        if not self.oldest_first:
            yield from undated

    def _has(self, at: datetime.datetime) -> bool:
        return (self.after is None or self.after < at) and (self.before is None or at < self.before)

    def _from(self, at: datetime.datetime) -> Stretch:
        if self.oldest_first:
            return replace(self, after=at if self.after is None else max(self.after, at))
        return replace(self, before=at if self.before is None else min(self.before, at))

    def _dated(self) -> Iterator[Condition]:
        ranges = connection.ops.time_ranges(  # type: ignore[attr-defined]  # our engine's own
            self.after, self.before, oldest_first=self.oldest_first, about=self.about
        )
        yield from ({"created_at": times} for times in ranges)
