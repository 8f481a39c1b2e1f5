"""A consumer whose user may not read: librdkafka says so once, and its brokers are up all the while."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from confluent_kafka import KafkaError, TopicPartition
from pytest_django import Settings

from auctions.consumer import AuctionConsumer
from auctions.results import TOPIC
from kafka_workers.report import WorkerReport


class Denied:
    """What `poll` gives then; the mock brokers deny nothing."""

    def __init__(self, code: int) -> None:
        self._error = KafkaError(code, "denied")

    def error(self) -> KafkaError:
        return self._error


@pytest.fixture
def report() -> WorkerReport:
    return WorkerReport("auction_results", "records")


@pytest.fixture
async def consumer(report: WorkerReport, settings: Settings) -> AsyncIterator[AuctionConsumer]:
    settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"
    settings.SCHEMA_REGISTRY_URL = "http://127.0.0.1:1"
    consumer = AuctionConsumer(report, threading.Event())
    yield consumer
    consumer._consumer.close()
    await consumer._delivery.close()


@pytest.mark.parametrize("code", [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED])
async def test_it_is_not_ready_until_it_gets_partitions(
    consumer: AuctionConsumer, report: WorkerReport, code: int
) -> None:
    report.enter("consuming")
    record: Any = Denied(code)
    assert consumer._is_error(record)
    consumer._on_statistics('{"brokers": {"b": {"state": "UP"}}}')
    assert report.summary()["problems"] == {"authorization": "denied"}
    assert not report.ready()
    consumer._on_assign(consumer._consumer, [])
    assert not report.ready()
    consumer._on_assign(consumer._consumer, [TopicPartition(TOPIC, 0)])
    assert report.ready()
