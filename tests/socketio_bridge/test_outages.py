"""However many parts of a process notice an outage, and however often: one line when it begins, one when it is over."""

from __future__ import annotations

import logging

import pytest

from socketio_bridge.outages import Outage
from tests.eventually import eventually_sync

SETTLED = 0.2


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno >= logging.WARNING]


def test_all_parts_make_two_lines(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage(SETTLED)
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            outage.failed("Redis", ConnectionError("refused"))
            outage.failed("The channel layer", TimeoutError())
    assert logged(caplog) == ["Redis is out of reach: ConnectionError('refused')"]
    assert "The channel layer is out of reach: TimeoutError()" in caplog.messages, "that it suffers is information"
    outage.answered("Redis")
    outage.answered("Presence")  # which never missed it
    assert outage.ongoing
    outage.answered("The channel layer")
    eventually_sync(lambda: len(logged(caplog)) == 2)
    _, back = logged(caplog)
    assert back.startswith("Redis is back after 0.") and back.endswith(" s.")


def test_short_cuts_are_one_outage(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage(SETTLED)
    for _ in range(5):
        outage.failed("Redis", ConnectionError("cut"))
        outage.answered("Redis")
    eventually_sync(lambda: len(logged(caplog)) == 2)
    _, back = logged(caplog)
    assert back.endswith("It was out of reach 5 times.")


def test_the_next_outage_is_logged_again(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage(0.0)
    for _ in range(2):
        outage.failed("Redis", ConnectionError("cut"))
        outage.answered("Redis")
        eventually_sync(lambda: not outage.ongoing)
    eventually_sync(lambda: len(logged(caplog)) == 4)
