"""Keyset pagination: a page begins behind the last row of the page before, in an order that ends in a unique key.

No row is lost or repeated when others are added or removed meanwhile, and page 1,000 costs what page 1 does. The order
here is (a field of time, `_id`). A row without a time stands before all others, and lies in no interval of time.
"""

from __future__ import annotations

import base64
import binascii
import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from persistence.database import connection
from persistence.fields import text_in
from persistence.timestamps import UTC, stored_time

Condition = dict[str, Any]
Position = TypeVar("Position", bound=Struct)

_EARLIEST = datetime.datetime.min.replace(tzinfo=UTC)
_LONGEST = 6000
"""Characters of a cursor."""


class Place(NamedTuple):
    """A row's place in the order.

    Attributes:
        at: The row's time; None: it has none.
        id: The row's `_id`.
    """

    at: datetime.datetime | None
    id: str

    @classmethod
    def of(cls, row: Mapping[str, Any], field: str) -> Place:
        """Read the place of a document.

        Args:
            row: The document.
            field: The name of the field with its time.
        """
        return cls(stored_time(row.get(field)), text_in(row, "_id"))

    @property
    def sort_key(self) -> tuple[bool, datetime.datetime, str]:
        """What rows sort by, the earliest first."""
        return (self.at is not None, self.at or _EARLIEST, self.id)

    def earlier(self, field: str) -> Condition:
        """Make the condition for the rows before this place, for a stage that filters what a range of an index found.

        Args:
            field: The name of the field with the time.
        """
        same = {field: self.at, "_id": {"$lt": self.id}}
        return same if self.at is None else {"$or": [{field: {"$lt": self.at}}, {field: None}, same]}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the order, and the end from which it is read.

        stretch = Stretch("created_at", oldest_first=False, before=yesterday)
        for condition in stretch.conditions(beyond=None):
            rows += collection.find({"room_id": "7.9", **condition}).sort(...)

    Attributes:
        field: The name of the field with the time.
        oldest_first: The order in which it is read.
        after: Rows up to this instant are left out; None: none are.
        before: Rows from this instant on are left out; None: none are.
        about: Tells about where the end lies that is read first, if that is known. It may change how the range of time
            is split, not what is found.
    """

    field: str
    oldest_first: bool
    after: datetime.datetime | None = None
    before: datetime.datetime | None = None
    about: Callable[[], datetime.datetime | None] | None = None

    def conditions(self, beyond: Place | None) -> Iterator[Condition]:
        """Make the conditions to query with, one after the other, until enough rows are found.

        Each is one range of an index. One condition for all would need an `$or`, which the planner does not read in
        order.

        Args:
            beyond: The place of the last row of the page before; None: it is the first page.
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
    """Encode the sort key of a page's last row as a text that clients send back and need not understand.

    A cursor grants nothing: what a caller may see is checked for each page.

    Args:
        position: The sort key.
    """
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def from_cursor(cursor: str, kind: type[Position]) -> Position:
    """Decode a cursor.

    Args:
        cursor: What a client sent.
        kind: The type of position that the list has.

    Raises:
        ValueError: It holds no position of this kind, or is not written as `to_cursor` writes it.
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
