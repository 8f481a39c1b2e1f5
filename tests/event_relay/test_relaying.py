"""`manage.py relay_events` as a process, from the session's MongoDB to mock brokers over TCP."""

from __future__ import annotations

import contextlib
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from pymongo.database import Database

from devstack.embedded import EmbeddedKafka, free_port
from event_relay.position import TERM
from kafka_workers.wire_format import AvroDecoder
from persistence.timestamps import to_wire
from tests.event_relay.chat import Chat, now
from tests.event_relay.conftest import NewRelay
from tests.event_relay.reading import Read, reading
from tests.eventually import eventually_sync
from tests.kafka_workers.forwarded import forwarded

pytestmark = pytest.mark.slow


@pytest.fixture
def chat(database: Database[dict[str, Any]]) -> Chat:
    return Chat(database)


class TestEvents:
    def test_each_change_that_others_care_about_is_one_event_in_the_order_it_happened(
        self, new_relay: NewRelay, chat: Chat, read: Read
    ) -> None:
        new_relay().start_ready()
        chat.create()
        first, second = chat.say("hello", "again")
        chat.see()
        chat.change_message(first, content="hello!", updated_at=now())
        chat.change_message(second, content="", redacted_at=now())
        chat.change(buyer_unseen_messages=3, updated_at=now())
        chat.change(blocked_by="SELLER")
        chat.unblock()
        chat.delete("buyer")
        chat.change(deleted_by_buyer=False, updated_at=now())
        chat.delete("seller")
        chat.delete("seller")
        read.until(lambda _: len(read.types(chat.id)) >= 13, "all events")
        assert read.types(chat.id) == [
            "room.created",
            "message.created",
            "message.created",
            "messages.seen",
            "messages.seen",
            "message.updated",
            "message.redacted",
            "room.blocked",
            "room.unblocked",
            "room.deleted",
            "room.enabled",
            "room.deleted",
            "room.deleted",
        ]

    def test_an_event_is_a_cloudevent_keyed_by_its_room(self, new_relay: NewRelay, chat: Chat, read: Read) -> None:
        new_relay().start_ready()
        chat.create()
        [message] = chat.say("xin chào")
        read.until(lambda _: bool(read.of(chat.id, "message.created")), "the message")
        [event] = read.of(chat.id, "message.created")
        stored = chat.database.cz_messages.find_one({"_id": message})
        assert stored is not None
        created_at = to_wire(stored["created_at"])
        assert uuid.UUID(event.pop("id"))
        assert event == {
            "specversion": "1.0",
            "source": "/chozoi-conversations",
            "type": "message.created",
            "subject": message,
            "time": created_at,
            "partitionkey": chat.id,
            "recovered": False,
            "datacontenttype": "application/json",
            "data": {
                "message_id": message,
                "room_id": chat.id,
                "from": chat.buyer,
                "to": chat.seller,
                "type": "TEXT",
                "content": "xin chào",
                "client_message_id": None,
                "created_at": created_at,
                "updated_at": created_at,
                "redacted_at": None,
            },
        }
        [record] = [record for record in read.records if b"message.created" in dict(record.headers() or []).values()]
        headers: dict[str, Any] = dict(record.headers() or [])
        assert record.key() == chat.id.encode()
        assert headers["content-type"].startswith(b"application/cloudevents+json")
        assert headers["ce_subject"] == message.encode()

    def test_who_deleted_or_blocked_or_sees_it_again_is_told(self, new_relay: NewRelay, chat: Chat, read: Read) -> None:
        new_relay().start_ready()
        chat.create()
        chat.change(deleted_by_seller=False)
        chat.delete("seller")
        chat.change(deleted_by_seller=False, updated_at=now())
        chat.change(blocked_by="BUYER")
        read.until(lambda _: bool(read.of(chat.id, "room.blocked")), "the block")
        assert [event["data"]["side"] for event in read.of(chat.id, "room.enabled")] == ["SELLER"]
        assert read.of(chat.id, "room.deleted")[0]["data"]["side"] == "SELLER"
        assert read.of(chat.id, "room.blocked")[0]["data"]["side"] == "BUYER"

    def test_what_was_redacted_travels_without_its_content(self, new_relay: NewRelay, chat: Chat, read: Read) -> None:
        new_relay().start_ready()
        [message] = chat.say("a secret")
        chat.change_message(message, redacted_at=now())
        read.until(lambda _: bool(read.of(chat.id, "message.redacted")), "the redaction")
        assert read.of(chat.id, "message.redacted")[0]["data"]["content"] is None

    def test_with_a_registry_events_are_avro(
        self, new_relay: NewRelay, chat: Chat, kafka: EmbeddedKafka, topic: str
    ) -> None:
        new_relay(SCHEMA_REGISTRY_URL=kafka.address).start_ready()
        chat.create()
        [message] = chat.say("in Avro")
        chat.see()
        client = SchemaRegistryClient({"url": kafka.address})
        with reading(kafka.bootstrap_servers, topic, AvroDecoder(client)) as read:
            read.until(lambda _: len(read.types(chat.id)) == 3, "three events")
            [event] = read.of(chat.id, "message.created")
            assert event["data"]["content"] == "in Avro"
            assert isinstance(event["time"], datetime)
            assert read.of(chat.id, "messages.seen")[0]["data"]["message_id"] == message
            assert read.of(chat.id, "room.created")[0]["data"]["shop_id"] == "5"


class TestNothingIsLost:
    def test_what_happened_while_no_relay_ran_is_relayed_by_the_next(
        self, new_relay: NewRelay, chat: Chat, read: Read
    ) -> None:
        relay = new_relay()
        relay.start_ready()
        assert relay.stop() == 0
        chat.create()
        chat.say("anybody there?")
        relay.start_ready()
        read.until(lambda _: len(read.types(chat.id)) == 2, "both events")

    def test_after_a_kill_repeats_carry_the_same_ids(self, new_relay: NewRelay, chat: Chat, read: Read) -> None:
        relay = new_relay()
        relay.start_ready()
        chat.create()
        for number in range(20):
            chat.say(*(f"{number} {place}" for place in range(50)))
        read.until(lambda events: len(events) >= 100, "some events")
        relay.kill()
        relay.start()
        read.until(lambda _: len(read.types(chat.id)) == 1001, "all events")
        contents = [event["data"]["content"] for event in read.once() if event["type"] == "message.created"]
        assert contents == [f"{number} {place}" for number in range(20) for place in range(50)]
        by_message: dict[str, set[str]] = {}
        for event in read.of(chat.id, "message.created"):
            by_message.setdefault(event["subject"], set()).add(event["id"])
        assert all(len(ids) == 1 for ids in by_message.values())

    def test_a_position_that_mongodb_no_longer_has_is_made_good_from_the_collections(
        self, new_relay: NewRelay, chat: Chat, read: Read, topic: str
    ) -> None:
        relay = new_relay()
        relay.start_ready()
        chat.create()
        [before] = chat.say("told")
        read.until(lambda _: len(read.types(chat.id)) == 2, "the first events")
        relay.stop()
        [missed, redacted] = chat.say("missed", "redacted")
        chat.see()
        chat.change_message(redacted, content="", redacted_at=now())
        deleted_at = chat.delete("buyer")
        lost = {"$set": {"resume_token": {"_data": "8265" + "00" * 40}}}
        chat.database.event_relay_positions.update_one({"_id": topic}, lost)

        relay.start()
        read.until(lambda _: "room.deleted" in read.types(chat.id), "the last event")
        [event] = read.of(chat.id, "room.deleted")
        assert event["recovered"] is True
        assert event["time"] == to_wire(deleted_at)
        assert {event["subject"] for event in read.of(chat.id, "message.created")} == {before, missed, redacted}
        assert {event["subject"] for event in read.of(chat.id, "message.redacted")} == {redacted}
        assert {event["subject"] for event in read.of(chat.id, "messages.seen")} == {before, missed, redacted}
        ids = [event["id"] for event in read.of(chat.id, "message.created") if event["subject"] == before]
        assert len(ids) == 2 and len(set(ids)) == 1, "told again under its own id"
        assert "catching up from the collections" in relay.output
        [live] = chat.say("as it happens")
        read.until(lambda events: (live, False) in {(it["subject"], it["recovered"]) for it in events}, "it goes on")
        eventually_sync(lambda: relay.summary()["status"] == "ok", "it is ready again")
        assert relay.summary()["last_error"]["where"] == "history"

    def test_since_sends_what_happened_before_the_first_start(
        self, new_relay: NewRelay, chat: Chat, read: Read
    ) -> None:
        began = datetime.now(UTC).replace(microsecond=0)
        chat.create()
        chat.say("early")
        new_relay().start("--since", began.isoformat())
        read.until(lambda _: read.types(chat.id) == ["room.created", "message.created"], "both, in order")

    def test_since_leaves_out_nothing_that_happened_since_the_last_position(
        self, new_relay: NewRelay, chat: Chat, read: Read
    ) -> None:
        """Also what leaves no trace in a document, which only the changes tell of."""
        relay = new_relay()
        relay.start_ready()
        chat.create()
        read.until(lambda _: read.types(chat.id) == ["room.created"], "the first event")
        relay.stop()
        chat.change(blocked_by="SELLER")
        chat.unblock()
        relay.start("--since", datetime.now(UTC).isoformat())
        read.until(lambda _: "room.unblocked" in read.types(chat.id), "the last event")
        assert read.types(chat.id) == ["room.created", "room.blocked", "room.unblocked"]


def take_away_lease(topic: str, chat: Chat) -> None:
    """Have it held by another relay, for long."""
    chat.database.event_relay_positions.update_one(
        {"_id": topic}, {"$set": {"holder": "another", "expires_at": datetime(2100, 1, 1, tzinfo=UTC)}}
    )


class TestStandingBy:
    def test_what_stood_in_its_way_at_work_does_not_concern_who_stands_by(
        self, new_relay: NewRelay, chat: Chat, topic: str
    ) -> None:
        relay = new_relay(KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
        relay.start()
        eventually_sync(lambda: relay.summary().get("state") == "relaying", "it works")
        chat.create()
        eventually_sync(lambda: "kafka" in relay.summary()["problems"], "the trouble is told")
        eventually_sync(lambda: relay.summary()["lag"].get("events under way"), "the lag, too")
        take_away_lease(topic, chat)
        eventually_sync(lambda: relay.summary()["state"] == "standby", "it stands by")
        eventually_sync(lambda: relay.summary()["status"] == "ok", "it is ready")
        assert relay.summary()["lag"] == {}

    def test_who_loses_the_lease_while_catching_up_goes_on_where_the_other_one_left(
        self, new_relay: NewRelay, chat: Chat, read: Read, kafka: EmbeddedKafka, topic: str
    ) -> None:
        first, port = new_relay(), free_port()
        first.start_ready()
        chat.create()
        read.until(lambda _: read.types(chat.id) == ["room.created"], "the first event")
        first.stop()
        position = chat.database.event_relay_positions.find_one({"_id": topic}) or {}
        chat.database.event_relay_positions.update_one(
            {"_id": topic}, {"$set": {"resume_token": {"_data": "8265" + "00" * 40}}}
        )
        relay = new_relay(KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{port}")
        with contextlib.ExitStack() as later:
            forward = forwarded(port, int(kafka.bootstrap_servers.rpartition(":")[2]))
            relay.start()
            eventually_sync(lambda: relay.summary().get("state") == "catching up", "it catches up")
            take_away_lease(topic, chat)
            eventually_sync(lambda: relay.summary()["state"] == "standby", "it stands by")
            chat.change(blocked_by="SELLER")
            chat.unblock()
            chat.database.event_relay_positions.update_one(
                {"_id": topic},
                {"$set": {"holder": "", "resume_token": position["resume_token"], "catching_up": None}},
            )
            later.enter_context(forward)
            read.until(lambda _: "room.unblocked" in read.types(chat.id), "the last event")
            assert not any(event["recovered"] for event in read.events)

    def test_one_works_and_another_takes_over_at_once_when_it_stops(
        self, new_relay: NewRelay, chat: Chat, read: Read
    ) -> None:
        first, second = new_relay(), new_relay()
        first.start_ready()
        second.start_ready()
        assert first.summary()["state"] == "relaying"
        assert second.summary()["state"] == "standby"
        first.stop()
        eventually_sync(lambda: second.summary()["state"] == "relaying", "taken over", within=TERM / 2)
        chat.create()
        read.until(lambda _: read.types(chat.id) == ["room.created"], "the event")

    def test_another_takes_over_within_15_s_when_it_is_killed(
        self, new_relay: NewRelay, chat: Chat, read: Read
    ) -> None:
        first, second = new_relay(), new_relay()
        first.start_ready()
        second.start_ready()
        chat.create()
        read.until(lambda _: read.types(chat.id) == ["room.created"], "the event")
        first.kill()
        chat.say("meanwhile")
        eventually_sync(lambda: second.summary()["state"] == "relaying", "taken over", within=15)
        read.until(lambda _: read.types(chat.id) == ["room.created", "message.created"], "the event in between")


class TestReport:
    def test_lag_throughput_and_state_are_told(self, new_relay: NewRelay, chat: Chat, read: Read) -> None:
        relay = new_relay()
        relay.start_ready()
        chat.create()
        chat.say("one", "two")
        read.until(lambda _: len(read.types(chat.id)) == 3, "the events")
        eventually_sync(lambda: relay.summary()["lag"].get("seconds") == 0, "no lag")
        assert relay.summary()["per_second"] > 0
        assert relay.metric("event_relay_events_total") == 3
        assert relay.metric("event_relay_ready") == 1
        assert relay.metric("mongodb_command_seconds_count") > 3

    def test_brokers_that_are_away_are_told_and_nothing_is_given_up(self, new_relay: NewRelay, chat: Chat) -> None:
        relay = new_relay(KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
        relay.start()
        eventually_sync(lambda: relay.summary().get("state") == "relaying", "it reads changes all the same")
        chat.create()
        eventually_sync(lambda: "kafka" in relay.summary().get("problems", {}), "the trouble is told")
        eventually_sync(lambda: relay.summary()["lag"].get("seconds", 0) > 1, "the lag grows")
        assert relay.stop() == 0
