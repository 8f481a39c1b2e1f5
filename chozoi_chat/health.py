"""`/healthz` and `/readyz`: does this process serve, and does it reach its stores and the other processes.

For load balancers; no login.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from pymongo.errors import PyMongoError

from persistence.engine.server import running_server
from persistence.redis_client import REDIS_AWAY, async_redis
from presence import current as current_presence
from socketio_bridge.adapter.adapter import find_adapter

STORE_TIMEOUT = 2.0  # seconds; probes usually give up after a few, and must then hear which store it was

ACQUAINTANCE = 3.0
"""Seconds from a heartbeat in Redis within which all others have heard its process, which greets them each second."""

FRESH = 1.0  # seconds for which what was found is told again


async def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers at all."""
    return _uncached({"status": "ok"})


async def readyz(request: HttpRequest, not_heard: Callable[[], Awaitable[str]]) -> JsonResponse:
    """200 when MongoDB and Redis answer, else 503; the body names each store with "ok" or what went wrong.

    503 also for a process that hears none of the others, as `not_heard` finds: its users would miss what those of
    others send. `processes` then says so. `limitation` says what does not work with this MongoDB.

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
    (mongodb, limitation), redis, processes = await asyncio.gather(_mongodb(), _redis(), not_heard())
    ready = mongodb == redis == "ok" and not processes
    body = {"status": "ok" if ready else "unavailable", "mongodb": mongodb, "redis": redis}
    more = {"processes": processes, "limitation": limitation}
    body |= {name: text for name, text in more.items() if text}
    return _Found(ready, body, asyncio.get_running_loop().time())


def _uncached(body: dict[str, str], status: int = 200) -> JsonResponse:
    return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})


async def _mongodb() -> tuple[str, str | None]:
    """What went wrong or "ok", and what does not work with this server."""
    try:
        async with asyncio.timeout(STORE_TIMEOUT + 0.5):
            server = await asyncio.get_running_loop().run_in_executor(None, running_server, STORE_TIMEOUT)
    except TimeoutError:
        return f"no answer within {STORE_TIMEOUT:g} s", None
    except (PyMongoError, DatabaseError) as error:
        return _brief(error), None
    return "ok", server.limitation


async def _redis() -> str:
    client = async_redis(settings.REDIS_URL, patience=STORE_TIMEOUT)
    try:
        async with asyncio.timeout(STORE_TIMEOUT + 0.5):
            await client.ping()
    except TimeoutError:
        return f"no answer within {STORE_TIMEOUT:g} s"
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
