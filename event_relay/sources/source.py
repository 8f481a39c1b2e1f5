"""What a collection contributes: which changes to watch, the events of one change, and those that a document proves."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from event_relay.change import Change, Document
from event_relay.event import Event


@dataclass(frozen=True, slots=True)
class Source:
    """`watched`: a `$match` on change documents of this collection, so that MongoDB sends no others.

    `changed`: the events of one change, in order. `standing`: the events that a document as it stands shows to have
    happened at or after an instant, for when the changes themselves can no longer be had. `dated_by`: the fields one of
    which is later than such an instant then. `room`: the field that names the room, which an index begins with.
    """

    collection: str
    watched: dict[str, Any]
    changed: Callable[[Change], Iterator[Event]]
    standing: Callable[[Document, datetime.datetime], Iterator[Event]]
    dated_by: Sequence[str]
    room: str = "room_id"

    def match(self) -> dict[str, Any]:
        """The source's part of the stream's `$match`."""
        return {"$and": [{"ns.coll": self.collection}, self.watched]}


def has_new(*fields: str) -> list[dict[str, Any]]:
    """Conditions on an update: one of these fields has a new value."""
    return [{f"updateDescription.updatedFields.{field}": {"$exists": True}} for field in fields]


def has_lost(*fields: str) -> list[dict[str, Any]]:
    """Conditions on an update: one of these fields is gone."""
    return [{"updateDescription.removedFields": field} for field in fields]
