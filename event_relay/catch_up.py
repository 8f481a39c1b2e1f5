"""When the changes themselves can no longer be had: what the collections show to have happened since an instant.

Slow, for it looks at all rooms, and less exact than the changes: what left no trace in a document gets no event, and
what may have happened gets one (docs/kafka.md says which). Ids are those of the changes wherever a document allows.

Rooms are read a few at a time, in the order of their ids, with all that is about them, each by an index; so it can be
broken off after any of these pieces, and gone on with from there. What concerns no room is the first piece.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pymongo.database import Database

from conversations.models import Room
from event_relay.event import Event, Unreadable, or_unreadable
from event_relay.sources import SOURCES, Source
from persistence.mongodb import in_parts

MARGIN = datetime.timedelta(minutes=5)
"""Documents are dated by the servers' clocks before they are written; this is allowed for clocks and late writes."""
PAGE: Final = 500
"""Rooms whose ids are read at once."""
_NO_ROOM = ("", None)


@dataclass(frozen=True, slots=True)
class Piece:
    """What some rooms show; all rooms up to `until`, that one included, have been read with it."""

    until: str
    events: list[Event] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)


def pieces_since(database: Database[dict[str, Any]], since: datetime.datetime, after: str | None) -> Iterator[Piece]:
    """All events that documents show to have happened since, those of each room together, in the order of their time.

    `after`: go on after a piece that ended there; `None`: from the beginning.
    """
    if after is None:
        yield _piece(database, _NO_ROOM, "", since)
    rooms = database[Room._meta.db_table]
    last = after or ""
    while page := [room["_id"] for room in rooms.find({"_id": {"$gt": last}}, ["_id"], sort=[("_id", 1)], limit=PAGE)]:
        for keys in in_parts(page):
            yield _piece(database, keys, keys[-1], since)
        last = page[-1]


def stages(source: Source, keys: Sequence[str | None], since: datetime.datetime) -> list[dict[str, Any]]:
    """A pipeline for a source's documents about these rooms, which an index finds, of that time, asked of each."""
    dated = {"$or": [{name: {"$gte": since}} for name in source.dated_by]}
    return [{"$match": {source.room: {"$in": list(keys)}}}, {"$match": dated}]


def _piece(
    database: Database[dict[str, Any]], keys: Sequence[str | None], until: str, since: datetime.datetime
) -> Piece:
    piece = Piece(until)
    by_room = defaultdict[str, list[Event]](list)
    for source in SOURCES:
        for document in database[source.collection].aggregate(stages(source, keys, since)):
            for found in or_unreadable(source.standing(document, since), document):
                if isinstance(found, Unreadable):
                    piece.unreadable.append(found)
                else:
                    by_room[found.room_id].append(found.as_recovered())
    for _, events in sorted(by_room.items()):
        piece.events.extend(sorted(events, key=lambda event: event.time))
    return piece
