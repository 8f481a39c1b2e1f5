"""A worker's report: when it is ready, what it remembers, and how it is served."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from contextlib import ExitStack

import pytest
from django.core.management.base import CommandError

from devstack.embedded import free_port
from tests.eventually import eventually_sync
from workers import status_server
from workers.report import WINDOW, WorkerReport
from workers.status_server import status_served


@pytest.fixture
def clock() -> list[float]:
    return [1000.0]


@pytest.fixture
def report(clock: list[float]) -> WorkerReport:
    return WorkerReport("worker", "records", lambda: clock[0])


def test_it_is_ready_once_it_has_begun_and_while_nothing_stands_in_its_way(report: WorkerReport) -> None:
    assert not report.ready()
    report.enter("consuming")
    assert report.ready()
    report.failed("registry", "no answer")
    report.failed("kafka", "away")
    report.recovered("kafka")
    assert not report.ready()
    report.recovered("registry")
    assert report.ready()


def test_a_trouble_is_news_once_and_its_end_too(report: WorkerReport) -> None:
    assert report.failed("kafka", "away")
    assert not report.failed("kafka", "away")
    assert report.failed("kafka", "far away")
    assert report.recovered("kafka")
    assert not report.recovered("kafka")


def test_the_last_error_is_remembered_when_it_is_over(report: WorkerReport) -> None:
    report.failed("kafka", "away")
    report.recovered("kafka")
    assert report.summary()["problems"] == {}
    assert report.summary()["last_error"]["message"] == "away"


def test_throughput_is_that_of_the_last_minute(report: WorkerReport, clock: list[float]) -> None:
    report.handled(120)
    assert report.summary()["per_second"] == 120 / WINDOW
    clock[0] += WINDOW + 1
    report.handled(6)
    assert report.summary()["per_second"] == 6 / WINDOW


def test_the_lag_of_what_is_no_longer_its_own_is_gone(report: WorkerReport) -> None:
    report.lags({"partition 0": 5, "partition 1": 7})
    report.lags({"partition 1": 6})
    assert report.summary()["lag"] == {"partition 1": 6}
    assert b'of="partition 0"' not in report.pages()["/metrics"]().body


def get(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_it_is_served_as_readiness_and_as_metrics(report: WorkerReport) -> None:
    port = free_port()
    with status_served(report.pages(), "127.0.0.1", port):
        assert get(port, "/healthz")[0] == 200
        assert get(port, "/readyz")[0] == 503
        report.enter("consuming")
        report.handled(3, "results")
        status, body = get(port, "/readyz")
        assert (status, json.loads(body)["state"]) == (200, "consuming")
        assert b'worker_records_total{kind="results"} 3.0' in get(port, "/metrics")[1]
        assert get(port, "/other")[0] == 404


def test_those_who_ask_nothing_are_few_and_not_for_long(report: WorkerReport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_server, "TIMEOUT", 0.5)
    port = free_port()
    with status_served(report.pages(), "127.0.0.1", port), ExitStack() as open_connections:
        for _ in range(status_server.CONNECTIONS):
            connection = open_connections.enter_context(socket.create_connection(("127.0.0.1", port), 5))
            connection.sendall(b"GET /healthz HTTP/1.1\r\nA: ")
        with socket.create_connection(("127.0.0.1", port), 5) as one_more:
            assert one_more.recv(1) == b""
        assert connection.recv(1) == b"", "half a request is waited for"
        eventually_sync(lambda: is_answered(port), "others are answered again")


def is_answered(port: int) -> bool:
    try:
        return get(port, "/healthz")[0] == 200
    except OSError:
        return False


def test_a_port_that_is_taken_is_named(report: WorkerReport) -> None:
    port = free_port()
    with status_served(report.pages(), "127.0.0.1", port):
        with pytest.raises(CommandError, match=f"{port}.*--status-port"):
            with status_served(report.pages(), "127.0.0.1", port):
                pass


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


IPV6 = [("::1", "[::1]"), ("::", "[::1]")] if has_ipv6() else []


@pytest.mark.parametrize(("host", "reached_at"), [("0.0.0.0", "127.0.0.1"), *IPV6])
def test_it_listens_at_an_address_of_either_family(report: WorkerReport, host: str, reached_at: str) -> None:
    port = free_port()
    with status_served(report.pages(), host, port):
        assert get(port, "/healthz", reached_at)[0] == 200


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_named(report: WorkerReport, port: int) -> None:
    with pytest.raises(CommandError, match=f"{port}.*--status-port"):
        with status_served(report.pages(), "127.0.0.1", port):
            pass
