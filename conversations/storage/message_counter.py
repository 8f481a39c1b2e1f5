"""How many messages were stored in each minute, by all processes together: for a chart that staff see.

A batch adds its number in memory, which goes to Redis once a second at most. While Redis is away nothing is counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from contextvars import Context

from persistence.redis_client import REDIS_AWAY, in_redis_thread, redis

logger = logging.getLogger(__name__)

PREFIX = "chozoi:messages:"
KEPT = 2 * 3600  # seconds
PAUSE = 1.0


class MessageCounter:
    """Counts for one event loop. Use it in that loop only, and `close` it in the end."""

    def __init__(self) -> None:
        self._counted = Counter[int]()
        self._flusher: asyncio.Task[None] | None = None

    def add(self, messages: int) -> None:
        """Count messages that were just stored."""
        if not messages:
            return
        self._counted[_minute()] += messages
        if self._flusher is None:
            self._flusher = asyncio.get_running_loop().create_task(self._flush_soon(), context=Context())

    async def close(self) -> None:
        """Send what is left to Redis."""
        if self._flusher is not None:
            self._flusher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._flusher
        await self._flush()

    async def _flush_soon(self) -> None:
        try:
            await asyncio.sleep(PAUSE)
        finally:
            self._flusher = None
        await self._flush()

    async def _flush(self) -> None:
        counted, self._counted = self._counted, Counter[int]()
        if not counted:
            return
        try:
            await in_redis_thread(_store, counted)
        except REDIS_AWAY as error:
            logger.info("%d messages are not counted, Redis is away: %s", counted.total(), error)


def _store(counted: Counter[int]) -> None:
    with redis().pipeline(transaction=False) as pipeline:
        for minute, messages in counted.items():
            pipeline.incrby(_key(minute), messages)
            pipeline.expire(_key(minute), KEPT)
        pipeline.execute()


async def messages_a_minute(minutes: int = 60) -> list[int]:
    """Read how many messages were stored in each of the last minutes.

    Args:
        minutes: How many minutes.

    Returns:
        A count for each minute; the last one is that of the running minute.

    Raises:
        REDIS_AWAY: Redis does not answer.
    """
    now = _minute()
    keys = [_key(minute) for minute in range(now - minutes + 1, now + 1)]
    return [int(count or 0) for count in await in_redis_thread(lambda: redis().mget(keys))]


def _minute() -> int:
    return int(time.time()) // 60


def _key(minute: int) -> str:
    return f"{PREFIX}{minute}"
