"""How synchronous code reaches Redis, for counts and marks of the moment: never waiting long, never trying again.

Not on the event loop: from the store's threads, or from a view's.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

REDIS_AWAY: Final = (RedisError, OSError)
_PATIENCE = 1.0  # seconds


def redis() -> Any:
    """The client of this process; its errors are REDIS_AWAY. (redis-py types its answers as awaitable too.)"""
    return _client(settings.REDIS_URL)


@lru_cache(maxsize=2)
def _client(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE, retry=Retry(NoBackoff(), 0))
