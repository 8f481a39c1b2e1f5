"""The schema of conversation events may grow, and must stay readable: what was ever published can be read by it.

`published/` holds each version that consumers may have. Whoever changes the schema adds the new version there.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import fastavro
import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import parse

from event_relay.change import Change
from event_relay.event import Event
from event_relay.sinks.kafka_records import SCHEMA
from event_relay.sources import acts, messages, reports, rooms
from persistence.timestamps import UTC

PUBLISHED = sorted((Path(__file__).parent / "published").glob("*.avsc"))
AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def readable(reader: str, writer: str) -> bool:
    """Whether a reader with one schema understands what was written with another."""
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    verdict = checker.get_compatibility(parse(reader), parse(writer))
    return verdict.compatibility == SchemaCompatibilityType.compatible


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_what_was_written_with_a_published_schema_can_be_read_with_the_one_of_now(path: Path) -> None:
    assert readable(SCHEMA, path.read_text())


def test_the_schema_of_now_is_published() -> None:
    assert json.loads(SCHEMA) in [json.loads(path.read_text()) for path in PUBLISHED]


def test_an_incompatible_change_would_be_found() -> None:
    changed = json.loads(SCHEMA)
    changed["fields"].append({"name": "tenant", "type": "string"})
    assert not readable(json.dumps(changed), SCHEMA), "a new field without a default"
    changed["fields"][-1]["default"] = ""
    assert readable(json.dumps(changed), SCHEMA)


def change(collection: str, updated: dict[str, Any], document: dict[str, Any], *, inserted: bool = False) -> Change:
    return Change(collection, inserted, str(document["_id"]), updated, frozenset(), document, AT, "1.1")


def every_event() -> Iterator[Event]:
    """One of each type, of documents as bare as the old service may have left them."""
    message, room = {"_id": "m1", "room_id": "7.9"}, {"_id": "7.9"}
    yield from messages.from_change(change("cz_messages", message, message, inserted=True))
    yield from messages.from_change(change("cz_messages", {"content": "x"}, message))
    yield from messages.from_change(change("cz_messages", {"redacted_at": AT, "content": ""}, message))
    yield from messages.from_change(change("cz_messages", {"is_seen": True}, message))
    yield from rooms.from_change(change("cz_rooms", room, room, inserted=True))
    yield from rooms.from_change(change("cz_rooms", {"deleted_by_buyer": True, "buyer_deleted_at": AT}, room))
    yield from rooms.from_change(change("cz_rooms", {"deleted_by_buyer": False}, {**room, "buyer_deleted_at": AT}))
    yield from rooms.from_change(change("cz_rooms", {"blocked_by": "BUYER"}, room))
    yield from rooms.from_change(change("cz_rooms", {"blocked_by": None}, room))
    report = {
        "_id": "r1", "target_kind": "user", "target_id": "9", "room_id": "", "user_id": "9", "reporter": "7",
        "reason": "spam", "outcome": "", "state": "open", "created_at": AT,
    }  # fmt: skip
    yield from reports.from_change(change("moderation_report", report, report, inserted=True))
    for state in ("resolved", "dismissed"):
        yield from reports.from_change(change("moderation_report", {"state": state, "closed_at": AT}, report))
    for act in acts.RELAYED:
        record = {
            "_id": "a1", "at": AT, "act": act.value, "target_kind": "restriction", "target_id": "x1", "room_id": "",
            "user_id": "9", "before": {}, "after": {},
        }  # fmt: skip
        yield from acts.from_change(change("moderation_auditrecord", record, record, inserted=True))


def test_every_event_fits_the_schema_also_of_bare_documents() -> None:
    events = list(every_event())
    assert [event.type for event in events] == [
        "message.created",
        "message.updated",
        "message.redacted",
        "messages.seen",
        "room.created",
        "room.deleted",
        "room.enabled",
        "room.blocked",
        "room.unblocked",
        "report.opened",
        "report.resolved",
        "report.dismissed",
        "user.muted",
        "user.banned",
        "room.slowed",
        "restriction.lifted",
        "room.closed",
        "room.reopened",
        "message.restored",
        "person.erased",
    ]
    schema = fastavro.parse_schema(json.loads(SCHEMA))
    for event in events:
        out = io.BytesIO()
        data = (f"chozoi.conversations.{event.record}", event.data)
        fastavro.schemaless_writer(out, schema, {**event.attributes(), "data": data}, strict=True)
        out.seek(0)
        read: Any = fastavro.schemaless_reader(out, schema, None)
        assert read["data"] == event.data
