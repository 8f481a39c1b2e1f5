"""The configuration of Kafka clients: the settings' brokers and options, and what holds for every producer."""

from __future__ import annotations

import logging
from typing import Any

from confluent_kafka import KafkaException, Producer
from django.core.management.base import CommandError

from kafka_workers.configuration import KafkaSettings

logger = logging.getLogger(__name__)

STATISTICS_INTERVAL = 2000
"""Milliseconds between two calls of `stats_cb`, which `broker_state.py` reads."""


def require_kafka() -> None:
    """Check that Kafka is configured.

    Raises:
        CommandError: KAFKA_BOOTSTRAP_SERVERS is not set, or librdkafka does not accept KAFKA_OPTIONS.
    """
    if not KafkaSettings.current().KAFKA_BOOTSTRAP_SERVERS:
        raise CommandError(
            "KAFKA_BOOTSTRAP_SERVERS is not set, so there is no Kafka to speak with. Set it to host:port of a broker, "
            "or start the demo's with `make run KAFKA=1`."
        )
    try:
        Producer(client_configuration())
    except KafkaException as error:
        raise CommandError(f"KAFKA_OPTIONS cannot be used: {error.args[0].str()}") from error


def require_registry() -> None:
    """Check that a schema registry is configured.

    Raises:
        CommandError: SCHEMA_REGISTRY_URL is not set.
    """
    if not KafkaSettings.current().SCHEMA_REGISTRY_URL:
        raise CommandError("SCHEMA_REGISTRY_URL is not set: records are Avro, whose schemas are there.")


def client_configuration(**own: Any) -> dict[str, Any]:
    """The configuration of one librdkafka client: brokers, client id, KAFKA_OPTIONS, and then its own properties.

    Args:
        own: Properties of librdkafka's CONFIGURATION.md, which override the others.
    """
    settings = KafkaSettings.current()
    return {
        "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
        "client.id": settings.KAFKA_APP_ID,
        "statistics.interval.ms": STATISTICS_INTERVAL,
        "reconnect.backoff.max.ms": 2000,  # a broker that is back is found within seconds
        "log_level": 2,  # error_cb reports the rest
        "logger": logger,
        **settings.KAFKA_OPTIONS,
        **own,
    }


def producer_configuration(**own: Any) -> dict[str, Any]:
    """The configuration of a producer that loses nothing and keeps the order of each key, however often it retries.

    Args:
        own: Properties of librdkafka's CONFIGURATION.md, which override the others.
    """
    configuration = {
        "acks": "all",
        "enable.idempotence": True,
        "message.max.bytes": 10_000_000,  # the topic's max.message.bytes decides, not the client's
        "message.timeout.ms": 0,  # no limit: whoever waits has its own
        "partitioner": "murmur2_random",  # as Java clients partition, so that others can find a key's partition
        "compression.type": "lz4",
    }
    return client_configuration(**(configuration | own))
