"""Redis away, slow, or back without its data: sockets notice nothing, and afterwards all is told."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Sequence
from typing import Any

import pytest
from redis.asyncio import Redis

from devstack.embedded import EmbeddedRedis
from presence.registry import Registry
from socketio_bridge.outages import Outage
from tests.eventually import eventually
from tests.presence.conftest import EXPIRY, HEARTBEAT, Start, processes_in


async def test_while_redis_is_away_a_process_knows_its_own_users(
    start: Start, own_redis: EmbeddedRedis, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("presence.presence.OUTAGE", Outage())
    one, two = start(own_redis.address).presence, start(own_redis.address).presence
    await one.enter("7", "phone")
    await two.enter("8", "phone")
    own_redis.stop()
    with caplog.at_level(logging.WARNING):
        async with asyncio.timeout(1):
            assert await one.online(["7", "8"]) == {"7"}
            assert await one.enter("9", "phone")
            assert not await one.enter("9", "laptop")
            assert await one.online(["9"]) == {"9"}
            assert not await one.leave("9", "phone")
            assert await one.leave("9", "laptop")
            assert await one.leave("7", "phone")
        await asyncio.sleep(HEARTBEAT * 5)
    assert await one.online(["7", "9"]) == set()
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    [away] = warnings
    assert "is out of reach" in away.getMessage()


async def test_what_changed_during_an_outage_is_told_after_it(start: Start, own_redis: EmbeddedRedis) -> None:
    """Also where Redis had done it and only the answer was lost: nobody can know, so it is told again."""
    one, two = start(own_redis.address), start(own_redis.address)
    await one.presence.enter("stays", "phone")
    await one.presence.enter("leaves", "phone")
    await two.presence.enter("elsewhere", "phone")
    await one.presence.enter("elsewhere", "laptop")
    own_redis.stop()
    await one.presence.leave("leaves", "phone")
    await one.presence.leave("elsewhere", "laptop")
    await one.presence.enter("comes", "phone")
    own_redis.start()
    await eventually(lambda: "comes" in one.came and "leaves" in one.went)
    assert sorted(one.came) == ["comes", "elsewhere"], "each as it is by now"
    assert one.went == ["leaves"]
    everybody = ["stays", "leaves", "elsewhere", "comes"]

    async def two_knows() -> bool:
        return await two.presence.online(everybody) == {"stays", "elsewhere", "comes"}

    await eventually(two_knows)
    assert "stays" not in two.went


async def test_nobody_is_told_offline_because_redis_went_away_again(
    start: Start, own_redis: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What changed during an outage waits for a Redis that says how it is by now, not just for one that answers."""
    one, two = start(own_redis.address), start(own_redis.address)
    await two.presence.enter("elsewhere", "phone")
    await one.presence.enter("elsewhere", "laptop")
    own_redis.stop()
    await one.presence.leave("elsewhere", "laptop")
    real, failures = Registry.online, iter([ConnectionError("away again")])

    async def online(registry: Registry, users: Sequence[str]) -> tuple[bool, set[str]]:
        for failure in failures:
            raise failure
        return await real(registry, users)

    monkeypatch.setattr(Registry, "online", online)
    own_redis.start()
    await eventually(lambda: one.came == ["elsewhere"])
    assert one.went == []


async def test_an_outage_longer_than_expiry_makes_nobody_dead(start: Start, own_redis: EmbeddedRedis) -> None:
    processes = [start(own_redis.address) for _ in range(4)]
    for number, process in enumerate(processes):
        await process.presence.enter(str(number), "phone")
    await asyncio.sleep(HEARTBEAT * 2)
    own_redis.stop()
    await asyncio.sleep(EXPIRY * 2)
    own_redis.start()
    await asyncio.sleep(EXPIRY * 2)
    assert [process.went for process in processes] == [[], [], [], []]
    assert await processes[0].presence.online("0123") == set("0123")


async def test_a_redis_that_hangs_longer_than_expiry_makes_nobody_dead(start: Start, own_redis: EmbeddedRedis) -> None:
    processes = [start(own_redis.address) for _ in range(3)]
    for number, process in enumerate(processes):
        await process.presence.enter(str(number), "phone")
    await asyncio.sleep(HEARTBEAT * 2)
    assert own_redis.process is not None
    os.kill(own_redis.process.pid, signal.SIGSTOP)
    await asyncio.sleep(EXPIRY * 2)
    os.kill(own_redis.process.pid, signal.SIGCONT)
    await asyncio.sleep(EXPIRY * 2)
    assert [process.went for process in processes] == [[], [], []]
    assert await processes[0].presence.online("012") == set("012")


async def test_a_redis_that_lost_its_data_gets_it_back(start: Start, own_redis: EmbeddedRedis) -> None:
    one, two = start(own_redis.address), start(own_redis.address)
    await one.presence.enter("7", "phone")
    await two.presence.enter("8", "phone")
    await two.presence.enter("7", "laptop")
    redis: Redis = Redis.from_url(own_redis.address)
    await redis.flushall()
    assert await one.presence.online(["7"]) == {"7"}, "who is here is online, whatever Redis forgot"
    await redis.aclose()
    await eventually(lambda: sorted(one.came + two.came) == ["7", "8"])
    assert await one.presence.online(["7", "8"]) == {"7", "8"}
    assert not one.went and not two.went
    assert not await one.presence.leave("7", "phone")
    assert await two.presence.leave("7", "laptop")


async def test_a_redis_that_forgot_single_users_is_corrected(start: Start, redis: Redis, prefix: str) -> None:
    """As a replica does that takes over before it had the last writes."""
    here, watcher = start(), start()
    await here.presence.enter("7", "phone")
    [identifier] = await processes_in(redis, prefix)
    key = f"{prefix}process:{identifier}"
    older: Any = await redis.hgetall(key)
    await here.presence.enter("8", "phone")
    await here.presence.leave("7", "phone")
    await redis.delete(key)
    await redis.hset(key, mapping=older)
    await eventually(lambda: here.came == ["8"] and here.went == ["7"])
    assert await watcher.presence.online(["7", "8"]) == {"8"}


@pytest.mark.parametrize("key", ["processes", "process:"])
async def test_a_redis_that_evicted_a_key_is_corrected(start: Start, redis: Redis, prefix: str, key: str) -> None:
    here, watcher = start(), start()
    await here.presence.enter("7", "phone")
    [identifier] = await processes_in(redis, prefix)
    await redis.delete(f"{prefix}{key}" + (identifier if key.endswith(":") else ""))
    await eventually(lambda: here.came == ["7"])
    assert await watcher.presence.online(["7"]) == {"7"}


async def test_a_server_started_before_redis_takes_part_once_redis_is_there(
    start: Start, own_redis: EmbeddedRedis
) -> None:
    own_redis.stop()
    early = start(own_redis.address)
    assert await early.presence.enter("7", "phone")
    assert await early.presence.online(["7", "8"]) == {"7"}
    own_redis.start()
    await eventually(lambda: early.came == ["7"])
    assert await start(own_redis.address).presence.online(["7"]) == {"7"}


async def test_stopping_without_redis_is_no_error_and_prompt(start: Start, own_redis: EmbeddedRedis) -> None:
    process = start(own_redis.address)
    await process.presence.enter("7", "phone")
    own_redis.stop()
    async with asyncio.timeout(1):
        await process.presence.stop()
        await process.presence.leave("7", "phone")


async def test_a_presence_may_be_started_again_after_a_stop(start: Start) -> None:
    process, watcher = start(), start()
    await process.presence.enter("7", "phone")
    await process.presence.stop()
    await process.presence.start()
    await process.presence.enter("8", "phone")

    async def who_came_since_is_online_alone() -> bool:
        return await watcher.presence.online(["7", "8"]) == {"8"}

    await eventually(who_came_since_is_online_alone)


async def test_who_leaves_first_after_redis_lost_its_data_is_told(start: Start, own_redis: EmbeddedRedis) -> None:
    """Redis no longer knew that they were here, so it sees nobody go."""
    one = start(own_redis.address, heartbeat=5, expiry=15)
    await one.presence.enter("leaves", "phone")
    await one.presence.enter("stays", "phone")
    redis: Redis = Redis.from_url(own_redis.address)
    await redis.flushall()
    await redis.aclose()
    assert await one.presence.leave("leaves", "phone")
    await eventually(lambda: one.came == ["stays"])


@pytest.mark.parametrize("harm", ["nothing", "flush", "restart"])
async def test_each_process_hears_that_what_was_told_may_have_been_wrong(
    start: Start, own_redis: EmbeddedRedis, harm: str
) -> None:
    processes = [start(own_redis.address), start(own_redis.address)]
    for number, process in enumerate(processes):
        await process.presence.enter(str(number), "phone")
    if harm == "flush":
        redis: Redis = Redis.from_url(own_redis.address)
        await redis.flushall()
        await redis.aclose()
    elif harm == "restart":
        own_redis.stop()
        await asyncio.sleep(HEARTBEAT * 5)
        own_redis.start()
    if harm != "nothing":
        await eventually(lambda: all(process.restored for process in processes))
    else:
        await asyncio.sleep(HEARTBEAT * 5)
        assert [process.restored for process in processes] == [0, 0]
