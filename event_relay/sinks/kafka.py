"""Events to Kafka, by one producer. What has arrived is what Kafka has acknowledged."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from bson import json_util
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from event_relay.event import Outgoing, Unreadable
from event_relay.position import Position
from event_relay.sinks.kafka_records import Encoder, encoder, headers
from event_relay.sinks.sink import Destination, EventRejected, Progress, Step
from event_relay.sources import SOURCES
from kafka_workers.broker_state import BrokerState
from kafka_workers.clients import producer_configuration
from kafka_workers.configuration import KafkaSettings
from kafka_workers.wire_format import RegistryUnavailable
from workers.report import Report

logger = logging.getLogger(__name__)

MAX_IN_FLIGHT = 5000
"""Events that may wait for Kafka's acknowledgement; then the changes wait."""

_LONGEST_REASON = 1000
"""Characters of the reason why a document makes no event."""


class _DeadLetter(NamedTuple):
    """A record of the dead letter topic; `place` names the document in the log."""

    topic: str
    key: str
    value: bytes
    headers: list[tuple[str, str | bytes | None]]
    place: str


class KafkaSink:
    """One idempotent producer for the events topic. It is used by one thread.

    Raises:
        RegistryUnavailable: The schema could not be registered.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._brokers = BrokerState(report)
        self._topic = KafkaSettings.current().KAFKA_EVENTS_TOPIC
        self._encoder: Encoder = encoder(self._topic)
        self._progress = Progress()
        self._in_flight = 0
        self._rejection: Exception | None = None
        self._producer = Producer(
            producer_configuration(
                **{
                    "linger.ms": 5,
                    # `full` is the limit. To wait for room in a queue would be to wait without lease and stop signal.
                    "queue.buffering.max.messages": 0,
                    "queue.buffering.max.kbytes": 2_147_483_647,
                    "error_cb": self._failed,
                    "stats_cb": self._brokers.on_statistics,
                }
            )
        )

    @property
    def in_flight(self) -> int:
        """How many events Kafka has not acknowledged yet."""
        return self._in_flight

    def publish(self, events: Iterable[Outgoing], position: Position | None) -> None:
        """Send the events of one change.

        What cannot be read or encoded goes to the dead letter topic and counts like an event.

        Args:
            events: The events, in order.
            position: The position once Kafka has acknowledged them; None: as before.
        """
        events = list(events)
        step = self._progress.begin(position, empty=not events)
        for event in events:
            self._send(event, step)

    def poll(self, seconds: float = 0.0) -> None:
        """Handle Kafka's acknowledgements.

        Args:
            seconds: How long to wait for one at most.

        Raises:
            EventRejected: Kafka rejected an event, or the producer cannot continue.
        """
        self._producer.poll(seconds)
        if self._rejection is not None:
            raise self._rejection

    def full(self) -> bool:
        """Whether MAX_IN_FLIGHT events are in flight."""
        return self._in_flight >= MAX_IN_FLIGHT

    def acknowledged(self) -> Position | None:
        """The position up to which Kafka has all events; None: it has not moved since the last call."""
        return self._progress.acknowledged()

    def oldest(self) -> datetime.datetime | None:
        """The time of the oldest change whose events Kafka does not have yet; None: Kafka has all."""
        return self._progress.oldest()

    def close(self, patience: float) -> None:
        """Wait for the events in flight, then drop them: the next session sends them again from the last position.

        Args:
            patience: How many seconds to wait.
        """
        self._producer.flush(patience)
        self._producer.purge()
        self._producer.flush(1.0)

    def _send(self, event: Outgoing, step: Step) -> None:
        if isinstance(event, Unreadable):
            self._send_to_dead_letters(event, step)
            return
        try:
            value = self._encoder.value(event)
            described = headers(event, self._encoder.content_type)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            self._send_to_dead_letters(Unreadable({**event.attributes(), "data": event.data}, reason), step)
            return

        def delivered(error: KafkaError | None, record: Message) -> None:
            self._in_flight -= 1
            if error is None:
                step.in_flight -= 1
                self._report.handled(1, event.type)
            elif error.code() != KafkaError._PURGE_QUEUE and error.code() != KafkaError._PURGE_INFLIGHT:
                self._rejection = EventRejected(f"{event.type} of {event.subject}: {error.str()}")

        step.in_flight += 1
        self._in_flight += 1
        self._producer.produce(self._topic, value, event.key, headers=described, on_delivery=delivered)

    def _send_to_dead_letters(self, unreadable: Unreadable, step: Step) -> None:
        """Send a dead letter before the position moves on. The log names a letter that its topic does not take."""
        letter = _dead_letter_of(unreadable, self._topic)
        self._report.dead_letter()
        logger.error("%s makes no event and goes to %s: %s", letter.place, letter.topic, unreadable.reason)

        def delivered(error: KafkaError | None, record: Message) -> None:
            self._in_flight -= 1
            if error is None:
                step.in_flight -= 1
                self._report.recovered("dead letters")
            elif error.code() != KafkaError._PURGE_QUEUE and error.code() != KafkaError._PURGE_INFLIGHT:
                step.in_flight -= 1  # the flow goes on: the document is still in MongoDB
                self._report.failed("dead letters", f"{letter.topic} does not take records: {error.str()}")
                logger.error(
                    "%s makes no event and is not on %s: %s",
                    letter.place, letter.topic, error.str(), extra={"sampled": False},
                )  # fmt: skip

        step.in_flight += 1
        self._in_flight += 1
        self._producer.produce(letter.topic, letter.value, letter.key, headers=letter.headers, on_delivery=delivered)

    def _failed(self, error: KafkaError) -> None:
        self._brokers.on_error(error)
        if error.fatal():
            self._rejection = EventRejected(f"the producer cannot go on: {error.str()}")


def kafka() -> Destination:
    """The events topic, to which all events go."""
    return Destination(
        name=KafkaSettings.current().KAFKA_EVENTS_TOPIC,
        open=lambda report, position: KafkaSink(report),
        sources=SOURCES,
        transient_errors=(KafkaException, RegistryUnavailable),
    )


def _dead_letter_of(unreadable: Unreadable, topic: str) -> _DeadLetter:
    """The record that keeps a document in MongoDB's Extended JSON, keyed by the document's id."""
    document = unreadable.document
    key = _key_of(document)
    collection = str((document.get("ns") or {}).get("coll") or "")
    named = [("dlq.reason", unreadable.reason[:_LONGEST_REASON]), ("dlq.topic", topic), ("dlq.collection", collection)]
    value = json_util.dumps(document, json_options=json_util.RELAXED_JSON_OPTIONS, default=str).encode(errors="replace")
    return _DeadLetter(f"{topic}.dlq", key, value, [*named], f"{collection or 'document'} {key}")


def _key_of(document: Mapping[str, Any]) -> str:
    """The key of a change's document, or an event's subject."""
    if isinstance(key := document.get("documentKey"), Mapping):
        return str(key.get("_id"))
    return str(document.get("subject", document.get("_id")))
