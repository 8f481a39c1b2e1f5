"""The auction service as a test plays it: results on the topic, in Avro, and things that are no results."""

from __future__ import annotations

import json
from typing import Any

import fastavro
from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient

from auctions.results import SCHEMA, TOPIC
from kafka_workers.wire_format import AvroEncoder


def result(auction: int, price: int = 100, **other: Any) -> dict[str, Any]:
    """A result's fields; `other` replaces some."""
    return {
        "id": auction, "type": "NORMAL", "phaseId": None, "state": "PUBLIC", "bidsCount": 3, "biddersCount": 2,
        "winnerId": 0, "currentPrice": price, "priceBidAutoHighest": price, "timeStart": 1_700_000_000_000,
        "timeEnd": 1_700_000_360_000, "isSold": 0, **other,
    }  # fmt: skip


class Publisher:
    """Publishes, and returns when the brokers have it."""

    def __init__(self, bootstrap_servers: str, registry_url: str) -> None:
        self.registry = SchemaRegistryClient({"url": registry_url})
        self.encoder = AvroEncoder(self.registry, TOPIC, SCHEMA)
        self.producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "acks": "all",
                "enable.idempotence": True,
                "log_level": 0,
                "message.max.bytes": 2_000_000,
            }
        )

    def publish(self, *results: dict[str, Any]) -> None:
        """Results, in order, each keyed by its auction."""
        for one in results:
            self.send(self.encoder.encode(one), str(one["id"]))
        self.flush()

    def send(self, value: bytes | None, key: str, **options: Any) -> None:
        """Any bytes, without waiting."""
        self.producer.produce(TOPIC, value, key, **options)
        self.producer.poll(0)

    def flush(self) -> None:
        assert self.producer.flush(60) == 0

    def encode_as(self, schema: dict[str, Any], value: Any, topic: str = "other") -> bytes:
        """A value by another schema, which is registered."""
        fastavro.parse_schema(schema)
        return AvroEncoder(self.registry, topic, json.dumps(schema)).encode(value)
