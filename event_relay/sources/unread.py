"""Messages that may come to be unread: each new one, which `webhooks/unread.py` looks at when it is due."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from conversations.models import Message
from event_relay.change import Change, Document
from event_relay.event import Event
from event_relay.sources.source import Source
from persistence.fields import text_in
from persistence.timestamps import stored_time


def from_change(change: Change) -> Iterator[Event]:
    """Yield what may be an event later: of a new message to somebody. What the operator writes is to nobody."""
    if change.inserted and change.document is not None:
        yield from _candidate(change.document, change.at)


def from_document(document: Document, since: datetime.datetime) -> Iterator[Event]:
    """Yield the same of a message that was written since an instant."""
    created_at = stored_time(document.get("created_at"))
    if created_at is not None and created_at >= since:
        yield from _candidate(document, created_at)


UNREAD = Source(
    collection=Message._meta.db_table,
    watched={"operationType": "insert"},
    from_change=from_change,
    from_document=from_document,
    dated_by=("created_at",),
    types=("message.unread",),
)


def _candidate(document: Document, at: datetime.datetime) -> Iterator[Event]:
    message_id, room_id, receiver = text_in(document, "_id"), text_in(document, "room_id"), text_in(document, "to")
    if receiver:
        when = stored_time(document.get("created_at")) or at
        data = {"from": text_in(document, "from"), "to": receiver}
        yield Event("message.unread", room_id, message_id, "", when, record="", data=data)
