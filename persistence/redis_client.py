"""Clients of Redis, for counts and marks of the moment: they never wait long, and do not try a call again.

A Redis that has just not answered is not asked again by those who have something to do: one thread of this process
tries it until it answers, and all calls fail at once meanwhile.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final, ParamSpec, Self, TypeVar

from django.dispatch import Signal
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from persistence.configuration import StoreSettings
from socketio_bridge.outages import OUTAGE

logger = logging.getLogger(__name__)

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

REDIS_AWAY: Final = (RedisError, OSError)
"""What calls raise when Redis does not answer."""
SOON: Final = 0.25
"""Seconds that `in_redis_thread` waits: a message may wait for what is asked there."""
_PATIENCE = 1.0  # seconds that connecting, and each answer, may take
_TRIES = (0.0, 0.1, 0.25, 0.5)  # seconds before each try of a Redis that is away; the last one from then on

_threads = ThreadPoolExecutor(4, thread_name_prefix="redis")


def redis() -> Any:
    """The client of this process for synchronous code: a view's thread or `in_redis_thread`, never the event loop.

    Returns:
        A `redis.Redis`, untyped because redis-py types its answers as awaitable too.

    Raises:
        RedisConnectionError: It is away, as far as is known.
    """
    client = _client(StoreSettings.current().REDIS_ADDRESS)
    if client.away:
        raise RedisConnectionError("Redis did not answer a moment ago")
    return client.redis


async def in_redis_thread(
    function: Callable[Arguments, Answer], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Answer:
    """Run blocking work with `redis()` in a thread for such work alone, and wait SOON seconds for it at most.

    Raises REDIS_AWAY where that is not enough; the work may be done all the same.
    """
    work = asyncio.get_running_loop().run_in_executor(_threads, lambda: function(*args, **kwargs))
    try:
        async with asyncio.timeout(SOON):
            return await work
    except TimeoutError:
        raise RedisTimeoutError(f"Redis did not answer within {SOON} s") from None


def async_redis(url: str, *, patience: float, retries: int = 0, **options: Any) -> AsyncRedis:
    """Make a client for one event loop. The caller closes it.

    Args:
        url: `redis://…`
        patience: Seconds that connecting, and each answer, may take.
        retries: How often a call is repeated at once, for example after the connection was closed.
        options: More of `Redis.from_url`.
    """
    retry = _TimedRetry(NoBackoff(), retries)
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


class _Client:
    """A client, and whether its Redis is away."""

    def __init__(self, url: str) -> None:
        self.away = False
        self._lock = threading.Lock()
        self.redis = self._connecting(url, _NotingRetry(self._lost))
        self._probe = self._connecting(url, Retry(NoBackoff(), 0))

    @staticmethod
    def _connecting(url: str, retry: Retry) -> Redis:
        return Redis.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE, retry=retry)

    def _lost(self, error: BaseException) -> None:
        with self._lock:
            if self.away:
                return
            self.away = True
        OUTAGE.failed("Redis", error)
        threading.Thread(target=self._try_until_back, name="redis probe", daemon=True).start()

    def _try_until_back(self) -> None:
        for pause in itertools.chain(_TRIES, itertools.repeat(_TRIES[-1])):
            time.sleep(pause)
            try:
                self._probe.ping()
            except REDIS_AWAY:
                continue
            self.away = False
            OUTAGE.answered("Redis")
            return


redis_called = Signal()
"""Redis was asked something, by any client of this module, for whoever measures it. Receivers must be quick.

Args:
    seconds: How long it took.
    failed: Whether that ended with an error.
"""


@contextmanager
def _timed() -> Iterator[None]:
    began = time.monotonic()
    failed = True
    try:
        yield
        failed = False
    finally:
        redis_called.send(sender=None, seconds=time.monotonic() - began, failed=failed)


class _TimedRetry(AsyncRetry):
    """Times what it calls: each command and pipeline goes through it."""

    async def call_with_retry(self, *args: Any, **kwargs: Any) -> Any:
        """As of `AsyncRetry`."""
        with _timed():
            return await super().call_with_retry(*args, **kwargs)


class _NotingRetry(Retry):
    """No second try, but a word to the client that one failed."""

    def __init__(self, lost: Callable[[BaseException], None]) -> None:
        super().__init__(NoBackoff(), 0)
        self._lost = lost

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return type(self)(self._lost)  # each connection has its own

    def call_with_retry(self, *args: Any, **kwargs: Any) -> Any:
        """As of `Retry`."""
        try:
            with _timed():
                return super().call_with_retry(*args, **kwargs)
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            self._lost(error)
            raise


@lru_cache(maxsize=2)
def _client(url: str) -> _Client:
    return _Client(url)


def say_away(consequence: str, error: BaseException) -> None:
    """Log what a Redis that does not answer means, as information: OUTAGE says that it is away.

    Each consequence is logged once in a while, however many calls meet it.

    Args:
        consequence: What is not done, as a sentence without its full stop.
        error: One of REDIS_AWAY.
    """
    now = time.monotonic()
    if now - _said_at.get(consequence, -math.inf) >= _SAID_FOR:
        _said_at[consequence] = now
        logger.info("Redis does not answer: %s. (%r)", consequence, error)


_said_at: dict[str, float] = {}
_SAID_FOR = 60.0  # seconds
