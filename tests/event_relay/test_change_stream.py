"""MongoDB servers that the relay cannot work with, and changes that they no longer have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pymongo
import pytest
from pymongo.database import Database

from devstack.embedded import EmbeddedKafka, EmbeddedMongoDB
from event_relay.change_stream import HistoryLost, change_stream
from event_relay.sources import SOURCES
from tests.eventually import PATIENCE
from tests.workers.worker_process import WorkerProcess

pytestmark = pytest.mark.slow


class Standalone(EmbeddedMongoDB):
    """A MongoDB that is no replica set."""

    def command(self) -> list[str]:
        return [*super().command(), "--standalone"]


class Forgetful(EmbeddedMongoDB):
    """A MongoDB that keeps its last ten changes only."""

    def command(self) -> list[str]:
        return [*super().command(), "--oplog-max-entries", "10"]


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[EmbeddedMongoDB]:
    mongodb = Forgetful(tmp_path)
    mongodb.start()
    yield mongodb
    mongodb.stop()


def read(database: Database[dict[str, Any]], token: Mapping[str, Any] | None) -> None:
    with change_stream(database, token, SOURCES) as stream:
        for _ in range(3):
            stream.try_next()


def test_on_a_standalone_server_the_relay_says_what_it_needs(tmp_path: Path, kafka: EmbeddedKafka) -> None:
    mongodb = Standalone(tmp_path)
    mongodb.start()
    environment = {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "MONGODB_URI": mongodb.address}
    relay = WorkerProcess("relay_events", tmp_path / "relay.log", environment)
    try:
        relay.start()
        assert relay.process is not None
        assert relay.process.wait(PATIENCE) == 1
        assert "standalone" in relay.output
        assert "rs.initiate()" in relay.output
    finally:
        mongodb.stop()


def test_changes_that_have_fallen_off_the_oplog_are_known_to_be_lost(forgetful: EmbeddedMongoDB) -> None:
    with pymongo.MongoClient[dict[str, Any]](forgetful.address) as client:
        database = client.get_default_database()
        with change_stream(database, None, SOURCES) as stream:
            token = stream.resume_token
        for number in range(2000):
            database.cz_rooms.insert_one({"_id": str(number)})
        with pytest.raises(HistoryLost):
            read(database, token)
