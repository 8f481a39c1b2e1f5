"""Kafka: brokers, topics and the registry, where the settings name them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from auctions.results import DEAD_LETTER_TOPIC, TOPIC
from chozoi_chat.doctor.finding import Finding, error, note, ok, warning
from kafka_workers.clients import client_configuration
from kafka_workers.configuration import KafkaSettings
from persistence.addresses import without_password

_PATIENCE = 5.0  # seconds


def look() -> Iterator[Finding]:
    """Look at Kafka and the schema registry."""
    kafka = KafkaSettings.current()
    if not kafka.KAFKA_BOOTSTRAP_SERVERS:
        yield ok("KAFKA_BOOTSTRAP_SERVERS is not set: nothing goes to Kafka or comes from it")
        return
    try:
        cluster: Any = AdminClient(client_configuration()).list_topics(timeout=_PATIENCE)
    except KafkaException as away:
        yield error(
            f"Kafka does not answer: {away.args[0].str()}",
            f"KAFKA_BOOTSTRAP_SERVERS is {kafka.KAFKA_BOOTSTRAP_SERVERS!r}; KAFKA_OPTIONS has the credentials.",
        )
    else:
        yield ok(f"{len(cluster.brokers)} brokers")
        yield from _topics(cluster, kafka)
    if kafka.SCHEMA_REGISTRY_URL:
        yield from _registry(kafka.SCHEMA_REGISTRY_URL)


def _topics(cluster: Any, kafka: KafkaSettings) -> Iterator[Finding]:
    wanted = {kafka.KAFKA_EVENTS_TOPIC: "relay_events", f"{kafka.KAFKA_EVENTS_TOPIC}.dlq": "relay_events"}
    if kafka.SCHEMA_REGISTRY_URL:
        wanted |= dict.fromkeys((TOPIC, DEAD_LETTER_TOPIC), "consume_auction_results")
    for name, command in wanted.items():
        topic = cluster.topics.get(name)
        if topic is None or topic.error is not None:
            yield warning(
                f"there is no topic {name}, which {command} uses",
                "Make it, unless the brokers make topics by themselves. What is wrong with a record is found there.",
            )
            continue
        fewest = min(len(partition.isrs) for partition in topic.partitions.values())
        said = f"{name}: {len(topic.partitions)} partitions"
        if fewest < 2 and len(cluster.brokers) > 1:
            yield warning(f"{said}, some on one broker alone", "Give it three replicas, and min.insync.replicas=2.")
        else:
            yield ok(said)


def _registry(url: str) -> Iterator[Finding]:
    shown = without_password(url)
    try:
        answer = httpx.get(f"{url.rstrip('/')}/subjects", timeout=_PATIENCE)
    except (httpx.HTTPError, httpx.InvalidURL) as away:
        yield error(f"the schema registry does not answer: {away}", f"SCHEMA_REGISTRY_URL is {shown!r}.")
        return
    if answer.status_code != httpx.codes.OK:
        yield note(f"the schema registry answers {answer.status_code} when it is asked for its subjects")
        return
    try:
        subjects = len(answer.json())
    except (ValueError, TypeError):
        yield error("what answers as the schema registry is none", f"SCHEMA_REGISTRY_URL is {shown!r}.")
    else:
        yield ok(f"the schema registry knows {subjects} subjects")
