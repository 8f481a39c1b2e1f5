"""A consumer whose user may not read: librdkafka says so once, and its brokers are up all the while."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, TopicPartition
from pytest_django import Settings

from auctions.consumer import AuctionConsumer
from auctions.results import TOPIC
from workers.report import WorkerReport


class Denied:
    """The record with which `poll` reports it."""

    def __init__(self, code: int) -> None:
        self._error = KafkaError(code, "denied")

    def error(self) -> KafkaError:
        return self._error


class DeniedClient:
    """librdkafka's consumer as far as it is used, for the mock brokers deny nothing. Each `poll` does one step."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        self.on_statistics = configuration["stats_cb"]
        self.on_assign: Callable[..., None]
        self._steps: queue.Queue[Callable[[], Any]] = queue.Queue()

    async def does(self, step: Callable[[], Any]) -> None:
        """Have the next `poll` do it; returns when the consumer has polled and come back for more."""
        for each in (step, lambda: None):
            self._steps.put(each)
        await asyncio.to_thread(self._steps.join)

    def subscribe(self, topics: list[str], on_assign: Callable[..., None]) -> None:
        assert topics == [TOPIC]
        self.on_assign = on_assign

    def poll(self, seconds: float) -> Any:
        try:
            step = self._steps.get(timeout=0.05)
        except queue.Empty:
            return None
        try:
            return step()
        finally:
            self._steps.task_done()

    def consume(self, number: int, seconds: float) -> list[Any]:
        return []

    def assignment(self) -> list[Any]:
        return []

    def resume(self, partitions: list[Any]) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def report() -> WorkerReport:
    return WorkerReport("auction_results", "records")


@pytest.fixture
async def client(
    report: WorkerReport, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[DeniedClient]:
    """That of a consumer which runs."""
    settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"
    settings.SCHEMA_REGISTRY_URL = "http://127.0.0.1:1"
    made: list[DeniedClient] = []

    def make(configuration: dict[str, Any]) -> DeniedClient:
        made.append(DeniedClient(configuration))
        return made[-1]

    monkeypatch.setattr("auctions.consumer.Consumer", make)
    stop = threading.Event()
    running = asyncio.create_task(AuctionConsumer(report, stop).run())
    yield made[0]
    stop.set()
    await running


@pytest.mark.parametrize("code", [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED])
async def test_it_is_not_ready_until_it_gets_partitions(client: DeniedClient, report: WorkerReport, code: int) -> None:
    await client.does(lambda: Denied(code))
    assert report.summary()["problems"] == {"authorization": "denied"}
    await client.does(lambda: client.on_statistics('{"brokers": {"b": {"state": "UP"}}}'))
    assert report.summary()["problems"] == {"authorization": "denied"}
    assert not report.ready()
    await client.does(lambda: client.on_assign(client, []))
    assert not report.ready()
    await client.does(lambda: client.on_assign(client, [TopicPartition(TOPIC, 0)]))
    assert report.ready()
