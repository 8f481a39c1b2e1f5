"""Events of single changes: of documents as they were, and of changes that others than this server make."""

from __future__ import annotations

import datetime
from typing import Any

from bson import Timestamp

from event_relay.change import read_change
from event_relay.event import Event
from event_relay.sources import SOURCES
from persistence.timestamps import UTC

AT = datetime.datetime(2026, 11, 22, 8, tzinfo=UTC)
MESSAGE = {
    "_id": "m1", "room_id": "7.501", "from": "7", "to": "501", "type": "TEXT", "content": "third",
    "created_at": AT, "updated_at": AT,
}  # fmt: skip


def events(collection: str, document: dict[str, Any], second: int, **updated: Any) -> list[Event]:
    """The events of an update that happened so many seconds after `AT`, the document being this one when looked up."""
    raw = {
        "operationType": "update",
        "ns": {"coll": collection},
        "documentKey": {"_id": document["_id"]},
        "clusterTime": Timestamp(int(AT.timestamp()) + second, 1),
        "updateDescription": {"updatedFields": updated, "removedFields": []},
        "fullDocument": document,
    }
    [changed] = [source.from_change for source in SOURCES if source.collection == collection]
    return list(changed(read_change(raw)))


def test_edits_that_leave_updated_at_alone_are_events_of_their_own() -> None:
    """As a script makes them. A consumer drops an id that it has seen."""
    second = events("cz_messages", MESSAGE, 1, content="second")
    third = events("cz_messages", MESSAGE, 2, content="third")
    assert [event.data["content"] for event in second + third] == ["second", "third"]
    assert len({event.id for event in second + third}) == 2
    assert third[0].id == events("cz_messages", MESSAGE, 2, content="third")[0].id, "a repeat has the same id"


def test_an_edit_is_known_by_its_time_wherever_it_is_told() -> None:
    """Also by a catch-up, which has the document alone."""
    later = AT + datetime.timedelta(minutes=1)
    document = {**MESSAGE, "updated_at": later}
    [source] = [source for source in SOURCES if source.collection == "cz_messages"]
    [edited] = events("cz_messages", document, 60, content="third", updated_at=later)
    assert edited.id in {event.id for event in source.from_document(document, AT + datetime.timedelta(seconds=1))}
