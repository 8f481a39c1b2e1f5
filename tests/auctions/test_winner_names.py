"""Winners' names: asked of a real HTTP service on loopback, kept for a while, never waited for long."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pytest_django import Settings

from auctions import winner_names
from auctions.winner_names import BATCH_TIMEOUT, FAILURE_LIFETIME, LIFETIME, WinnerNames
from tests.eventually import PATIENCE, eventually


class AccountService(ThreadingHTTPServer):
    """Knows users 1 to 9; answers after `gate` is open; with `broken`, 500; with `answer`, that."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: Counter[str] = Counter()
        self.gate = threading.Event()
        self.gate.set()
        self.broken = False
        self.answer: bytes | None = None


class _Handler(BaseHTTPRequestHandler):
    server: AccountService

    def do_GET(self) -> None:
        user = self.path.rpartition("/")[2]
        self.server.asked[user] += 1
        self.server.gate.wait(30)
        status = 500 if self.server.broken else 200 if len(user) == 1 else 404
        body = json.dumps({"id": user, "name": f"User {user}"} if status == 200 else {}).encode()
        body = body if self.server.answer is None else self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def service(settings: Settings) -> Iterator[AccountService]:
    with AccountService() as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        settings.ACCOUNT_SERVICE = f"http://127.0.0.1:{service.server_port}/accounts"
        yield service
        service.gate.set()
        service.shutdown()


@pytest.fixture
def clock() -> list[float]:
    return [1000.0]


@pytest.fixture
async def names(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WinnerNames]:
    """They wait for an answer for as long as a busy machine takes."""
    for name in ("BATCH_TIMEOUT", "REQUEST_TIMEOUT"):
        monkeypatch.setattr(winner_names, name, PATIENCE)
    names = WinnerNames(lambda: clock[0])
    yield names
    await names.close()


async def test_a_name_is_asked_once_in_its_lifetime(
    service: AccountService, names: WinnerNames, clock: list[float]
) -> None:
    assert await names.of([1, 2, 1]) == {1: "User 1", 2: "User 2"}
    assert await names.of([1]) == {1: "User 1"}
    assert service.asked == {"1": 1, "2": 1}
    clock[0] += LIFETIME + 1
    assert await names.of([1]) == {1: "User 1"}
    assert service.asked["1"] == 2


async def test_nobody_and_the_unknown_have_no_name(service: AccountService, names: WinnerNames) -> None:
    assert await names.of([0, 12]) == {12: ""}
    await names.of([12])
    assert service.asked == {"12": 1}


async def test_a_slow_service_is_not_waited_for_and_its_answer_serves_the_next_result(
    service: AccountService, names: WinnerNames, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(winner_names, "BATCH_TIMEOUT", BATCH_TIMEOUT)
    service.gate.clear()
    assert await names.of([1, 2, 3]) == {1: "", 2: "", 3: ""}, "it would have waited for the gate, and know them"
    service.gate.set()

    async def is_known() -> bool:
        return (await names.of([1]))[1] == "User 1"

    await eventually(is_known)
    assert service.asked["1"] == 1


async def test_an_old_name_serves_until_a_slow_service_has_answered(
    service: AccountService, names: WinnerNames, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    await names.of([1])
    monkeypatch.setattr(winner_names, "BATCH_TIMEOUT", BATCH_TIMEOUT)
    clock[0] += LIFETIME + 1
    service.gate.clear()
    assert await names.of([1]) == {1: "User 1"}


async def test_a_failing_service_is_left_alone_for_a_while_and_an_old_name_outlives_it(
    service: AccountService, names: WinnerNames, clock: list[float]
) -> None:
    await names.of([1])
    clock[0] += LIFETIME + 1
    service.broken = True
    assert await names.of([1, 2]) == {1: "User 1", 2: ""}
    await names.of([1, 2])
    assert service.asked == {"1": 2, "2": 1}
    service.broken = False
    clock[0] += FAILURE_LIFETIME + 1
    assert await names.of([1, 2]) == {1: "User 1", 2: "User 2"}


@pytest.mark.parametrize("answer", [b'{"name": "H\xe0"}', b'{"name":' + b"[" * 5000 + b"]" * 5000 + b"}", b"<html>"])
async def test_an_answer_that_cannot_be_read_is_none(
    service: AccountService, names: WinnerNames, clock: list[float], answer: bytes
) -> None:
    await names.of([1])
    clock[0] += LIFETIME + 1
    service.answer = answer
    assert await names.of([1]) == {1: "User 1"}
    assert await names.of([1]) == {1: "User 1"}
    assert service.asked["1"] == 2


async def test_only_so_many_names_are_kept(
    service: AccountService, names: WinnerNames, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(winner_names, "MAX_NAMES", 2)
    for user in (1, 2, 3):
        await names.of([user])
    await names.of([3])
    await names.of([1])
    assert service.asked == {"1": 2, "2": 1, "3": 1}


async def test_without_a_service_there_are_no_names(settings: Settings, names: WinnerNames) -> None:
    settings.ACCOUNT_SERVICE = ""
    assert await names.of([1]) == {1: ""}
