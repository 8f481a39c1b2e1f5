"""How our Kafka clients are configured: the settings' brokers and options, and choices that hold for every producer."""

from __future__ import annotations

import logging
from typing import Any

from confluent_kafka import KafkaException, Producer
from django.conf import settings
from django.core.management.base import CommandError

logger = logging.getLogger(__name__)

STATISTICS_INTERVAL = 2000
"""Milliseconds between two reports of librdkafka on itself, which `statistics.py` reads."""


def require_kafka() -> None:
    """Raises `CommandError` where no brokers are configured, or librdkafka does not know what KAFKA_OPTIONS says."""
    if not settings.KAFKA_BOOTSTRAP_SERVERS:
        raise CommandError(
            "KAFKA_BOOTSTRAP_SERVERS is not set, so there is no Kafka to speak with. Set it to host:port of a broker, "
            "or start the demo's with `make run KAFKA=1`."
        )
    try:
        Producer(client_configuration())
    except KafkaException as error:
        raise CommandError(f"KAFKA_OPTIONS cannot be used: {error.args[0].str()}") from error


def require_registry() -> None:
    """Raises `CommandError` where no schema registry is configured."""
    if not settings.SCHEMA_REGISTRY_URL:
        raise CommandError("SCHEMA_REGISTRY_URL is not set: records are Avro, whose schemas are there.")


def client_configuration(**own: Any) -> dict[str, Any]:
    """The librdkafka configuration of one client: the brokers, its name, KAFKA_OPTIONS, and what is its own."""
    return {
        "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
        "client.id": settings.KAFKA_APP_ID,
        "statistics.interval.ms": STATISTICS_INTERVAL,
        "reconnect.backoff.max.ms": 2000,  # a broker that is back is found within seconds
        "log_level": 2,  # what else there is to say is told to error_cb
        "logger": logger,
        **settings.KAFKA_OPTIONS,
        **own,
    }


def producer_configuration(**own: Any) -> dict[str, Any]:
    """For a producer that loses nothing and keeps the order of each key, however often it must send again."""
    configuration = {
        "acks": "all",
        "enable.idempotence": True,
        "message.max.bytes": 10_000_000,  # the topic's max.message.bytes decides, not the client's
        "message.timeout.ms": 0,  # never given up: what gives up is the one who waits, and it remembers
        "partitioner": "murmur2_random",  # as Java clients partition, so that others can find a key's partition
        "compression.type": "lz4",
    }
    return client_configuration(**(configuration | own))
