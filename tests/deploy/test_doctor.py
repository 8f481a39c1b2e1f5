"""`manage.py doctor --url`: nothing to mend behind `deploy/nginx`, and what it says where a line of that is missing."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest
from django.conf import settings as django_settings
from django.test import override_settings

from chozoi_chat.doctor.finding import Finding, Level
from chozoi_chat.doctor.front_door import FrontDoor
from tests.e2e.cluster import Cluster
from tests.e2e.server_process import ServerProcess

from .proxies import Nginx

pytestmark = pytest.mark.slow

Door = Callable[[Mapping[str, str]], list[Finding]]


@contextmanager
def nginx(servers: list[ServerProcess], changes: Mapping[str, str]) -> Iterator[Nginx]:
    proxy = Nginx([server.url for server in servers], changes)
    try:
        proxy.start()
        yield proxy
    finally:
        proxy.remove()


@pytest.fixture
def look(cluster: Cluster, servers: list[ServerProcess]) -> Door:
    """What is found behind an nginx with changes, by a command with the servers' settings."""

    def look(changes: Mapping[str, str]) -> list[Finding]:
        with nginx(servers, changes) as proxy, override_settings(SECRET_KEY=cluster.environment["SECRET_KEY"]):
            return list(FrontDoor(proxy.url, str(proxy.certificate)).look())

    return look


def bad(findings: list[Finding], level: Level = Level.ERROR) -> list[str]:
    return [finding.what for finding in findings if finding.level >= level]


def test_the_command_finds_nothing_wrong_with_what_deploy_has(cluster: Cluster, servers: list[ServerProcess]) -> None:
    with nginx(servers, {}) as proxy:
        printed = cluster.manage("doctor", "--json", "--url", proxy.url, "--ca", str(proxy.certificate))
    found = json.loads(printed[printed.index("{") :])
    assert list(found) == ["Settings", "MongoDB", "Redis", "Kafka", "Identity", proxy.url]
    door = {finding["what"]: finding["level"] for finding in found[proxy.url]}
    assert set(door.values()) == {"ok"}, door
    (processes,) = (what for what in door if "processes that answered, 2" in what)
    assert all(f"process {server.pid}" in processes for server in servers)
    assert "WebSockets come through" in door
    assert [finding for finding in found["MongoDB"] + found["Redis"] if finding["level"] == "error"] == []


@pytest.mark.parametrize(
    ("as_written", "here", "said"),
    [
        ("proxy_set_header X-Forwarded-Proto $scheme;", "", "itself are refused with 403"),
        ("proxy_set_header Host $http_host;", "proxy_set_header Host 127.0.0.1:1;", "itself are refused with 403"),
        ("proxy_set_header Upgrade $http_upgrade;", "", "a WebSocket is answered 4"),
        ("proxy_set_header X-Forwarded-For $remote_addr;", "", "a client chooses the address"),
    ],
)
def test_a_line_that_is_missing_is_named(look: Door, as_written: str, here: str, said: str) -> None:
    errors = bad(look({as_written: here}))
    assert any(said in error for error in errors), errors


def test_a_door_that_is_none_is_one_finding(cluster: Cluster) -> None:
    (finding,) = FrontDoor("https://127.0.0.1:1").look()
    assert finding.level is Level.ERROR
    (finding,) = FrontDoor("chat.example.com").look()
    assert "must be like https://" in finding.mend


def test_another_secret_is_said(servers: list[ServerProcess]) -> None:
    """The processes tell nothing then; all else is looked at."""
    with nginx(servers, {}) as proxy, override_settings(SECRET_KEY="another" * 9):
        findings = list(FrontDoor(proxy.url, str(proxy.certificate)).look())
    assert bad(findings) == []
    assert any("/doctor answers 404" in what for what in bad(findings, Level.NOTE))


def test_the_settings_of_the_processes_are_compared(look: Door) -> None:
    """Those of the tests are others: another database, another Redis database."""
    warnings = bad(look({}), Level.WARNING)
    assert "the processes have another value of the database of MONGODB_URI than this command" in warnings
    assert django_settings.MONGODB_URI not in str(warnings)
