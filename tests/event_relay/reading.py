"""A consumer of conversation events, as another service would write one; it keeps all that it reads."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from kafka_workers.wire_format import AvroDecoder
from tests.eventually import eventually_sync

Decode = Callable[[bytes], dict[str, Any]]


@dataclass
class Read:
    """Everything on the topic so far, repeats included."""

    consumer: Consumer
    decode: Decode
    records: list[Message] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def more(self, seconds: float = 0.2) -> None:
        """Read what is there."""
        for record in self.consumer.consume(1000, seconds):
            if record.error() is None:
                self.records.append(record)
                self.events.append(self.decode(record.value()))  # type: ignore[arg-type]

    def until(self, enough: Callable[[list[dict[str, Any]]], bool], what: str, within: float = 60.0) -> None:
        """Read until it is enough."""
        deadline = time.monotonic() + within
        while not enough(self.events):
            assert time.monotonic() < deadline, f"not within {within:g} s: {what}; last: {self.events[-3:]}"
            self.more()

    def once(self) -> list[dict[str, Any]]:
        """Each event once, as a consumer that drops repeats has them."""
        return list({event["id"]: event for event in reversed(self.events)}.values())[::-1]

    def types(self, room: str) -> list[str]:
        """The types of a room's events, in order, each event once."""
        seen: dict[str, str] = {}
        for event in self.events:
            if event["partitionkey"] == room:
                seen.setdefault(event["id"], event["type"])
        return list(seen.values())

    def of(self, room: str, kind: str) -> list[dict[str, Any]]:
        """A room's events of a type, repeats included."""
        return [event for event in self.events if event["partitionkey"] == room and event["type"] == kind]


@contextmanager
def reading(bootstrap_servers: str, topic: str, decode: Decode | AvroDecoder = json.loads) -> Iterator[Read]:
    """Read a topic from its beginning."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "reader",
            "log_level": 0,
            "allow.auto.create.topics": True,
        }
    )
    # The question has the topic made.
    partitions = eventually_sync(lambda: consumer.list_topics(topic, timeout=10).topics[topic].partitions, topic)
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
    try:
        yield Read(consumer, decode.decode if isinstance(decode, AvroDecoder) else decode)
    finally:
        consumer.close()
