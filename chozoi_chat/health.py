"""`/healthz` and `/readyz`: does this process serve, and does it reach its stores and the other processes.

For load balancers; no login.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import pymongo
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from pymongo.errors import PyMongoError

from persistence.engine.server import running_server
from persistence.redis_client import REDIS_AWAY, async_redis
from persistence.store_clock import store_clock
from persistence.write_proof import write_proof
from presence import current as current_presence
from socketio_bridge.adapter.adapter import find_adapter

STORE_TIMEOUT = 2.0  # seconds; probes usually give up after a few, and must then hear which store it was
REDIS_TIMEOUT = 0.3  # seconds; a process without Redis is ready, and must say so before probes give up

ACQUAINTANCE = 3.0
"""Seconds from a heartbeat in Redis within which all others have heard its process, which greets them each second."""

FRESH = 1.0  # seconds for which what was found is told again


async def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers at all."""
    return _uncached({"status": "ok"})


async def readyz(request: HttpRequest, not_heard: Callable[[], Awaitable[str]]) -> JsonResponse:
    """200 when MongoDB answers and takes writes, else 503; the body names each store with "ok" or what went wrong.

    Without Redis a process stores and serves its own users: 200 with the status "degraded", or all processes would be
    taken out at once. 503 for a process that cannot reach Redis while others can, and for one that hears none of the
    others, as `not_heard` finds: its users would miss what those of others send. `processes` then says so. `limitation`
    says what does not work with this MongoDB, `clock` what is wrong with this machine's.

    Anybody may ask, and often; the stores and the other processes are asked once a second at most.
    """
    global _check
    loop = asyncio.get_running_loop()
    if _check is None or _check.get_loop() is not loop or not _tells(_check):
        _check = loop.create_task(_found(not_heard))
    found = await asyncio.shield(_check)
    return _uncached(found.body, status=200 if found.ready else 503)


class _Found(NamedTuple):
    """What a check found, and when, by the loop's clock."""

    ready: bool
    body: dict[str, str]
    at: float


_check: asyncio.Task[_Found] | None = None


def _tells(check: asyncio.Task[_Found]) -> bool:
    """Whether a check goes on, or has just found something."""
    if not check.done():
        return True
    failed = check.cancelled() or check.exception() is not None
    return not failed and check.get_loop().time() - check.result().at < FRESH


async def _found(not_heard: Callable[[], Awaitable[str]]) -> _Found:
    redis, processes = await asyncio.gather(_redis(), not_heard())
    mongodb = await _mongodb(redis_answers=redis == "ok")
    if mongodb.others_reach_redis:
        processes = processes or "other processes reach Redis, and this one does not: it must be reachable for all"
    ready = mongodb.state == "ok" and not processes
    status = "unavailable" if not ready else "ok" if redis == "ok" else "degraded"
    body = {"status": status, "mongodb": mongodb.state, "redis": redis}
    more = {"processes": processes, "limitation": mongodb.limitation, "clock": mongodb.clock}
    body |= {name: text for name, text in more.items() if text}
    return _Found(ready, body, asyncio.get_running_loop().time())


def _uncached(body: dict[str, str], status: int = 200) -> JsonResponse:
    return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})


class _MongoDB(NamedTuple):
    """What went wrong or "ok", and what MongoDB says besides."""

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
        return _MongoDB(_brief(error))


def _ask_mongodb(redis_answers: bool) -> _MongoDB:
    with pymongo.timeout(STORE_TIMEOUT):
        server = running_server(STORE_TIMEOUT)
        store_clock.keep()
        write_proof.write(redis_answers=redis_answers)
        return _MongoDB("ok", server.limitation, store_clock.limitation, write_proof.others_reach_redis())


async def _redis() -> str:
    client = async_redis(settings.REDIS_URL, patience=REDIS_TIMEOUT)
    try:
        async with asyncio.timeout(2 * REDIS_TIMEOUT):
            await client.ping()
    except TimeoutError:
        return f"no answer within {REDIS_TIMEOUT:g} s"
    except REDIS_AWAY as error:
        return _brief(error)
    finally:
        await client.aclose()
    return "ok"


def _brief(error: Exception) -> str:
    return str(error).split(", Timeout:")[0][:300] or type(error).__name__


async def what_is_not_heard() -> str:
    """What is wrong where others are alive in Redis and not one is heard here; empty: nothing.

    Of one that was killed there is a heartbeat for a while, but none since it was last heard.
    """
    adapter = find_adapter()
    silence = 0.0 if adapter is None else adapter.cluster.silence
    if silence <= ACQUAINTANCE:
        return ""
    others = await current_presence().other_processes(silence - ACQUAINTANCE)
    if not others:
        return ""
    return (
        f"this process hears none of the {others} others that share its Redis database: "
        "REDIS_ADDRESS and CHANNEL_PREFIX must be the same for all"
    )
