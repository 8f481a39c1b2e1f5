"""How many messages a minute has: one command to Redis for all of a second's, and none for none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo.database import Database
from pytest_django import Settings
from redis.asyncio import Redis

from conversations.storage import message_counter
from conversations.storage.message_counter import MessageCounter, messages_a_minute
from conversations.storage.writer import close_message_writer, message_writer
from persistence.configuration import value_of
from tests.conversations.conftest import Emitted
from tests.conversations.drafting import draft
from tests.eventually import eventually


@pytest.fixture(autouse=True)
async def redis(redis_server: None) -> AsyncIterator[Redis]:
    """The session's, with nothing counted."""
    async with Redis.from_url(value_of("REDIS_ADDRESS")) as redis:
        async for key in redis.scan_iter(f"{message_counter.PREFIX}*"):
            await redis.delete(key)
        yield redis


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [6000.0]
    monkeypatch.setattr("conversations.storage.message_counter.time.time", lambda: now[0])
    return now


async def test_what_processes_counted_adds_up_by_the_minute(clock: list[float]) -> None:
    here, there = MessageCounter(), MessageCounter()
    here.add(2)
    there.add(3)
    clock[0] += 60
    here.add(1)
    await here.close()
    await there.close()
    assert await messages_a_minute(3) == [0, 5, 1]
    clock[0] += 60
    assert await messages_a_minute(3) == [5, 1, 0]


async def test_batches_of_a_second_go_to_redis_together(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_counter, "PAUSE", 0.01)
    counting = MessageCounter()
    for _ in range(100):
        counting.add(1)
    counting.add(0)

    async def counted() -> int:
        return sum(await messages_a_minute(2))

    await eventually(counted)
    assert await counted() == 100
    async for key in redis.scan_iter(f"{message_counter.PREFIX}*"):
        assert 0 < await redis.ttl(key) <= message_counter.KEPT


async def test_redis_is_not_asked_when_nothing_was_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    def never() -> None:
        raise AssertionError("Redis was asked")

    monkeypatch.setattr(message_counter, "redis", never)
    counting = MessageCounter()
    counting.add(0)
    await counting.close()


async def test_without_redis_messages_are_written_all_the_same(
    database: Database[dict[str, Any]], emitted: Emitted, settings: Settings
) -> None:
    settings.REDIS_ADDRESS = "redis://127.0.0.1:1/0"
    assert (await message_writer().write(draft("hello"))).content == "hello"
    await close_message_writer()


async def test_the_writer_counts_what_it_stored_and_no_repeats(
    database: Database[dict[str, Any]], emitted: Emitted
) -> None:
    for client_message_id in ("a", "b", "a"):
        await message_writer().write(draft("hello", client_message_id))
    await close_message_writer()
    assert sum(await messages_a_minute(2)) == 2
