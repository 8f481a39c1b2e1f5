"""A relay of the database that moderation's services work on in these tests, and what it told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.conversations.conftest import buyer, emitted, migrated, room, seller  # noqa: F401  fixtures
from tests.conversations.conftest import database as empty_chat  # noqa: F401
from tests.event_relay.conftest import NewRelay
from tests.event_relay.reading import Read
from tests.moderation.conftest import chat, database, mai, tuan  # noqa: F401  fixtures; `database` is not the relay's own
from tests.workers.worker_process import WorkerProcess

Told = Callable[..., Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def relay(new_relay: NewRelay, room: str) -> WorkerProcess:  # noqa: F811
    """A relay at work; the room was there before."""
    relay = new_relay()
    relay.start_ready()
    return relay


@pytest.fixture
def told(relay: WorkerProcess, read: Read) -> Told:
    """Gives the events under a key, each once, when they are as many as the types named: these they must be."""

    async def told(key: str, *types: str) -> list[dict[str, Any]]:
        await asyncio.to_thread(read.until, lambda _: len(read.types(key)) >= len(types), f"{types} of {key}")
        assert read.types(key) == list(types)
        return [event for event in read.once() if event["partitionkey"] == key]

    return told
