"""The keys of `settings.CONVERSATIONS` that are about Kafka."""

from __future__ import annotations

from typing import Any

import msgspec

from persistence.configuration import Section


class KafkaSettings(Section, frozen=True, kw_only=True):
    """Where Kafka is, and who its clients are.

    Attributes:
        KAFKA_BOOTSTRAP_SERVERS: `host:port`, several of them separated by commas; empty: Kafka is off.
        SCHEMA_REGISTRY_URL: The Schema Registry; empty: there is none.
        KAFKA_APP_ID: The clients' id.
        KAFKA_OPTIONS: More options of librdkafka.
        KAFKA_EVENTS_TOPIC: The topic that events of the chat go to.
        CONSUMER_GROUP_ID: The group of consumers of auction results.
    """

    KAFKA_BOOTSTRAP_SERVERS: str = ""
    SCHEMA_REGISTRY_URL: str = ""
    KAFKA_APP_ID: str = "chozoi-conversations"
    KAFKA_OPTIONS: dict[str, Any] = msgspec.field(default_factory=dict)
    KAFKA_EVENTS_TOPIC: str = "chozoi.conversations.events"
    CONSUMER_GROUP_ID: str = "chozoi-conversations"
