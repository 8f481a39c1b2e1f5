"""What is found in stores: real ones, and for what a real one here cannot be, what it would answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError
from pymongo.errors import OperationFailure
from pytest_django.fixtures import Settings

from chozoi_chat.doctor import kafka as looked_at
from chozoi_chat.doctor import mongodb, redis
from chozoi_chat.doctor.finding import Finding, Level
from devstack.embedded import EmbeddedKafka, EmbeddedRedis, free_port
from persistence.database import connection
from persistence.engine.server import STANDALONE, MongoDBServer
from tests.chat_settings import overridden


def said(findings: Iterator[Finding], level: Level = Level.WARNING) -> list[str]:
    return [finding.what for finding in findings if finding.level >= level]


@pytest.mark.django_db
class TestMongoDB:
    def test_a_database_that_was_migrated_has_all_that_it_needs(self) -> None:
        findings = list(mongodb.look())
        assert said(iter(findings), Level.ERROR) == []
        good = " ".join(finding.what for finding in findings if finding.level is Level.OK)
        for what in ("all migrations", "indexes of", "a page of a history is read by an index", "clock agrees"):
            assert what in good
        assert any("has its data on one member:" in what for what in said(iter(findings)))

    def test_an_index_that_is_missing_is_named_with_what_builds_it(self) -> None:
        rooms = connection.database["cz_rooms"]  # type: ignore[attr-defined]  # the backend's own
        indexes = {name: each for name, each in rooms.index_information().items() if each["key"][0][0] == "buyer"}
        for name in indexes:
            rooms.drop_index(name)
        try:
            errors = [finding for finding in mongodb.look() if finding.level is Level.ERROR]
        finally:
            for name, each in indexes.items():
                rooms.create_index(each["key"], name=name, **{key: each[key] for key in each if key in ("unique",)})
        assert indexes
        missing = [finding.mend for finding in errors if finding.what == "an index is missing"]
        assert len(missing) == len(indexes)
        assert all(name in " ".join(missing) for name in indexes)
        assert "a buyer's rooms reads the whole collection" in [finding.what for finding in errors]

    def test_the_oplog_is_looked_at_where_a_relay_reads_it(self) -> None:
        with overridden(KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1"):
            asked = [finding.what for finding in mongodb.look() if "oplog" in finding.what]
        # The embedded MongoDB has one, and does not tell how large it may become.
        assert all(what.startswith("oplog could not be looked at") for what in asked)
        assert len(asked) <= 1

    @pytest.mark.parametrize("refusal", [OperationFailure("not authorized", 13), DatabaseError("not authorized")])
    def test_what_may_not_be_asked_is_a_note(self, monkeypatch: pytest.MonkeyPatch, refusal: Exception) -> None:
        """What Django asks is refused with an exception of Django's."""

        def room(client: object) -> Iterator[Finding]:
            raise refusal

        monkeypatch.setattr(mongodb, "_room", room)
        notes = [finding.what for finding in mongodb.look() if finding.level is Level.NOTE]
        assert "room could not be looked at: not authorized" in notes

    def test_a_standalone_server_is_an_error_where_webhooks_are_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(mongodb, "running_server", lambda patience: MongoDBServer((8, 0, 0), "standalone"))
        with overridden(WEBHOOKS={"push": {"url": "https://push.example", "secrets": []}}):
            _, finding, *_ = mongodb.look()
        assert (finding.level, finding.what) == (Level.ERROR, STANDALONE.split(":")[0])


def test_members_that_are_not_well_are_named() -> None:
    now = datetime.now(UTC)
    members = [
        {"name": "a:1", "health": 1.0, "stateStr": "PRIMARY", "optimeDate": now},
        {"name": "b:1", "health": 1.0, "stateStr": "SECONDARY", "optimeDate": now - timedelta(seconds=40)},
        {"name": "c:1", "health": 0.0, "stateStr": "(not reachable/healthy)", "optimeDate": now},
        {"name": "d:1", "health": 1.0, "stateStr": "RECOVERING", "optimeDate": now},
    ]
    assert said(mongodb.members_of({"members": members})) == [
        "the member b:1 is 40 s behind",
        "the member c:1 is (not reachable/healthy)",
        "the member d:1 is RECOVERING",
    ]


def test_indexes_that_nobody_uses_are_named_after_a_week() -> None:
    now = datetime.now(UTC)

    def statistic(name: str, ops: int, days: int) -> dict[str, Any]:
        return {"name": name, "host": "a:1", "accesses": {"ops": ops, "since": now - timedelta(days=days)}}

    statistics = [statistic("_id_", 0, 30), statistic("used", 5, 30), statistic("new", 0, 1), statistic("old", 0, 30)]
    (finding,) = mongodb.unused_of("cz_messages", statistics)
    assert (finding.level, "the index old of cz_messages" in finding.what) == (Level.NOTE, True)


def test_a_disk_that_fills_is_named() -> None:
    assert said(mongodb.room_of({"fsUsedSize": 90, "fsTotalSize": 100})) == ["MongoDB's disk is full by 90%"]
    assert said(mongodb.room_of({"fsUsedSize": 50, "fsTotalSize": 100})) == []


def test_an_oplog_that_is_full_and_short_is_named() -> None:
    now = datetime.now(UTC)
    first, full = now - timedelta(hours=5), {"size": 95, "maxSize": 100}
    (found,) = said(mongodb.reach_of(first, full, now))
    assert found.startswith("the oplog reaches back 5 hours")
    assert said(mongodb.reach_of(first, {"size": 50, "maxSize": 100}, now)) == [], "it has forgotten nothing yet"
    assert said(mongodb.reach_of(now - timedelta(days=3), full, now)) == []


class ConfiguredRedis(EmbeddedRedis):
    """A Redis with more options."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        super().__init__(data_dir)
        self._options = options

    def command(self) -> list[str]:
        return [*super().command(), *self._options]


class TestRedis:
    def test_one_as_it_should_be(self, redis_server: None) -> None:
        findings = list(redis.look())
        assert said(iter(findings)) == []
        assert "what is published arrives" in [finding.what for finding in findings]

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("options", "complaint"),
        [
            (["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"], "drops keys by itself"),
            (["--replicaof", "127.0.0.1", "1"], "this is a replica"),
            (["--cluster-enabled", "yes"], "this is a Redis Cluster"),
            (["--maxmemory", "1mb"], "its memory is full by"),
            (["--rename-command", "PUBLISH", ""], "publication: unknown command"),
        ],
    )
    def test_one_that_is_not(self, tmp_path: Path, settings: Settings, options: list[str], complaint: str) -> None:
        store = ConfiguredRedis(tmp_path, *options)
        store.start()
        try:
            settings.REDIS_URL = store.address
            assert any(complaint in what for what in said(redis.look()))
        finally:
            store.stop()

    def test_one_that_is_away_is_one_finding(self, settings: Settings) -> None:
        settings.REDIS_URL = f"redis://user:hunter2@127.0.0.1:{free_port()}/0"
        (finding,) = redis.look()
        assert finding.level is Level.ERROR
        assert "hunter2" not in finding.mend


class TestKafka:
    def test_no_kafka_is_no_fault(self) -> None:
        assert [finding.level for finding in looked_at.look()] == [Level.OK]

    def test_brokers_topics_and_a_registry_are_looked_at(self, kafka: EmbeddedKafka) -> None:
        with overridden(KAFKA_BOOTSTRAP_SERVERS=kafka.bootstrap_servers, SCHEMA_REGISTRY_URL=kafka.address):
            findings = list(looked_at.look())
        assert said(iter(findings), Level.ERROR) == []
        assert findings[0].what.endswith("brokers")
        topics = [finding.what for finding in findings if "chozoi.conversations.events" in finding.what]
        assert len(topics) == 2

    def test_what_answers_in_place_of_a_registry_is_named(self, kafka: EmbeddedKafka, shop: str) -> None:
        with overridden(KAFKA_BOOTSTRAP_SERVERS=kafka.bootstrap_servers, SCHEMA_REGISTRY_URL=shop):
            assert said(looked_at.look(), Level.ERROR) == ["what answers as the schema registry is none"]

    @pytest.mark.slow
    def test_brokers_and_a_registry_that_are_away(self) -> None:
        port = free_port()
        with overridden(KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{port}", SCHEMA_REGISTRY_URL=f"http://127.0.0.1:{port}"):
            errors = said(looked_at.look(), Level.ERROR)
        assert [error.split(":")[0] for error in errors] == [
            "Kafka does not answer",
            "the schema registry does not answer",
        ]
