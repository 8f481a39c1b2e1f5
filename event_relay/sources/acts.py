"""Events of moderation's audit: acts of staff that other services can act upon.

The reason and the name of staff are left out on purpose: they are the audit's. Redactions come as changes of messages,
and decisions about reports from `reports`.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from event_relay.change import Change, Document
from event_relay.event import Event
from event_relay.sources.source import Source
from moderation.models import Act, AuditRecord
from persistence.timestamps import from_wire

RELAYED = (
    Act.USER_MUTED,
    Act.USER_BANNED,
    Act.ROOM_SLOWED,
    Act.RESTRICTION_LIFTED,
    Act.ROOM_CLOSED,
    Act.ROOM_REOPENED,
    Act.MESSAGE_RESTORED,
    Act.PERSON_ERASED,
)
"""The acts that are events, under their own names."""


def from_change(change: Change) -> Iterator[Event]:
    """Yield the act's event; a record is only ever inserted."""
    if change.document is not None:
        yield from _events(change.document)


def from_document(record: Document, since: datetime.datetime) -> Iterator[Event]:
    """Yield the act's event, the same as of its change."""
    yield from _events(record)


ACTS = Source(
    collection=AuditRecord._meta.db_table,
    watched={"operationType": "insert", "fullDocument.act": {"$in": [act.value for act in RELAYED]}},
    from_change=from_change,
    from_document=from_document,
    dated_by=("at",),
    types=tuple(act.value for act in RELAYED),
)


def _events(record: Document) -> Iterator[Event]:
    if record["act"] not in RELAYED:
        return
    data: dict[str, Any] = {
        "target_kind": record["target_kind"],
        "target_id": record["target_id"],
        "room_id": record["room_id"] or None,
        "user_id": record["user_id"] or None,
        **_restriction(record),
        "at": record["at"],
    }
    yield Event(
        record["act"],
        record["room_id"],
        record["target_id"],
        str(record["_id"]),
        record["at"],
        record="ModerationAct",
        data=data,
        user_id=record["user_id"],
    )


def _restriction(record: Document) -> dict[str, Any]:
    described = (record["after"] or record["before"]) if record["target_kind"] == "restriction" else {}
    ends_at = described.get("ends_at")
    return {
        "restriction": described.get("kind"),
        "interval": described.get("interval"),
        "ends_at": None if ends_at is None else from_wire(ends_at),
    }
