"""Fixtures of the auctions' tests: a consumer process on mock brokers, and someone who publishes results."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.embedded import EmbeddedKafka
from tests.auctions.publisher import Publisher
from tests.workers.worker_process import WorkerProcess

_auctions = itertools.count(1000)
SHARED_GROUP = "the shared group"
NewConsumer = Callable[..., WorkerProcess]


@pytest.fixture
def auction() -> int:
    """An auction of this test's own."""
    return next(_auctions)


@pytest.fixture(scope="session")
def publisher(redis_server: None, kafka: EmbeddedKafka) -> Publisher:
    """Publishes on the mock brokers."""
    return Publisher(kafka.bootstrap_servers, kafka.address)


@pytest.fixture
def new_consumer(kafka: EmbeddedKafka, publisher: Publisher, tmp_path: Path) -> Iterator[NewConsumer]:
    """Makes consumer processes, of one group of the test's own; further settings by keyword."""
    made: list[WorkerProcess] = []

    def new(**settings: str) -> WorkerProcess:
        made.append(_consumer(kafka, f"group of {tmp_path.name}", tmp_path / f"{len(made)}.log", settings))
        return made[-1]

    yield new
    for worker in made:
        worker.stop()


@pytest.fixture(scope="package")
def consumer(
    kafka: EmbeddedKafka, publisher: Publisher, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WorkerProcess]:
    """A consumer that is ready, for tests that do not end it."""
    worker = _consumer(kafka, SHARED_GROUP, tmp_path_factory.mktemp("consumer") / "log", {})
    worker.start_ready()
    yield worker
    assert worker.stop() == 0


def _consumer(kafka: EmbeddedKafka, group: str, log: Path, settings: dict[str, str]) -> WorkerProcess:
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "SCHEMA_REGISTRY_URL": kafka.address,
        "CONSUMER_GROUP_ID": group,
        "REDIS_ADDRESS": os.environ["REDIS_ADDRESS"],
    }
    return WorkerProcess("consume_auction_results", log, environment | settings)
