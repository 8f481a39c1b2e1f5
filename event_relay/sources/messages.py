"""Events of `cz_messages`."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterator
from typing import Any

from conversations.models import Message
from event_relay.change import Change, Document
from event_relay.event import Event
from event_relay.sources.source import Source, has_new
from persistence.engine.values import as_text
from persistence.fields import text_in
from persistence.timestamps import stored_time, to_wire

logger = logging.getLogger(__name__)

ONCE = ""
"""The occurrence of what happens to a message once."""


def from_change(change: Change) -> Iterator[Event]:
    """Yield the events of a change: created; redacted, or else edited; seen."""
    document = change.document
    if document is None:
        logger.warning("message %s was changed and is gone meanwhile: there is no event of the change", change.key)
        return
    if change.inserted:
        yield _created(document, change.at)
        return
    if (redacted_at := stored_time(change.updated.get("redacted_at"))) is not None:
        yield _redacted(document, redacted_at)
    elif "content" in change.updated:
        yield _edited(document, change)
    if change.updated.get("is_seen") is True:
        yield _seen({**document, **_times(change)}, change.at)


def from_document(document: Document, since: datetime.datetime) -> Iterator[Event]:
    """Yield the events that a message shows to have happened since an instant.

    Being seen and being edited both set `updated_at`, so a later one yields both events.
    """
    created_at, updated_at = stored_time(document.get("created_at")), stored_time(document.get("updated_at"))
    redacted_at = stored_time(document.get("redacted_at"))
    created = created_at is not None and created_at >= since
    if created:
        yield _created(document, since)
    if redacted_at is not None:
        if redacted_at >= since:
            yield _redacted(document, redacted_at)
    elif updated_at is not None and updated_at >= since and updated_at != created_at:
        yield _updated(document, since)
    if document.get("is_seen") is True and (created or (updated_at is not None and updated_at >= since)):
        yield _seen(document, since)


MESSAGES = Source(
    collection=Message._meta.db_table,
    watched={
        "$or": [
            {"operationType": {"$in": ["insert", "replace"]}},
            {
                "operationType": "update",
                "$or": [*has_new("content", "redacted_at"), {"updateDescription.updatedFields.is_seen": True}],
            },
        ]
    },
    from_change=from_change,
    from_document=from_document,
    dated_by=("created_at", "updated_at", "redacted_at"),
    types=("message.created", "message.updated", "message.redacted", "messages.seen"),
)


def _created(document: Document, at: datetime.datetime) -> Event:
    return _event("message.created", document, ONCE, stored_time(document.get("created_at")) or at)


def _edited(document: Document, change: Change) -> Event:
    """An edit, identified by its `updated_at`, else by its place in the stream: it must not repeat the last edit."""
    document = {**document, "content": change.updated["content"], **_times(change)}
    if stored_time(change.updated.get("updated_at")) is not None:
        return _updated(document, change.at)
    return _event("message.updated", document, change.order, change.at)


def _updated(document: Document, at: datetime.datetime) -> Event:
    when = stored_time(document.get("updated_at")) or at
    return _event("message.updated", document, to_wire(when), when)


def _redacted(document: Document, when: datetime.datetime) -> Event:
    return _event("message.redacted", {**document, "redacted_at": when}, to_wire(when), when)


def _seen(document: Document, at: datetime.datetime) -> Event:
    """One event for each message: a message is seen once, which makes its id last."""
    seen_at = stored_time(document.get("updated_at"))
    message_id, room_id = text_in(document, "_id"), text_in(document, "room_id")
    data = {
        "message_id": message_id,
        "room_id": room_id,
        "from": text_in(document, "from"),
        "seen_by": text_in(document, "to"),
        "seen_at": seen_at,
    }
    return Event("messages.seen", room_id, message_id, ONCE, seen_at or at, record="MessageSeen", data=data)


def _event(kind: str, document: Document, occurrence: str, at: datetime.datetime) -> Event:
    data: dict[str, Any] = {
        "message_id": text_in(document, "_id"),
        "room_id": text_in(document, "room_id"),
        "from": text_in(document, "from"),
        "to": text_in(document, "to"),
        "type": text_in(document, "type"),
        # What was redacted is not spread further, whatever the document still holds.
        "content": None if document.get("redacted_at") is not None else text_in(document, "content"),
        "client_message_id": as_text(document.get("client_message_id")),
        **{name: stored_time(document.get(name)) for name in ("created_at", "updated_at", "redacted_at")},
    }
    return Event(kind, data["room_id"], data["message_id"], occurrence, at, record="Message", data=data)


def _times(change: Change) -> dict[str, Any]:
    return {"updated_at": change.updated["updated_at"]} if "updated_at" in change.updated else {}
