"""`/healthz` and `/readyz`: does this process serve, and does it reach its stores and the other processes.

For load balancers; no login.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pymongo
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from pymongo.errors import PyMongoError
from redis.asyncio import Redis
from redis.exceptions import RedisError

STORE_TIMEOUT = 2.0  # seconds; probes usually give up after a few, and must then hear which store it was


async def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers at all."""
    return _uncached({"status": "ok"})


async def readyz(request: HttpRequest, not_heard: Callable[[], Awaitable[str]]) -> JsonResponse:
    """200 when MongoDB and Redis answer, else 503; the body names each store with "ok" or what went wrong.

    503 also for a process that hears none of the others, as `not_heard` finds: its users would miss what those of
    others send. `processes` then says so.
    """
    mongodb, redis, processes = await asyncio.gather(_mongodb(), _redis(), not_heard())
    ready = mongodb == redis == "ok" and not processes
    body = {"status": "ok" if ready else "unavailable", "mongodb": mongodb, "redis": redis}
    return _uncached({**body, **({"processes": processes} if processes else {})}, status=200 if ready else 503)


def _uncached(body: dict[str, str], status: int = 200) -> JsonResponse:
    return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})


def _ping_mongodb() -> None:
    from django.db import connection

    with pymongo.timeout(STORE_TIMEOUT):
        connection.ensure_connection()  # a new connection asks the server for its version
        connection.connection.admin.command("ping")


async def _mongodb() -> str:
    try:
        async with asyncio.timeout(STORE_TIMEOUT + 0.5):
            await asyncio.get_running_loop().run_in_executor(None, _ping_mongodb)
    except TimeoutError:
        return f"no answer within {STORE_TIMEOUT:g} s"
    except PyMongoError as error:
        return _brief(error)
    return "ok"


async def _redis() -> str:
    client = Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=STORE_TIMEOUT, socket_timeout=STORE_TIMEOUT, retry=None
    )
    try:
        async with asyncio.timeout(STORE_TIMEOUT + 0.5):
            await client.ping()
    except TimeoutError:
        return f"no answer within {STORE_TIMEOUT:g} s"
    except (RedisError, OSError) as error:
        return _brief(error)
    finally:
        await client.aclose()
    return "ok"


def _brief(error: Exception) -> str:
    return str(error).split(", Timeout:")[0][:300] or type(error).__name__
