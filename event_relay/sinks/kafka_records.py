"""An event as a Kafka record: a CloudEvents envelope in JSON, or in Avro where there is a schema registry.

The value is the whole envelope (structured mode of CloudEvents' Kafka protocol binding 1.0). Its attributes are headers
as well, so that a consumer can filter events by type or id without decoding them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from event_relay.cloudevents import MEDIA_TYPE, to_json
from event_relay.event import Event
from kafka_workers.configuration import KafkaSettings
from kafka_workers.wire_format import AvroEncoder, registry
from persistence.fields import as_json

SCHEMA = (Path(__file__).parents[1] / "schemas" / "conversation_event.avsc").read_text()
_NAMES = "chozoi.conversations."


class Encoder(Protocol):
    """Encodes the values of records."""

    content_type: str

    def value(self, event: Event) -> bytes:
        """Encode an event."""


class JsonEncoder:
    """CloudEvents' JSON format."""

    content_type = MEDIA_TYPE

    def value(self, event: Event) -> bytes:
        """Encode an event as one JSON object: the attributes and `data`."""
        return to_json(event)


class AvroEventEncoder:
    """The record `ConversationEvent` of `event_relay/schemas/conversation_event.avsc`, in Confluent's wire format.

    Raises:
        RegistryUnavailable: The schema could not be registered.
    """

    content_type = "application/avro"

    def __init__(self, topic: str) -> None:
        self._avro = AvroEncoder(registry(), topic, SCHEMA)

    def value(self, event: Event) -> bytes:
        """Encode an event: the attributes, and `data` as one of the union of records."""
        return self._avro.encode({**event.attributes(), "data": (_NAMES + event.record, event.data)})


def encoder(topic: str) -> Encoder:
    """Make the encoder for a topic: Avro where SCHEMA_REGISTRY_URL is set, else JSON.

    Raises:
        RegistryUnavailable: The schema could not be registered.
    """
    return AvroEventEncoder(topic) if KafkaSettings.current().SCHEMA_REGISTRY_URL else JsonEncoder()


def headers(event: Event, content_type: str) -> list[tuple[str, str | bytes | None]]:
    """The attributes as headers, as CloudEvents' Kafka binding names them: `ce_id`, `ce_type`, …"""
    attributes: dict[str, Any] = as_json(event.attributes())
    recovered = attributes.pop("recovered")
    return [
        ("content-type", content_type),
        *((f"ce_{name}", str(value)) for name, value in attributes.items()),
        *([("ce_recovered", "true")] if recovered else []),
    ]
