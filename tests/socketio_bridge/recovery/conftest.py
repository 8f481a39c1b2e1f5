"""Processes with recovery on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.eventually import eventually_sync
from tests.socketio_bridge.processes import Process

from .returning import RECOVERING, Beside, Chat, signed_in


@pytest.fixture(scope="session", autouse=True)
def _redis(redis_server: None) -> None:
    """The channel layer of every process here."""


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    signed_in.clear()
    made = [Process(Chat(), Beside(), options=RECOVERING) for _ in range(2)]
    eventually_sync(lambda: all(process.adapter.cluster.nodes for process in made), "they know each other")
    yield made
    for process in made:
        if not process.loop.is_closed():
            process.stop()
