"""Keyset pagination: a page begins behind the last row of the page before, in an order that ends in a unique key.

What is added or removed meanwhile makes no later row be lost or repeated, and page 1,000 costs what page 1 does. The
order here is (a field of time, `_id`). A row without a time stands before all others, and lies in no interval of time.
"""

from __future__ import annotations

import base64
import binascii
import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import msgspec
from django.db import connection
from msgspec import Struct

from persistence.fields import text_in
from persistence.timestamps import UTC, stored_time

Condition = dict[str, Any]
Position = TypeVar("Position", bound=Struct)

_EARLIEST = datetime.datetime.min.replace(tzinfo=UTC)
_LONGEST = 6000
"""Characters of a cursor."""


class Place(NamedTuple):
    """Where a row stands in such an order; `at` None: it has no time."""

    at: datetime.datetime | None
    id: str

    @classmethod
    def of(cls, row: Mapping[str, Any], field: str) -> Place:
        """The place of a document, whose time is in a field of this name."""
        return cls(stored_time(row.get(field)), text_in(row, "_id"))

    @property
    def sort_key(self) -> tuple[bool, datetime.datetime, str]:
        """What rows sort by, the earliest first."""
        return (self.at is not None, self.at or _EARLIEST, self.id)

    def earlier(self, field: str) -> Condition:
        """The rows before this place: for a stage that sorts out what a range of an index has found."""
        same = {field: self.at, "_id": {"$lt": self.id}}
        return same if self.at is None else {"$or": [{field: {"$lt": self.at}}, {field: None}, same]}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the order: between two instants, where there are any, both excluded; and from which end it is read.

    `field` holds the time. `about`: tells where the end may lie that is read first, if that is known. It decides how
    the time is cut, not what is found.
    """

    field: str
    oldest_first: bool
    after: datetime.datetime | None = None
    before: datetime.datetime | None = None
    about: Callable[[], datetime.datetime | None] | None = None

    def conditions(self, beyond: Place | None) -> Iterator[Condition]:
        """What to ask for, one after the other, until enough is found: all rows, or those that follow a place.

        Several ranges of an index, and not one condition with an `$or` in it: each is a plain range to the planner.
        """
        undated: list[Condition] = [{self.field: None}] if self.after is None and self.before is None else []
        dated = self
        if beyond is not None:
            next_ids = {"_id": {"$gt" if self.oldest_first else "$lt": beyond.id}}
            if beyond.at is None:
                yield from ({**condition, **next_ids} for condition in undated)
                if self.oldest_first:
                    yield from _dated(self)
                return
            if self._has(beyond.at):
                yield {self.field: beyond.at, **next_ids}
            dated = self._from(beyond.at)
        elif self.oldest_first:
            yield from undated
        yield from _dated(dated)
        if not self.oldest_first:
            yield from undated

    def _has(self, at: datetime.datetime) -> bool:
        return (self.after is None or self.after < at) and (self.before is None or at < self.before)

    def _from(self, at: datetime.datetime) -> Stretch:
        if self.oldest_first:
            return replace(self, after=at if self.after is None else max(self.after, at))
        return replace(self, before=at if self.before is None else min(self.before, at))


def _dated(stretch: Stretch) -> Iterator[Condition]:
    ranges = connection.ops.time_ranges(  # type: ignore[attr-defined]  # our engine's own
        stretch.after, stretch.before, oldest_first=stretch.oldest_first, about=stretch.about
    )
    yield from ({stretch.field: times} for times in ranges)


def to_cursor(position: Struct) -> str:
    """The sort key of a page's last row as a text that clients pass back and need not understand.

    It grants nothing: what a caller may see is asked anew for each page.
    """
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def from_cursor(cursor: str, kind: type[Position]) -> Position:
    """The position that a cursor holds.

    Raises: ValueError where it holds none of that kind, or is not written as `to_cursor` writes it.
    """
    if len(cursor) > _LONGEST:
        raise ValueError(f"a cursor has at most {_LONGEST} characters, this one has {len(cursor)}")
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        position = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=kind)
    except (binascii.Error, msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"{cursor[:40]!r} holds no position: {error}") from None
    if to_cursor(position) != cursor:
        raise ValueError(f"{cursor[:40]!r} is not as it was written")
    return position
