"""Documents that another program left odd: what can be told of them is, the rest is set aside, the relay goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from bson import ObjectId, json_util
from pymongo.database import Database

from devstack.embedded import EmbeddedKafka
from tests.conversations.oddities import NOON, odd_messages, odd_rooms
from tests.event_relay.chat import Chat
from tests.event_relay.conftest import NewRelay
from tests.event_relay.reading import Read, reading

pytestmark = pytest.mark.slow


@pytest.fixture
def chat(database: Database[dict[str, Any]]) -> Iterator[Chat]:
    """A room; what these tests leave behind is gone for those that follow."""
    yield Chat(database)
    for collection in (database.cz_rooms, database.cz_messages):
        collection.delete_many({"_id": {"$regex": "^odd"}})
        collection.delete_many({"_id": {"$not": {"$type": "string"}}})


@pytest.mark.parametrize("registry", [True, False], ids=["avro", "json"])
def test_every_odd_room_and_message_is_an_event(
    new_relay: NewRelay, chat: Chat, kafka: EmbeddedKafka, topic: str, registry: bool
) -> None:
    relay = new_relay(**({"SCHEMA_REGISTRY_URL": kafka.address} if registry else {}))
    relay.start_ready()
    rooms, messages = odd_rooms(chat.buyer, chat.seller), odd_messages(chat.id, chat.buyer, chat.seller)
    chat.database.cz_rooms.insert_many(rooms)
    chat.database.cz_messages.insert_many(messages)
    chat.change_message(messages[0]["_id"], content=7, updated_at="yesterday")
    chat.change_message(messages[1]["_id"], redacted_at="yesterday")
    [last] = chat.say("as ever")
    with reading(kafka.bootstrap_servers, topic, lambda value: {"value": value}) as read:
        read.until(lambda _: any(dict(r.headers() or [])["ce_subject"] == last.encode() for r in read.records), "it")
        subjects = {dict(record.headers() or [])["ce_subject"] for record in read.records}
    assert {str(document["_id"]).encode() for document in (*rooms, *messages) if document["_id"] != NOON} <= subjects
    assert relay.summary()["dead_letters"] == 0


def test_what_no_event_can_be_made_of_is_a_dead_letter_and_the_flow_goes_on(
    new_relay: NewRelay, chat: Chat, kafka: EmbeddedKafka, topic: str, read: Read
) -> None:
    relay = new_relay()
    relay.start_ready()
    report = {"_id": ObjectId(), "reason": ["spam"], "created_at": "yesterday"}
    chat.database.moderation_report.insert_one(report)
    chat.create()
    read.until(lambda _: read.types(chat.id) == ["room.created"], "what came after it")
    with reading(kafka.bootstrap_servers, f"{topic}.dlq", lambda value: json_util.loads(value)) as letters:
        letters.until(bool, "the dead letter")
    [letter], [record] = letters.events, letters.records
    headers: dict[str, Any] = dict(record.headers() or [])
    assert (letter["fullDocument"]["_id"], record.key()) == (report["_id"], str(report["_id"]).encode())
    assert headers["dlq.collection"] == b"moderation_report" and headers["dlq.topic"] == topic.encode()
    assert headers["dlq.reason"]
    assert relay.summary()["dead_letters"] == 1
    assert relay.stop() == 0
