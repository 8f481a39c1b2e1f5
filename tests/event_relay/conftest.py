"""Fixtures of the relay's tests: a database, a topic and relays of the test's own, on mock brokers."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
from pymongo.database import Database

from devstack.embedded import EmbeddedKafka
from tests.event_relay.reading import Read, reading
from tests.workers.worker_process import PROJECT, WorkerProcess

_numbers = itertools.count(1)
NewRelay = Callable[..., WorkerProcess]


@pytest.fixture(scope="session")
def database(mongodb_server: None, redis_server: None) -> Iterator[Database[dict[str, Any]]]:
    """A migrated database that no other tests write to, on the session's MongoDB."""
    address = f"{os.environ['MONGODB_URI'].rsplit('/', 1)[0]}/event_relay"
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, cwd=PROJECT, env={**os.environ, "MONGODB_URI": address}, check=True)
    with pymongo.MongoClient[dict[str, Any]](address, tz_aware=True) as client:
        yield client.get_default_database()


@pytest.fixture
def topic() -> str:
    """A topic of the test's own, and with it a position."""
    return f"events-{next(_numbers)}"


@pytest.fixture
def new_relay(
    kafka: EmbeddedKafka, database: Database[dict[str, Any]], topic: str, tmp_path: Path
) -> Iterator[NewRelay]:
    """Makes relay processes for the test's topic, in JSON; further settings by keyword."""
    made: list[WorkerProcess] = []
    address = f"{os.environ['MONGODB_URI'].rsplit('/', 1)[0]}/{database.name}"

    def new(**settings: str) -> WorkerProcess:
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "KAFKA_EVENTS_TOPIC": topic,
            "MONGODB_URI": address,
        }
        made.append(WorkerProcess("relay_events", tmp_path / f"relay{len(made)}.log", environment | settings))
        return made[-1]

    yield new
    for worker in made:
        worker.stop()


@pytest.fixture
def read(kafka: EmbeddedKafka, topic: str) -> Iterator[Read]:
    """Reads the test's topic."""
    with reading(kafka.bootstrap_servers, topic) as read:
        yield read
