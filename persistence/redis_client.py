"""Clients of Redis for counters and short-lived keys: short timeouts, no retries."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from django.conf import settings
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

REDIS_AWAY: Final = (RedisError, OSError)
"""What calls raise when Redis does not answer."""
_PATIENCE = 1.0  # seconds


def redis() -> Any:
    """Return this process's client for synchronous code: the store's threads or a view's, never the event loop.

    Returns:
        A `redis.Redis`, untyped because redis-py types its answers as awaitable too.
    """
    return _client(settings.REDIS_URL)


def async_redis(url: str, *, patience: float, retries: int = 0, **options: Any) -> AsyncRedis:
    """Make a client for one event loop. The caller closes it.

    Args:
        url: `redis://…`
        patience: Seconds that connecting, and each answer, may take.
        retries: How often a call is repeated at once, for example after the connection was closed.
        options: More of `Redis.from_url`.
    """
    retry = AsyncRetry(NoBackoff(), retries)
    return AsyncRedis.from_url(url, socket_timeout=patience, socket_connect_timeout=patience, retry=retry, **options)


def count(key: str, seconds: int) -> tuple[int, int]:
    """Increment a counter of all processes. It starts anew `seconds` after its first count.

    Args:
        key: The counter's key.
        seconds: For how long it counts.

    Returns:
        The count with this one, and the seconds until it starts anew.
    """
    with redis().pipeline(transaction=True) as pipeline:
        pipeline.set(key, 0, ex=seconds, nx=True)
        pipeline.incr(key)
        pipeline.ttl(key)
        _, counted, left = pipeline.execute()
    return counted, left


@lru_cache(maxsize=2)
def _client(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE, retry=Retry(NoBackoff(), 0))
