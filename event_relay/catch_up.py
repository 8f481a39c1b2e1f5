"""When the changes themselves can no longer be had: what the collections show to have happened since an instant.

Slow, for it looks at whole collections, and less exact than the changes: what left no trace in a document is not told,
and what may have happened is told (docs/kafka.md says which). Ids are those of the changes wherever a document allows.
"""

from __future__ import annotations

import datetime
import heapq
import itertools
from collections.abc import Iterator
from typing import Any

from pymongo.database import Database

from event_relay.event import Event
from event_relay.sources import SOURCES, Source

MARGIN = datetime.timedelta(minutes=5)
"""Documents are dated by the servers' clocks before they are written; this is allowed for clocks and late writes."""


def events_since(database: Database[dict[str, Any]], since: datetime.datetime) -> Iterator[Event]:
    """All events that documents show to have happened since, those of each room in the order of their time."""
    by_room = heapq.merge(*(_of(source, database, since) for source in SOURCES), key=_room)
    for _, events in itertools.groupby(by_room, key=_room):
        yield from sorted(events, key=lambda event: event.time)


def _of(source: Source, database: Database[dict[str, Any]], since: datetime.datetime) -> Iterator[Event]:
    dated = {"$or": [{field: {"$gte": since}} for field in source.dated_by]}
    for document in database[source.collection].find(dated).sort(list(source.order)).allow_disk_use(True):
        yield from (event.as_recovered() for event in source.standing(document, since))


def _room(event: Event) -> str:
    return event.room_id
