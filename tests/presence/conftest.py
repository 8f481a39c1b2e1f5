"""Processes of a cluster, as Presence objects on one real Redis, with heartbeats short enough for tests."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from devstack.embedded import EmbeddedRedis
from persistence.configuration import value_of
from presence import Presence

HEARTBEAT = 0.1
EXPIRY = 0.5


class Process:
    """One process of the cluster: its Presence, and the users it was told went offline or came online."""

    def __init__(self, url: str, prefix: str, expiry: float = EXPIRY, heartbeat: float = HEARTBEAT) -> None:
        self.went: list[str] = []
        self.came: list[str] = []
        self.restored = 0  # how often it was told that others may have been told wrong
        self.died: list[str] = []
        self.failures = 0  # how many more deaths cannot be announced
        self.cannot_announce: str | None = None  # a user whose going offline cannot be announced
        self.presence = Presence(
            url,
            on_offline=self._note_went,
            on_online=self._note_came,
            on_restored=self._note_restored,
            on_death=self._note_death,
            heartbeat=heartbeat,
            expiry=expiry,
            prefix=prefix,
        )

    async def _note_went(self, user_id: str) -> None:
        if user_id == self.cannot_announce:
            raise RuntimeError("the database is away")
        self.went.append(user_id)

    async def _note_restored(self) -> None:
        self.restored += 1

    async def _note_came(self, user_id: str) -> None:
        self.came.append(user_id)

    async def _note_death(self, process_id: str) -> None:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the database is away")
        self.died.append(process_id)


PROJECT = Path(__file__).parents[2]
Start = Callable[..., Process]
Member = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def prefix() -> str:
    """Keys of this test alone."""
    return f"test:{uuid.uuid4().hex}:"


@pytest_asyncio.fixture
async def redis(redis_server: None, prefix: str) -> AsyncIterator[Redis]:
    """A client beside the processes, to look and to do harm; its keys are removed after the test."""
    client: Redis = Redis.from_url(value_of("REDIS_ADDRESS"), decode_responses=True)
    yield client
    keys = [key async for key in client.scan_iter(f"{prefix}*")]
    if keys:
        await client.delete(*keys)
    await client.aclose()


@pytest_asyncio.fixture
async def start(prefix: str, redis: Redis) -> AsyncIterator[Start]:
    """Start a process of the cluster; all are stopped after the test."""
    processes: list[Process] = []

    def start_one(url: str | None = None, expiry: float = EXPIRY, heartbeat: float = HEARTBEAT) -> Process:
        process = Process(url or value_of("REDIS_ADDRESS"), prefix, expiry, heartbeat)
        processes.append(process)
        return process

    yield start_one
    for process in processes:
        await process.presence.stop()


@pytest.fixture
def member(prefix: str) -> Iterator[Member]:
    """Start a process of the operating system that holds users, and wait until it does; to be killed."""
    started: list[subprocess.Popen[str]] = []

    def start_one(*arguments: str) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-m",
            "tests.presence.member",
            value_of("REDIS_ADDRESS"),
            prefix,
            str(EXPIRY),
            *arguments,
        ]
        process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        return process

    yield start_one
    for process in started:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


async def processes_in(redis: Redis, prefix: str) -> dict[str, set[str]]:
    """The users that Redis has of each process, by its id."""
    processes: Any = await redis.zrange(f"{prefix}processes", 0, -1)
    fields: dict[str, Any] = {process: await redis.hkeys(f"{prefix}process:{process}") for process in processes}
    return {process: set(users) - {""} for process, users in fields.items()}


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis of this test's own, to take down."""
    server = EmbeddedRedis(tmp_path)
    server.start()
    yield server
    server.stop()
