"""What is found in the settings, and how the command ends."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from chozoi_chat.doctor import configuration
from chozoi_chat.doctor.finding import Level


def said(level: Level = Level.WARNING) -> list[str]:
    return [finding.what for finding in configuration.look() if finding.level >= level]


def test_a_variable_that_is_almost_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGIN", "https://shop.example")
    monkeypatch.setenv("MONGO_URI", "mongodb://127.0.0.1/chat")
    monkeypatch.setenv("SHELL_PROMPT", "of another program")
    named = {finding.what: finding.mend for finding in configuration.look()}
    assert named["ALLOWED_ORIGIN is set, and nothing reads it"] == "Is ALLOWED_ORIGINS meant?"
    assert named["MONGO_URI is set, and nothing reads it"] == "Is MONGODB_URI meant?"
    assert not any("SHELL_PROMPT" in what for what in named)


def test_embedded_stores_and_a_secret_of_this_machine_are_for_development(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not any("embedded" in what or "SECRET_KEY" in what for what in said())
    settings.MONGODB_EMBEDDED = settings.REDIS_EMBEDDED = True
    monkeypatch.delenv("SECRET_KEY")
    assert sum("embedded" in what or "SECRET_KEY" in what for what in said()) == 3


@pytest.mark.parametrize("named", ["*", "10.0.0.1, 0.0.0.0/0"])
def test_a_proxy_that_may_be_anybody_is_named(settings: Settings, named: str) -> None:
    settings.FORWARDED_ALLOW_IPS = named
    assert any("whoever reaches the port chooses the address" in what for what in said())


def test_what_the_checks_say_is_said_with_its_level(settings: Settings) -> None:
    settings.PORT = 0
    assert "PORT is 0 (chozoi_chat.E011)" in said(Level.ERROR)


def run(*arguments: str) -> tuple[int, str]:
    """How the command ends, and what it prints."""
    printed = StringIO()
    try:
        call_command("doctor", *arguments, stdout=printed)
    except SystemExit as end:
        return int(str(end.code)), printed.getvalue()
    return 0, printed.getvalue()


@pytest.mark.django_db
def test_it_ends_with_1_for_errors_and_with_strict_for_warnings(settings: Settings) -> None:
    ended, printed = run()
    assert ended == 0
    assert "MongoDB\n  ok " in printed
    assert "has its data on one member:" in printed
    assert run("--strict")[0] == 1
    settings.PORT = 0
    ended, printed = run("--json")
    assert ended == 1
    assert {"level": "error", "what": "PORT is 0 (chozoi_chat.E011)", "mend": "It must be a port from 1 to 65535."} in (
        json.loads(printed)["Settings"]
    )
