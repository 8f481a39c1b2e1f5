"""How moderation reaches Redis: never waiting long, never trying again, for what it keeps there is of the moment."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

REDIS_AWAY: Final = (RedisError, OSError)
_PATIENCE = 1.0  # seconds


def connect() -> Redis:
    """A client of REDIS_URL; its errors are REDIS_AWAY."""
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=_PATIENCE,
        socket_connect_timeout=_PATIENCE,
        retry=Retry(NoBackoff(), 0),
    )
