"""Events into Kafka in order, and how far of the changes' way Kafka has acknowledged all of them."""

from __future__ import annotations

import datetime
import logging
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from bson import json_util
from confluent_kafka import KafkaError, Message, Producer
from django.conf import settings

from event_relay.encoding import Encoder, encoder, headers
from event_relay.event import Outgoing, Unreadable
from event_relay.position import Position
from kafka_workers.broker_state import BrokerState
from kafka_workers.clients import producer_configuration
from kafka_workers.report import WorkerReport

logger = logging.getLogger(__name__)

MOST_UNDER_WAY = 5000
"""Events that may wait for Kafka's acknowledgement; then the changes wait."""

_LONGEST_REASON = 1000
"""Characters of the reason why a document makes no event."""


class NotAccepted(Exception):
    """Kafka will not take an event however often it is sent; nothing is relayed until an operator sees to it."""


@dataclass(slots=True)
class _Step:
    """One change, and how many of its events are under way. No position: what is known after it is not new."""

    position: Position | None
    under_way: int


class _Letter(NamedTuple):
    """A record of the dead letter topic: what no event could be made of. `place`: what the log calls the document."""

    topic: str
    key: str
    value: bytes
    headers: list[tuple[str, str | bytes | None]]
    place: str


class Publisher:
    """One idempotent producer. Not for several threads. `RegistryUnavailable` while it is made."""

    def __init__(self, report: WorkerReport) -> None:
        self._report = report
        self._brokers = BrokerState(report)
        self._topic = settings.KAFKA_EVENTS_TOPIC
        self._encoder: Encoder = encoder(self._topic)
        self._steps: deque[_Step] = deque()
        self._under_way = 0
        self._refused: Exception | None = None
        self._producer = Producer(
            producer_configuration(
                **{
                    "linger.ms": 5,
                    # `full` is the limit. To wait for room in a queue would be to wait without lease and stop signal.
                    "queue.buffering.max.messages": 0,
                    "queue.buffering.max.kbytes": 2_147_483_647,
                    "error_cb": self._failed,
                    "stats_cb": self._brokers.stated,
                }
            )
        )

    @property
    def under_way(self) -> int:
        """Events that Kafka has not acknowledged yet."""
        return self._under_way

    def publish(self, events: Iterable[Outgoing], position: Position | None) -> None:
        """Send the events of one change, after which relaying stands at `position`. NotAccepted: one was refused.

        What cannot be read or encoded goes to the dead letter topic, and counts like an event.
        """
        events = list(events)
        if not events and self._steps and not self._steps[-1].under_way:
            self._steps[-1].position = position or self._steps[-1].position
            return
        step = _Step(position, 0)
        self._steps.append(step)
        for event in events:
            self._send(event, step)

    def serve(self, seconds: float = 0.0) -> None:
        """Hear what Kafka has acknowledged, waiting for it so long at most. NotAccepted: it refused one."""
        self._producer.poll(seconds)
        if self._refused is not None:
            raise self._refused

    def full(self) -> bool:
        """Whether more would be too many under way."""
        return self._under_way >= MOST_UNDER_WAY

    def acknowledged(self) -> Position | None:
        """The last change up to which all is in Kafka; `None`: no further than when this was asked last."""
        position = None
        while self._steps and self._steps[0].under_way == 0:
            position = self._steps.popleft().position or position
        return position

    def oldest(self) -> datetime.datetime | None:
        """When the oldest change took place that Kafka does not have yet; `None`: it has all."""
        return next((step.position.until for step in self._steps if step.under_way and step.position), None)

    def close(self, patience: float) -> None:
        """Wait so many seconds for what is under way, then drop it: it is sent again from the last position."""
        self._producer.flush(patience)
        self._producer.purge()
        self._producer.flush(1.0)

    def _send(self, event: Outgoing, step: _Step) -> None:
        if isinstance(event, Unreadable):
            self._set_aside(event, step)
            return
        try:
            value = self._encoder.value(event)
            described = headers(event, self._encoder.content_type)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            self._set_aside(Unreadable({**event.attributes(), "data": event.data}, reason), step)
            return

        def delivered(error: KafkaError | None, record: Message) -> None:
            self._under_way -= 1
            if error is None:
                step.under_way -= 1
                self._report.done(1, event.type)
            elif error.code() != KafkaError._PURGE_QUEUE and error.code() != KafkaError._PURGE_INFLIGHT:
                self._refused = NotAccepted(f"{event.type} of {event.subject}: {error.str()}")

        step.under_way += 1
        self._under_way += 1
        self._producer.produce(self._topic, value, event.key, headers=described, on_delivery=delivered)

    def _set_aside(self, unreadable: Unreadable, step: _Step) -> None:
        """To the dead letters, before the position moves on. What that topic does not take is named in the log."""
        letter = _letter_of(unreadable, self._topic)
        self._report.dead_letter()
        logger.error("%s makes no event and goes to %s: %s", letter.place, letter.topic, unreadable.reason)

        def delivered(error: KafkaError | None, record: Message) -> None:
            self._under_way -= 1
            if error is None:
                step.under_way -= 1
                self._report.well("dead letters")
            elif error.code() != KafkaError._PURGE_QUEUE and error.code() != KafkaError._PURGE_INFLIGHT:
                step.under_way -= 1  # the flow goes on: the document is still in MongoDB
                self._report.trouble("dead letters", f"{letter.topic} does not take records: {error.str()}")
                logger.error("%s makes no event and is not on %s: %s", letter.place, letter.topic, error.str())

        step.under_way += 1
        self._under_way += 1
        self._producer.produce(letter.topic, letter.value, letter.key, headers=letter.headers, on_delivery=delivered)

    def _failed(self, error: KafkaError) -> None:
        self._brokers.failed(error)
        if error.fatal():
            self._refused = NotAccepted(f"the producer cannot go on: {error.str()}")


def _letter_of(unreadable: Unreadable, topic: str) -> _Letter:
    """The record that keeps a document of which there is no event on `topic`; its key is the document's.

    The value is the document in MongoDB's Extended JSON.
    """
    document = unreadable.document
    key = _key_of(document)
    collection = str((document.get("ns") or {}).get("coll") or "")
    named = [("dlq.reason", unreadable.reason[:_LONGEST_REASON]), ("dlq.topic", topic), ("dlq.collection", collection)]
    value = json_util.dumps(document, json_options=json_util.RELAXED_JSON_OPTIONS, default=str).encode(errors="replace")
    return _Letter(f"{topic}.dlq", key, value, [*named], f"{collection or 'document'} {key}")


def _key_of(document: Mapping[str, Any]) -> str:
    """Of a change the key of its document, of an event its subject."""
    if isinstance(key := document.get("documentKey"), Mapping):
        return str(key.get("_id"))
    return str(document.get("subject", document.get("_id")))
