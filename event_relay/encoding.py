"""An event as a Kafka record: a CloudEvents envelope in JSON, or in Avro where there is a schema registry.

The whole envelope is the value (CloudEvents' structured mode), and its attributes are headers too, so that a consumer
can pass over events by their type or id without decoding them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import msgspec
from django.conf import settings

from event_relay.event import Event, travelling
from kafka_workers.wire_format import AvroEncoder, registry

SCHEMA = (Path(__file__).parent / "schemas" / "conversation_event.avsc").read_text()
_NAMES = "chozoi.conversations."


class Encoder(Protocol):
    """Makes the value of a record."""

    content_type: str

    def value(self, event: Event) -> bytes:
        """An event's bytes."""


class JsonEncoder:
    """CloudEvents' JSON format."""

    content_type = "application/cloudevents+json; charset=UTF-8"

    def value(self, event: Event) -> bytes:
        """One JSON object: the attributes and `data`."""
        envelope = {**event.attributes(), "datacontenttype": "application/json", "data": event.data}
        return msgspec.json.encode(travelling(envelope))


class AvroEventEncoder:
    """The record `ConversationEvent` of `schemas/conversation_event.avsc`, in Confluent's wire format."""

    content_type = "application/avro"

    def __init__(self, topic: str) -> None:
        self._avro = AvroEncoder(registry(), topic, SCHEMA)

    def value(self, event: Event) -> bytes:
        """The attributes and `data`, which is one of a union of records."""
        return self._avro.encode({**event.attributes(), "data": (_NAMES + event.record, event.data)})


def encoder(topic: str) -> Encoder:
    """Avro where SCHEMA_REGISTRY_URL is set, else JSON. `RegistryUnavailable`: the schema could not be registered."""
    return AvroEventEncoder(topic) if settings.SCHEMA_REGISTRY_URL else JsonEncoder()


def headers(event: Event, content_type: str) -> list[tuple[str, str | bytes | None]]:
    """The attributes by CloudEvents' Kafka binding: `ce_id`, `ce_type`, …"""
    attributes: dict[str, Any] = travelling(event.attributes())
    recovered = attributes.pop("recovered")
    return [
        ("content-type", content_type),
        *((f"ce_{name}", str(value)) for name, value in attributes.items()),
        *([("ce_recovered", "true")] if recovered else []),
    ]
