"""What the relay's producer keeps while Kafka takes nothing."""

from __future__ import annotations

import datetime
import gc
import threading
from typing import Any

import pytest
from pytest_django import Settings

from event_relay.event import Event, Unreadable
from event_relay.position import Position
from event_relay.sinks import kafka
from event_relay.sinks.kafka import KafkaSink
from kafka_workers.clients import producer_configuration
from persistence.timestamps import UTC
from tests.eventually import eventually_sync
from workers.report import WorkerReport

AT = datetime.datetime(2026, 11, 22, 8, tzinfo=UTC)


@pytest.fixture
def report() -> WorkerReport:
    return WorkerReport("event_relay", "events")


@pytest.fixture
def nobody_listens(settings: Settings) -> None:
    settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"
    settings.SCHEMA_REGISTRY_URL = ""


def event(number: int) -> Event:
    return Event("message.created", "7.501", f"m{number}", "", AT, record="Message", data={})


def position(number: int) -> Position:
    return Position({"_data": str(number)}, AT + datetime.timedelta(seconds=number))


@pytest.mark.usefixtures("nobody_listens")
class TestWhileKafkaIsAway:
    def test_changes_without_events_take_no_memory(self, report: WorkerReport) -> None:
        """Twice a second there is a new position, though nothing happens."""
        sink = KafkaSink(report)
        sink.publish([event(0)], position(0))
        for number in range(1, 1000):
            sink.publish([], position(number))
        kept = [each for each in gc.get_objects() if type(each) is Position]
        assert {(each.token or {})["_data"] for each in kept} == {"0", "999"}
        assert sink.oldest() == AT
        assert sink.acknowledged() is None
        sink.close(0)

    def test_publishing_never_waits_whatever_the_options_say_of_queues(
        self, report: WorkerReport, settings: Settings
    ) -> None:
        """Who waits there would neither keep the lease nor hear that it is to stop."""
        settings.KAFKA_OPTIONS = {"queue.buffering.max.messages": 10}
        sink = KafkaSink(report)
        publish = threading.Thread(target=sink.publish, args=(map(event, range(50)), position(1)), daemon=True)
        publish.start()
        publish.join(10)
        assert not publish.is_alive()
        assert sink.in_flight == 50
        sink.close(0)


@pytest.fixture
def sink(report: WorkerReport, nobody_listens: None) -> KafkaSink:
    return KafkaSink(report)


def test_what_has_no_events_is_acknowledged_with_all_before_it(sink: KafkaSink) -> None:
    sink.publish([], position(1))
    sink.publish([], None)
    sink.publish([], position(2))
    sink.publish([], None)
    assert sink.acknowledged() == position(2)
    assert sink.acknowledged() is None
    sink.close(0)


@pytest.mark.usefixtures("nobody_listens")
def test_a_dead_letter_that_arrives_nowhere_is_in_the_log_however_many_there_are(
    report: WorkerReport, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def brief(**own: Any) -> dict[str, Any]:
        return producer_configuration(**own, **{"message.timeout.ms": 200})

    def given_up() -> bool:
        to.poll(0.05)
        return to.in_flight == 0

    monkeypatch.setattr(kafka, "producer_configuration", brief)
    to = KafkaSink(report)
    to.publish([Unreadable({"_id": "odd"}, "no time")], position(1))
    eventually_sync(given_up, "it is given up")
    [line] = [record for record in caplog.records if "document odd makes no event and is not on" in record.message]
    assert not line.__dict__["sampled"]
