"""What can happen to a Redis between processes, each while something else goes on."""

import asyncio
import os
import shutil
import signal
from collections.abc import Awaitable, Callable

from redis import Redis

from devstack.embedded import EmbeddedRedis

Harm = Callable[[EmbeddedRedis, Callable[[], Awaitable[None]]], Awaitable[None]]
Meanwhile = Callable[[], Awaitable[None]]


async def flush(redis: EmbeddedRedis, meanwhile: Meanwhile) -> None:
    """It loses all it had, and goes on."""
    with Redis.from_url(redis.address) as client:
        client.flushall()
    await meanwhile()


async def restart_without_data(redis: EmbeddedRedis, meanwhile: Meanwhile) -> None:
    """It is killed, and comes back empty after ten seconds."""
    assert redis.process is not None
    redis.process.kill()
    await meanwhile()
    await asyncio.sleep(10)
    redis.stop()
    shutil.rmtree(redis.directory)
    await asyncio.to_thread(redis.start)


async def pause(redis: EmbeddedRedis, meanwhile: Meanwhile) -> None:
    """It stands still for longer than a silent process lives."""
    assert redis.process is not None
    os.kill(redis.process.pid, signal.SIGSTOP)
    try:
        await meanwhile()
        await asyncio.sleep(20)
    finally:
        os.kill(redis.process.pid, signal.SIGCONT)


async def cut_subscriptions(redis: EmbeddedRedis, meanwhile: Meanwhile) -> None:
    """What is published meanwhile reaches nobody."""
    with Redis.from_url(redis.address) as client:
        cutting = True

        async def cut() -> None:
            while cutting:
                client.client_kill_filter(_type="pubsub")
                await asyncio.sleep(0.05)

        task = asyncio.create_task(cut())
        await meanwhile()
        await asyncio.sleep(2)
        cutting = False
        await task


async def cut_often(redis: EmbeddedRedis, meanwhile: Meanwhile) -> None:
    """All connections to it end, five times in a row."""
    with Redis.from_url(redis.address) as client:
        for _ in range(5):
            for kind in ("pubsub", "normal"):
                client.client_kill_filter(_type=kind, skipme=True)
            await meanwhile()
            await asyncio.sleep(0.5)


async def cut_publishers(redis: EmbeddedRedis, meanwhile: Meanwhile) -> None:
    """For two seconds whoever publishes is cut off, and all still listen."""
    with Redis.from_url(redis.address) as client:
        for _ in range(40):
            client.client_kill_filter(_type="normal", skipme=True)
            await asyncio.sleep(0.05)
        await meanwhile()
