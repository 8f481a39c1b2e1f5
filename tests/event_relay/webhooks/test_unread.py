"""`message.unread`: who is told of what, when, and how often, on a real MongoDB, Redis and receiver."""

from __future__ import annotations

import asyncio
import datetime
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from pymongo.database import Database
from pytest_django import Settings

from event_relay.event import Event
from event_relay.position import Position
from event_relay.sources.unread import UNREAD
from event_relay.webhooks.configuration import Endpoint
from event_relay.webhooks.metrics import DeliveryMetrics
from event_relay.webhooks.sink import WebhookSink
from event_relay.webhooks.unread import UnreadSink
from persistence.redis_client import REDIS_AWAY
from persistence.timestamps import UTC
from presence.registry import Registry
from tests.conversations.conftest import database as own_database  # noqa: F401
from tests.conversations.conftest import migrated  # noqa: F401
from tests.event_relay.chat import Chat
from tests.event_relay.webhooks.conftest import NewWorker
from tests.event_relay.webhooks.receiver import SECRET, Receiver, receiving
from tests.eventually import eventually_sync
from workers.report import WorkerReport

Store = Database[dict[str, Any]]
Open = Callable[..., UnreadSink]
AFTER = 60
BEGINNING = Position({"_data": "0"}, None)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def chat(own_database: Store) -> Chat:  # noqa: F811
    chat = Chat(own_database)
    chat.create()
    return chat


@pytest.fixture
def sink(receiver: Receiver, own_database: Store, redis_server: None) -> Iterator[Open]:  # noqa: F811
    """Opens sinks that begin at a position."""
    opened: list[UnreadSink] = []

    def open_sink(position: Position = BEGINNING, after: float = AFTER) -> UnreadSink:
        metrics = DeliveryMetrics(CollectorRegistry())
        inner = WebhookSink("push", Endpoint(receiver.url, (SECRET,)), WorkerReport("webhooks", "events"), metrics)
        opened.append(UnreadSink(inner, position, after))
        return opened[-1]

    yield open_sink
    for each in opened:
        each.close(0)


def written(chat: Chat, *contents: str, ago: float = 2 * AFTER) -> list[Event]:
    """Messages of the buyer, so many seconds old, as the relay reads them."""
    ids = chat.say(*contents)
    at = datetime.datetime.now(UTC) - datetime.timedelta(seconds=ago)
    chat.database.cz_messages.update_many({"_id": {"$in": ids}}, {"$set": {"created_at": at}})
    documents = chat.database.cz_messages.find({"_id": {"$in": ids}}, sort=[("_id", 1)])
    return [event for document in documents for event in UNREAD.from_document(aware(document), LONG_AGO)]


LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=UTC)


def aware(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "created_at": document["created_at"].replace(tzinfo=UTC)}


def position(number: int) -> Position:
    return Position({"_data": str(number)}, LONG_AGO)


def publish(sink: UnreadSink, *events: Event) -> None:
    for number, event in enumerate(events, 1):
        sink.publish([event], position(number))


def settle(sink: UnreadSink, waiting: int = 0) -> Position | None:
    """Poll until no more than so many wait; the last position then."""
    last = None

    def settled() -> bool:
        nonlocal last
        sink.poll(0.02)
        last = sink.acknowledged() or last
        return sink.in_flight <= waiting

    eventually_sync(settled, "all that is due is told")
    return last


class TestWhoIsTold:
    def test_who_is_offline_and_has_not_seen_a_message(self, sink: Open, receiver: Receiver, chat: Chat) -> None:
        to = sink()
        [event] = written(chat, "are you there?")
        chat.change(seller_unseen_messages=3)
        publish(to, event)
        assert settle(to) == position(1)
        [told] = receiver.taken
        assert told["type"] == "message.unread"
        assert told["subject"] == event.subject
        assert told["data"] == {
            "room_id": chat.id,
            "from": chat.buyer,
            "to": chat.seller,
            "message_ids": [event.subject],
            "unseen_messages": 3,
            "message_id": event.subject,
            "type": "TEXT",
            "content": "are you there?",
            "created_at": told["time"],
        }

    def test_nobody_before_the_time_has_come(self, sink: Open, receiver: Receiver, chat: Chat) -> None:
        to = sink()
        publish(to, *written(chat, "just now", ago=AFTER - 1.5))
        to.poll(0.2)
        assert receiver.came == []
        settle(to)
        assert [event["data"]["content"] for event in receiver.taken] == ["just now"]

    def test_a_message_from_a_clock_that_is_ahead_holds_up_no_others(
        self, sink: Open, receiver: Receiver, chat: Chat
    ) -> None:
        other = Chat(chat.database)
        other.create()
        to = sink(after=0.5)
        publish(to, *written(chat, "from tomorrow", ago=-86_400), *written(other, "from today", ago=0))
        assert settle(to) == position(2)
        assert [event["data"]["content"] for event in receiver.taken] == ["from tomorrow", "from today"]

    @pytest.mark.parametrize(
        "change",
        [
            {"is_seen": True},
            {"redacted_at": datetime.datetime(2026, 1, 1)},
            None,
        ],
        ids=["seen", "redacted", "deleted"],
    )
    def test_nobody_of_a_message_that_is_seen_redacted_or_gone(
        self, sink: Open, receiver: Receiver, chat: Chat, change: dict[str, Any] | None
    ) -> None:
        to = sink()
        [event, other] = written(chat, "not this", "but this")
        if change is None:
            chat.database.cz_messages.delete_one({"_id": event.subject})
        else:
            chat.change_message(event.subject, **change)
        publish(to, event, other)
        assert settle(to) == position(2)
        assert [event["data"]["message_ids"] for event in receiver.taken] == [[other.subject]]

    @pytest.mark.parametrize(
        "change",
        [{"blocked_by": "SELLER"}, {"blocked_by": "BUYER"}, {"deleted_by_seller": True, "seller_deleted_at": None}],
        ids=["blocked by the receiver", "blocked by the sender", "deleted by the receiver"],
    )
    def test_nobody_of_a_room_that_is_blocked_or_deleted(
        self, sink: Open, receiver: Receiver, chat: Chat, change: dict[str, Any]
    ) -> None:
        to = sink()
        chat.change(**change)
        publish(to, *written(chat, "hello?"))
        assert settle(to) == position(1)
        assert receiver.came == []

    @pytest.mark.parametrize(
        ("kind", "side", "told"),
        [("mute", "buyer", 0), ("ban", "buyer", 0), ("ban", "seller", 0), ("mute", "seller", 1)],
    )
    def test_nobody_of_what_the_muted_and_banned_wrote_and_no_banned_user(
        self, sink: Open, receiver: Receiver, chat: Chat, kind: str, side: str, told: int
    ) -> None:
        """Who is muted may read."""
        restriction = {"kind": kind, "user_id": getattr(chat, side), "lifted_at": None, "ends_at": None}
        chat.database.moderation_restriction.insert_one(restriction)
        to = sink()
        publish(to, *written(chat, "hello?"))
        assert settle(to) == position(1)
        assert len(receiver.came) == told

    def test_nobody_who_is_online(self, sink: Open, receiver: Receiver, chat: Chat) -> None:
        to = sink()
        with online(chat.seller):
            publish(to, *written(chat, "you see this on your screen"))
            assert settle(to) == position(1)
        publish(to, *written(chat, "this you do not"))
        settle(to)
        assert [event["data"]["content"] for event in receiver.taken] == ["this you do not"]

    def test_while_redis_does_not_say_who_is_online_nobody_is_told_and_nothing_is_lost(
        self, sink: Open, receiver: Receiver, chat: Chat, settings: Settings
    ) -> None:
        settings.REDIS_ADDRESS = "redis://127.0.0.1:1/0"
        to = sink()
        publish(to, *written(chat, "hello?"))
        with pytest.raises(REDIS_AWAY):
            to.poll(0.02)
        assert to.acknowledged() is None
        assert receiver.came == []


class online:
    """A user has a socket in some process during the block."""

    def __init__(self, user_id: str) -> None:
        self._user_id = user_id
        self._runner = asyncio.Runner()

    def __enter__(self) -> None:
        address = os.environ["REDIS_ADDRESS"]
        self._registry = Registry(address, "a process of this test", prefix="chozoi:presence:", expiry=15)
        self._runner.run(self._registry.register([self._user_id]))

    def __exit__(self, *error: object) -> None:
        self._runner.run(self._registry.register([]))
        self._runner.run(self._registry.close())
        self._runner.close()


class TestTogether:
    def test_what_waits_in_a_room_is_told_together_when_the_first_is_due(
        self, sink: Open, receiver: Receiver, chat: Chat
    ) -> None:
        other = Chat(chat.database)
        other.create()
        to = sink()
        due, elsewhere = written(chat, "one")[0], written(other, "elsewhere")[0]
        later = written(chat, "two", "three", ago=1)
        publish(to, due, elsewhere, *later)
        settle(to, waiting=2)
        assert [event["data"]["message_ids"] for event in receiver.taken if event["partitionkey"] == chat.id] == [
            [due.subject, *(event.subject for event in later)]
        ]
        assert [event["data"]["content"] for event in receiver.taken if event["partitionkey"] == chat.id] == ["three"]
        assert other.id in {event["partitionkey"] for event in receiver.taken}

    def test_who_was_told_ahead_is_not_told_again_after_a_restart(
        self, sink: Open, receiver: Receiver, chat: Chat
    ) -> None:
        before = sink()
        due = written(chat, "one")[0]
        later = written(chat, "two", ago=AFTER - 1.5)[0]
        publish(before, due, later)
        stored = settle(before, waiting=1)
        assert stored is not None
        assert stored.token == {"_data": "1"}
        assert stored.ahead == (later.subject,)
        after = sink(stored)
        after.publish([later], position(2))
        assert settle(after) == position(2)
        assert len(receiver.came) == 1

    def test_a_look_reads_by_indexes(self, own_database: Store, chat: Chat) -> None:  # noqa: F811
        """However many messages there are; the ids bound it."""
        for collection in ("cz_messages", "cz_rooms"):
            find = {"find": collection, "filter": {"_id": {"$in": ["a", "b"]}}}
            plan = str(own_database.command("explain", find, verbosity="queryPlanner"))
            assert "COLLSCAN" not in plan
            assert any(stage in plan for stage in ("IXSCAN", "IDHACK", "EXPRESS"))


@pytest.mark.slow
def test_it_survives_restarts_and_several_processes_tell_once(
    new_worker: NewWorker, database: Store, receiver: Receiver
) -> None:
    chat = Chat(database)
    worker, other = (new_worker(receiver.url, ["message.unread"], WEBHOOK_UNREAD_AFTER="3") for _ in range(2))
    worker.start_ready()
    other.start_ready()
    chat.create()
    chat.say("one")
    assert worker.stop() == 0  # before it is due
    began = time.monotonic()
    eventually_sync(lambda: receiver.contents(chat.id) == ["one"], "the other one tells")
    assert time.monotonic() - began < 15
    chat.say("two")
    eventually_sync(lambda: receiver.contents(chat.id) == ["one", "two"], "and goes on")
    assert other.stop() == 0
    assert [event["data"]["content"] for event in receiver.came] == ["one", "two"], worker.output + other.output
