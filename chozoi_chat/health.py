"""`/healthz` and `/readyz`: does this process serve, and does it reach its stores and the other processes.

For load balancers; no login.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from weakref import WeakSet

import pymongo
from django.db import DatabaseError
from django.dispatch import receiver
from django.http import HttpRequest, JsonResponse
from pymongo.errors import PyMongoError

from persistence.availability import brief
from persistence.configuration import StoreSettings
from persistence.engine.server import running_server
from persistence.redis_client import REDIS_AWAY, async_redis
from persistence.store_clock import store_clock
from persistence.write_proof import write_proof
from presence import current as current_presence
from socketio_bridge.adapter.adapter import find_adapter
from socketio_bridge.signals import server_stopping

STORE_TIMEOUT = 2.0  # seconds; probes usually give up after a few, and the answer must name the store before
REDIS_TIMEOUT = 0.3  # seconds; a process without Redis is ready, and must say so before probes give up

HEARING_TIMEOUT = 3.0
"""Seconds within which all others have heard a process that is alive in Redis: it sends a heartbeat each second."""

FRESH = 1.0  # seconds for which the result of a check is answered again


_stopping: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
"""The event loops of servers that were told to stop."""


@receiver(server_stopping)
async def note_stopping(sender: Any, **kwargs: Any) -> None:
    """Have `readyz` answer 503 from now on: load balancers are to send clients to other processes."""
    _stopping.add(asyncio.get_running_loop())


async def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200: the process serves."""
    return _uncached({"status": "ok"})


async def readyz(request: HttpRequest, isolation: Callable[[], Awaitable[str]]) -> JsonResponse:
    """Answer 200 when MongoDB answers and takes writes, else 503. docs/operations.md describes the body.

    A process without Redis stores messages and serves its own users. So it answers 200 with the status "degraded", or a
    load balancer would take out all processes at once. A process that cannot reach Redis while others can answers 503,
    and so does one that hears none of the others: its users would miss what users of other processes send.

    A process that was told to stop answers 503 at once.

    Anybody may ask, and often: a check is made once a second at most.

    Args:
        request: The request of a load balancer.
        isolation: Finds out why this process hears no other one; "" where it hears them.
    """
    global _check
    loop = asyncio.get_running_loop()
    if loop in _stopping:
        return _uncached({"status": "stopping"}, status=503)
    if _check is None or _check.get_loop() is not loop or not _is_fresh(_check):
        _check = loop.create_task(_check_all(isolation))
    result = await asyncio.shield(_check)
    return _uncached(result.body, status=200 if result.ready else 503)


class _Result(NamedTuple):
    """The result of a check, and when it ended, by the loop's clock."""

    ready: bool
    body: dict[str, str]
    at: float


_check: asyncio.Task[_Result] | None = None


def _is_fresh(check: asyncio.Task[_Result]) -> bool:
    """Whether a check still runs, or succeeded less than FRESH seconds ago."""
    if not check.done():
        return True
    failed = check.cancelled() or check.exception() is not None
    return not failed and check.get_loop().time() - check.result().at < FRESH


async def _check_all(isolation: Callable[[], Awaitable[str]]) -> _Result:
    redis, processes = await asyncio.gather(_redis(), isolation())
    mongodb = await _mongodb(redis_answers=redis == "ok")
    if mongodb.others_reach_redis:
        processes = processes or "other processes reach Redis, and this one does not: it must be reachable for all"
    ready = mongodb.state == "ok" and not processes
    status = "unavailable" if not ready else "ok" if redis == "ok" else "degraded"
    body = {"status": status, "mongodb": mongodb.state, "redis": redis}
    more = {"processes": processes, "limitation": mongodb.limitation, "clock": mongodb.clock}
    body |= {name: text for name, text in more.items() if text}
    return _Result(ready, body, asyncio.get_running_loop().time())


def _uncached(body: dict[str, str], status: int = 200) -> JsonResponse:
    return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})


class _MongoDB(NamedTuple):
    """The state of MongoDB, "ok" or what went wrong, and what a check finds out besides."""

    state: str
    limitation: str | None = None  # what does not work with this server
    clock: str | None = None  # what is wrong with this machine's
    others_reach_redis: bool = False


async def _mongodb(*, redis_answers: bool) -> _MongoDB:
    try:
        async with asyncio.timeout(STORE_TIMEOUT + 0.5):
            return await asyncio.get_running_loop().run_in_executor(None, _ask_mongodb, redis_answers)
    except TimeoutError:
        return _MongoDB(f"no answer within {STORE_TIMEOUT:g} s")
    except (PyMongoError, DatabaseError) as error:
        return _MongoDB(brief(error))


def _ask_mongodb(redis_answers: bool) -> _MongoDB:
    with pymongo.timeout(STORE_TIMEOUT):
        server = running_server(STORE_TIMEOUT)
        store_clock.keep()
        write_proof.write(redis_answers=redis_answers)
        return _MongoDB("ok", server.limitation, store_clock.limitation, write_proof.others_reach_redis())


async def _redis() -> str:
    client = async_redis(StoreSettings.current().REDIS_ADDRESS, patience=REDIS_TIMEOUT)
    try:
        async with asyncio.timeout(2 * REDIS_TIMEOUT):
            await client.ping()
    except TimeoutError:
        return f"no answer within {REDIS_TIMEOUT:g} s"
    except REDIS_AWAY as error:
        return brief(error)
    finally:
        await client.aclose()
    return "ok"


async def find_isolation() -> str:
    """Find out whether this process hears none of the processes that are alive in Redis.

    A process that was killed keeps its heartbeat in Redis for a while. So only heartbeats count that came after this
    process last heard another one.

    Returns:
        What is wrong, and what would be right; "" where this process hears others, or is alone.
    """
    adapter = find_adapter()
    silence = 0.0 if adapter is None else adapter.cluster.silence
    if silence <= HEARING_TIMEOUT:
        return ""
    others = await current_presence().other_processes(silence - HEARING_TIMEOUT)
    if not others:
        return ""
    return (
        f"this process hears none of the {others} others that share its Redis database: "
        "REDIS_ADDRESS and CHANNEL_PREFIX must be the same for all"
    )
