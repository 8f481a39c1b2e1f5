"""Limits of rate: by user and by address, counted for all processes, told with the time to wait."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from conversations.checks import check_settings
from identity import Role
from persistence import rate_limits as rates
from persistence.configuration import known_settings
from persistence.redis_client import redis
from socketio_bridge.rates import Rate
from tests.conversations.api.conftest import Answer, App
from tests.conversations.conftest import Emitted


class Clock:
    """Time that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        return self.now

    monotonic = time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Clock:
    clock = Clock()
    monkeypatch.setattr(rates, "time", clock)
    for key in redis().scan_iter(f"{rates.PREFIX}*"):
        redis().delete(key)
    return clock


async def statuses(app: App, calls: int) -> list[int]:
    return [(await app.get("/rooms")).status for _ in range(calls)]


async def test_a_user_has_so_many_calls_whatever_the_device(api: Emitted, settings: Settings, clock: Clock) -> None:
    settings.API_RATE_USER = "3/m"
    assert await statuses(App("7", Role.BUYER), 2) == [200, 200]
    app = App("7", Role.BUYER)
    assert await statuses(app, 2) == [200, 429]
    assert await statuses(App("9", Role.SELLER), 1) == [200]
    clock.now += 60
    assert await statuses(app, 1) == [200]


async def test_a_refused_call_says_when_to_come_back(api: Emitted, settings: Settings, clock: Clock) -> None:
    settings.API_RATE_USER = "1/m"
    clock.now += 20
    app = App("7", Role.BUYER)
    await app.get("/rooms")
    answer: Answer = await app.get("/rooms")
    assert (answer.status, answer.body["status"], answer.body["code"]) == (429, False, "rate_limited")
    assert answer.headers["Retry-After"] == "40"


async def test_an_address_has_so_many_calls_with_bad_tokens_too(api: Emitted, settings: Settings, clock: Clock) -> None:
    """So that tokens cannot be guessed as fast as the line allows."""
    settings.API_RATE_ADDRESS = "3/h"
    stranger = App("7")
    stranger.headers = {"Authorization": "Bearer guess"}
    assert await statuses(stranger, 4) == [401, 401, 401, 429]
    assert await statuses(App("9", Role.SELLER), 1) == [429]


async def test_a_redis_that_is_away_lets_calls_pass(api: Emitted, settings: Settings, clock: Clock) -> None:
    settings.REDIS_ADDRESS = "redis://127.0.0.1:1/0"
    settings.API_RATE_USER = "1/m"
    assert await statuses(App("7", Role.BUYER), 2) == [200, 200]


async def test_what_is_counted_is_forgotten_after_its_window(api: Emitted, settings: Settings, clock: Clock) -> None:
    settings.API_RATE_USER, settings.API_RATE_ADDRESS = "3/m", "0"
    await statuses(App("7", Role.BUYER), 2)
    [key] = redis().scan_iter(f"{rates.PREFIX}*")
    assert 0 < redis().ttl(key) <= 61


@pytest.mark.parametrize(
    ("text", "rate"),
    [("600/m", Rate(600, 60)), ("5/s", Rate(5, 1)), ("1/h", Rate(1, 3600)), ("9/d", Rate(9, 86_400)), ("0", None)],
)
def test_rates_as_they_are_written(text: str, rate: Any) -> None:
    assert Rate.read(text) == rate


@pytest.mark.parametrize("text", ["", "600", "0/m", "-1/m", "600/min", "m", "600/", "1.5/s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="600/m"):
        Rate.read(text)


@pytest.mark.parametrize("name", [name for name in known_settings() if "_RATE_" in name])
def test_the_server_does_not_start_with_a_rate_that_is_none(settings: Settings, name: str) -> None:
    setattr(settings, name, "often")
    [problem] = check_settings(None)
    assert problem.msg == f"{name} is 'often'." and "600/m" in str(problem.hint)
    setattr(settings, name, "10/s")
    assert check_settings(None) == []
