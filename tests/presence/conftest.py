"""Processes of a cluster, as Presence objects on one real Redis, with heartbeats short enough for tests."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from django.conf import settings
from redis.asyncio import Redis

from devstack.embedded import EmbeddedRedis
from presence import Presence

HEARTBEAT = 0.1
EXPIRY = 0.5


class Process:
    """One process of the cluster: its Presence, and the users it was told went offline or came online."""

    def __init__(self, url: str, prefix: str, expiry: float = EXPIRY) -> None:
        self.went: list[str] = []
        self.came: list[str] = []
        self.presence = Presence(
            url,
            on_offline=self._note_went,
            on_online=self._note_came,
            heartbeat=HEARTBEAT,
            expiry=expiry,
            prefix=prefix,
        )

    async def _note_went(self, user_id: str) -> None:
        self.went.append(user_id)

    async def _note_came(self, user_id: str) -> None:
        self.came.append(user_id)

    async def die(self) -> None:
        """End as by kill -9, as far as Redis can see: say nothing more and drop the connections."""
        self.presence._stopped = True
        self.presence._hurry.set()
        for task in (self.presence._heart, *self.presence._announcing):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        await self.presence._registry.close()


Start = Callable[..., Process]


@pytest.fixture
def prefix() -> str:
    """Keys of this test alone."""
    return f"test:{uuid.uuid4().hex}:"


@pytest_asyncio.fixture
async def redis(redis_server: None, prefix: str) -> AsyncIterator[Redis]:
    """A client beside the processes, to look and to do harm; its keys are removed after the test."""
    client: Redis = Redis.from_url(settings.REDIS_URL, decode_responses=True)
    yield client
    keys = [key async for key in client.scan_iter(f"{prefix}*")]
    if keys:
        await client.delete(*keys)
    await client.aclose()


@pytest_asyncio.fixture
async def start(prefix: str, redis: Redis) -> AsyncIterator[Start]:
    """Start a process of the cluster; all are stopped after the test."""
    processes: list[Process] = []

    def start_one(url: str | None = None, expiry: float = EXPIRY) -> Process:
        process = Process(url or settings.REDIS_URL, prefix, expiry)
        processes.append(process)
        return process

    yield start_one
    for process in processes:
        await process.presence.stop()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis of this test's own, to take down."""
    server = EmbeddedRedis(tmp_path)
    server.start()
    yield server
    server.stop()
