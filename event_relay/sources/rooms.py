"""Events of `cz_rooms`. What messages change in their room (last message, counters) is no event, and is not watched."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from conversations.models import SIDES, Room
from event_relay.change import Change, Document
from event_relay.event import Event
from event_relay.sources.source import Source, has_lost, has_new
from identity import Role
from persistence.engine.values import as_text
from persistence.fields import text_in
from persistence.timestamps import stored_time, to_wire

_DELETED_AT = {role: fields.deleted_at for role, fields in SIDES.items()}
_DELETED_BY = {role: fields.deleted for role, fields in SIDES.items()}


def from_change(change: Change) -> Iterator[Event]:
    """Yield the events of a change: created; deleted by a side; enabled for a side or both; blocked or unblocked."""
    room: Document = {"_id": change.key, **(change.document or {})}
    if change.inserted:
        yield _event("room.created", room, "", stored_time(room.get("created_at")) or change.at)
        return
    for role in Role:
        if (deleted_at := stored_time(change.updated.get(_DELETED_AT[role]))) is not None:
            yield _deleted(room, role, deleted_at)
    when = stored_time(change.updated.get("updated_at")) or change.at
    enabled = [role for role in Role if change.updated.get(_DELETED_BY[role]) is False and room.get(_DELETED_AT[role])]
    if enabled:  # for both, or for one side alone
        yield _event("room.enabled", room, change.order, when, enabled[0].value if len(enabled) == 1 else None)
    if blocked_by := change.updated.get("blocked_by"):
        yield _event("room.blocked", room, change.order, when, as_text(blocked_by))
    elif "blocked_by" in change.updated or "blocked_by" in change.removed:
        yield _event("room.unblocked", room, change.order, when)


def from_document(room: Document, since: datetime.datetime) -> Iterator[Event]:
    """Yield the events that a room shows to have happened since an instant. Unblocking leaves no trace."""
    created_at, updated_at = stored_time(room.get("created_at")), stored_time(room.get("updated_at"))
    if created_at is not None and created_at >= since:
        yield _event("room.created", room, "", created_at)
    for role in Role:
        deleted_at = stored_time(room.get(_DELETED_AT[role]))
        if deleted_at is not None and deleted_at >= since:
            yield _deleted(room, role, deleted_at)
    if updated_at is None or updated_at < since:
        return
    if any(room.get(_DELETED_AT[role]) and room.get(_DELETED_BY[role]) is False for role in Role):
        yield _event("room.enabled", room, to_wire(updated_at), updated_at)
    if room.get("blocked_by"):
        yield _event("room.blocked", room, to_wire(updated_at), updated_at, as_text(room["blocked_by"]))


ROOMS = Source(
    collection=Room._meta.db_table,
    watched={
        "$or": [
            {"operationType": "insert"},
            {
                "operationType": "update",
                "$or": [
                    *has_new(*_DELETED_AT.values(), "blocked_by"),
                    *({f"updateDescription.updatedFields.{field}": False} for field in _DELETED_BY.values()),
                    *has_lost("blocked_by"),
                ],
            },
        ]
    },
    from_change=from_change,
    from_document=from_document,
    dated_by=("created_at", "updated_at", *_DELETED_AT.values()),
    types=("room.created", "room.deleted", "room.enabled", "room.blocked", "room.unblocked"),
    room="_id",
)


def _deleted(room: Document, role: Role, deleted_at: datetime.datetime) -> Event:
    return _event("room.deleted", room, f"{role.value} {to_wire(deleted_at)}", deleted_at, role.value)


def _event(kind: str, room: Document, occurrence: str, at: datetime.datetime, side: str | None = None) -> Event:
    room_id = text_in(room, "_id")
    data = {
        "room_id": room_id,
        **{field: text_in(room, field) for field in ("type", "buyer", "seller", "creator", "shop_id")},
        "side": side,
        **{name: stored_time(room.get(name)) for name in ("created_at", "updated_at")},
    }
    return Event(kind, room_id, room_id, occurrence, at, record="Room", data=data)
