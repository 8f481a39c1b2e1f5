"""Catching up: events that the collections show to have happened since an instant, where the changes are lost.

It is slower than the changes, since it reads all rooms. It is less exact: what left no trace in a document gets no
event, and what may have happened gets one; docs/kafka.md says which. Ids are those of the changes wherever a document
allows it.

Rooms are read in the order of their ids, some at once, each with all documents about it, by an index. So catching up
can stop after any batch and resume after it. The first batch is what concerns no room.
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
from event_relay.sources import Source
from persistence.mongodb import in_parts

MARGIN = datetime.timedelta(minutes=5)
"""Added before the instant: servers date documents by their own clocks, and before they write them."""
PAGE: Final = 500
"""Rooms whose ids are read at once."""
_NO_ROOM = ("", None)


@dataclass(frozen=True, slots=True)
class Batch:
    """What the documents about some rooms show.

    Attributes:
        until: The last room of the batch: all rooms up to it are read with this batch.
        events: The events of each room in the order of their time.
        unreadable: The documents of which no event could be made.
    """

    until: str
    events: list[Event] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)


def batches_since(
    database: Database[dict[str, Any]], sources: Sequence[Source], since: datetime.datetime, after: str | None
) -> Iterator[Batch]:
    """Read all events that documents show to have happened since an instant.

    Args:
        database: The database, with aware times.
        sources: The collections that are read.
        since: From when on.
        after: Resume after the batch that ended with this room; None: begin at the beginning.

    Returns:
        The batches, read as they are taken.
    """
    if after is None:
        yield _batch(database, sources, _NO_ROOM, "", since)
    rooms = database[Room._meta.db_table]
    last = after or ""
    while page := [room["_id"] for room in rooms.find({"_id": {"$gt": last}}, ["_id"], sort=[("_id", 1)], limit=PAGE)]:
        for keys in in_parts(page):
            yield _batch(database, sources, keys, keys[-1], since)
        last = page[-1]


def stages(source: Source, keys: Sequence[str | None], since: datetime.datetime) -> list[dict[str, Any]]:
    """The pipeline for a source's documents about some rooms. The first stage is what an index finds."""
    dated = {"$or": [{name: {"$gte": since}} for name in source.dated_by]}
    return [{"$match": {source.room: {"$in": list(keys)}}}, {"$match": dated}]


def _batch(
    database: Database[dict[str, Any]],
    sources: Sequence[Source],
    keys: Sequence[str | None],
    until: str,
    since: datetime.datetime,
) -> Batch:
    batch = Batch(until)
    by_room = defaultdict[str, list[Event]](list)
    for source in sources:
        for document in database[source.collection].aggregate(stages(source, keys, since)):
            for found in or_unreadable(source.from_document(document, since), document):
                if isinstance(found, Unreadable):
                    batch.unreadable.append(found)
                else:
                    by_room[found.room_id].append(found.as_recovered())
    for _, events in sorted(by_room.items()):
        batch.events.extend(sorted(events, key=lambda event: event.time))
    return batch
