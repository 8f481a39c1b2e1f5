"""Checks of webhooks' settings: what is wrong is said, and no secret."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from event_relay.webhooks.checks import BOUNDS, MOST_ENDPOINTS
from tests.event_relay.webhooks.receiver import SECRET

GOOD = {"url": "https://push.example.com/chat", "secrets": [SECRET], "types": ["message.unread"]}


def problems() -> list[str]:
    return [
        f"{problem.id} {problem.msg} {problem.hint}" for problem in run_checks() if "ebhook" in str(problem).lower()
    ]


@pytest.mark.parametrize(
    "endpoint",
    [
        GOOD,
        {**GOOD, "types": []},
        *({**GOOD, "url": f"http://{host}:8000/"} for host in ("127.0.0.1", "[::1]", "localhost")),
    ],
)
def test_what_is_right_is_taken(settings: Settings, endpoint: dict[str, Any]) -> None:
    settings.WEBHOOKS = {"push": endpoint}
    assert problems() == []


@pytest.mark.parametrize(
    ("name", "change", "number"),
    [
        ("Push!", {}, 3),
        ("push", {"url": "push.example.com"}, 4),
        ("push", {"url": "https://somebody:geheim@push.example.com/"}, 4),
        ("push", {"url": "https://push.example.com:port/"}, 4),
        ("push", {"url": "http://push.example.com/"}, 4),
        ("push", {"url": "http://10.0.0.7/"}, 4),
        ("push", {"url": "ftp://127.0.0.1/"}, 4),
        ("push", {"secrets": []}, 5),
        ("push", {"secrets": ["whsec_c2hvcnQ="]}, 5),
        ("push", {"secrets": ["whsec_not base64, but a password of mine"]}, 5),
        ("push", {"types": ["message.unreed"]}, 6),
    ],
)
def test_what_is_wrong_is_said(settings: Settings, name: str, change: dict[str, Any], number: int) -> None:
    settings.WEBHOOKS = {name: {**GOOD, **change}}
    [problem] = problems()
    assert problem.startswith(f"event_relay.E{number:03} ")
    for secret in (SECRET, "geheim", "a password of mine", "c2hvcnQ="):
        assert secret not in problem


def test_there_may_be_so_many(settings: Settings) -> None:
    settings.WEBHOOKS = {f"endpoint-{number}": GOOD for number in range(MOST_ENDPOINTS)}
    assert problems() == []
    settings.WEBHOOKS = {f"endpoint-{number}": GOOD for number in range(MOST_ENDPOINTS + 1)}
    assert len(problems()) == 1


@pytest.mark.parametrize("name", BOUNDS)
def test_numbers_have_bounds(settings: Settings, name: str) -> None:
    for value in (BOUNDS[name][0] - 1, BOUNDS[name][1] + 1):
        setattr(settings, name, value)
        [problem] = problems()
        assert f"{name} is {value}" in problem


def test_a_misspelt_key_of_an_endpoint_is_no_setting(settings: Settings) -> None:
    settings.WEBHOOKS = {"push": {**GOOD, "type": []}}
    [problem] = problems()
    assert "conversations.E010" in problem
    assert SECRET not in problem
