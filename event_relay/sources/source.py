"""What a watched collection contributes to the events."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from event_relay.change import Change, Document
from event_relay.event import Event


@dataclass(frozen=True, slots=True)
class Source:
    """One watched collection and how its documents become events.

    Attributes:
        collection: The collection's name.
        watched: A `$match` on change documents of the collection: MongoDB sends no others.
        from_change: Makes the events of one change, in order.
        from_document: Makes the events that a document shows to have happened at or after an instant; used where the
            changes are lost.
        dated_by: The fields with the times of those events: of a document with such an event, one of them is at or
            after the instant.
        types: The types of all events that it makes.
        room: The field with the room's id; an index begins with it.
    """

    collection: str
    watched: dict[str, Any]
    from_change: Callable[[Change], Iterator[Event]]
    from_document: Callable[[Document, datetime.datetime], Iterator[Event]]
    dated_by: Sequence[str]
    types: tuple[str, ...]
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
