"""Which MongoDB answers: one that is too old is refused in a sentence, and what a standalone cannot do is said."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pymongo
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError, SystemCheckError
from django.db import connection, connections
from django.db.backends.base import base as django_base
from django.test import AsyncClient

from chozoi_chat.unreachable import explain
from devstack.embedded import EmbeddedMongoDB, free_port
from persistence.engine import server
from persistence.engine.server import MongoDBServer, UnsupportedMongoDB

PROJECT = Path(__file__).resolve().parents[2]
SENTENCE = "or a later one is needed."


@pytest.fixture
def too_old(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The least version is one that the running server has not; it is asked anew, as at a start."""
    monkeypatch.setattr(server, "LEAST", (99, 0))
    monkeypatch.setattr(django_base, "RAN_DB_VERSION_CHECK", set())
    wrapper: Any = connections["default"]
    wrapper.connection = None
    yield
    wrapper.connection = None  # which is made anew when it is asked for


class Standalone(EmbeddedMongoDB):
    """Without a replica set."""

    def command(self) -> list[str]:
        return [*super().command(), "--standalone"]


@pytest.fixture(scope="module")
def standalone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = Standalone(tmp_path_factory.mktemp("standalone"))
    store.start()
    yield store.address
    store.stop()


class Old:
    """What a MongoDB of 2019 says."""

    admin = property(lambda self: self)

    def command(self, name: str) -> dict[str, Any]:
        return {"ismaster": True}

    def server_info(self) -> dict[str, Any]:
        return {"versionArray": [4, 2, 25, 0]}


def test_an_old_server_is_refused_with_its_version_and_the_least() -> None:
    old: Any = Old()
    with pytest.raises(UnsupportedMongoDB, match=r"MongoDB is version 4\.2\.25: 6\.0 or a later one is needed"):
        MongoDBServer.ask(old).require_supported()


@pytest.mark.parametrize("version", [(6, 0), (6, 0, 19), (7, 0, 14), (8, 2, 11)])
def test_versions_from_six_on_are_served(version: tuple[int, ...]) -> None:
    MongoDBServer(version, "replica set").require_supported()


@pytest.mark.django_db
def test_the_embedded_one_counts_as_a_replica_set_of_the_version_that_it_speaks() -> None:
    running = server.running_server(5)
    running.require_supported()
    assert running.topology == "replica set" and running.limitation is None


@pytest.mark.django_db
@pytest.mark.usefixtures("too_old")
async def test_readyz_is_503_with_the_sentence_each_time(async_client: AsyncClient) -> None:
    for _ in range(2):
        answer = await async_client.get("/readyz")
        assert answer.status_code == 503
        assert SENTENCE in answer.json()["mongodb"]


@pytest.mark.django_db
@pytest.mark.usefixtures("too_old")
def test_check_serve_and_other_commands_say_so() -> None:
    with pytest.raises(SystemCheckError, match=SENTENCE):
        call_command("check")
    with pytest.raises(CommandError, match=SENTENCE):
        call_command("serve", port=free_port())
    with pytest.raises(UnsupportedMongoDB) as refused:
        connection.ensure_connection()
    assert SENTENCE in str(explain(refused.value))


def test_a_standalone_server_is_known_as_one(standalone: str) -> None:
    with pymongo.MongoClient[dict[str, Any]](standalone) as client:
        found = MongoDBServer.ask(client)
    assert found.topology == "standalone"
    assert "the chat works" in str(found.limitation) and "relay_events" in str(found.limitation)


@pytest.mark.slow
def test_check_says_what_a_standalone_cannot_do(standalone: str) -> None:
    done = run_check(standalone)
    assert done.returncode == 0
    assert "MongoDB runs as a standalone server: the chat works" in done.stderr


@pytest.mark.slow
def test_check_says_when_no_server_answers_and_checks_the_rest() -> None:
    done = run_check(f"mongodb://user:hunter2@127.0.0.1:{free_port()}/chat")
    assert done.returncode == 0
    assert "MongoDB does not answer, so its version is not known" in done.stderr
    assert "hunter2" not in done.stderr and "Traceback" not in done.stderr


def run_check(uri: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "check"]
    environment = os.environ | {"MONGODB_URI": uri}
    return subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.django_db
def test_check_finds_nothing_wrong_with_a_server_that_serves() -> None:
    said = StringIO()
    call_command("check", stdout=said, stderr=said)
    assert "no issues" in said.getvalue()
