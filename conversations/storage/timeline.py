"""The order of a room's messages, (created_at, _id), as conditions that are each a range of the index of histories.

Several ranges, one after the other, and not one condition with an `$or` in it: each is a plain range to the planner of
any MongoDB. A long time is cut in pieces, because SecantusDB reads every document of a range to find its first few
(measured in a room of 20,000 messages: 700 ms for all of it, 47 ms for a day); to MongoDB a piece costs a seek.

Old messages may lack `created_at`: they sort before all others, and lie in no interval of time.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from persistence.timestamps import UTC, from_milliseconds

Condition = dict[str, Any]

_PIECES = (datetime.timedelta(days=1), datetime.timedelta(days=30))
_BEGINNING = datetime.datetime.min.replace(tzinfo=UTC)
_END = datetime.datetime.max.replace(tzinfo=UTC)
_UNDATED: Condition = {"created_at": None}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands: its `created_at`, in milliseconds since 1970, and its id."""

    created_at: int | None
    message_id: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the order: between two instants, where there are any, both excluded; and from which end it is read.

    `about`: where that end may lie, if it is known. It decides how the time is cut, not what is found.
    """

    oldest_first: bool
    after: datetime.datetime | None = None
    before: datetime.datetime | None = None
    about: datetime.datetime | None = None

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
                    yield from self._pieces()
                return
            at = from_milliseconds(beyond.created_at)
            if self._has(at):
                yield {"created_at": at, **next_ids}
            dated = self._from(at)
        elif self.oldest_first:
            yield from undated
        yield from dated._pieces()
        if not self.oldest_first:
            yield from undated

    def _has(self, at: datetime.datetime) -> bool:
        return (self.after is None or self.after < at) and (self.before is None or at < self.before)

    def _from(self, at: datetime.datetime) -> Stretch:
        if self.oldest_first:
            return replace(self, after=at if self.after is None else max(self.after, at))
        return replace(self, before=at if self.before is None else min(self.before, at))

    def _pieces(self) -> Iterator[Condition]:
        """The times of this stretch: a day, then a month from where it begins, then the rest."""
        low: Condition = {"$gt": self.after or _BEGINNING}
        high: Condition = {} if self.before is None else {"$lt": self.before}
        for edge in self._edges():
            if not self._has(edge):
                break
            if self.oldest_first:
                yield {"created_at": {**low, "$lt": edge}}
                low = {"$gte": edge}
            else:
                yield {"created_at": {"$gte": edge, **high}}
                high = {"$lt": edge}
        yield {"created_at": {**low, **high}}

    def _edges(self) -> list[datetime.datetime]:
        start = (self.after if self.oldest_first else self.before) or self.about
        if start is None or not _BEGINNING + _PIECES[-1] < start < _END - _PIECES[-1]:
            return []
        return [start + piece if self.oldest_first else start - piece for piece in _PIECES]
