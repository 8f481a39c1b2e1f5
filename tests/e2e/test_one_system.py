"""Which processes are one system: those of one Redis database, however each spells its address."""

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any

from tests.eventually import eventually

from .cluster import Cluster
from .conftest import Connect
from .people import Room
from .server_process import ServerProcess


def readiness(server: ServerProcess) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"{server.url}/readyz", timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as answer:
        return answer.code, json.load(answer)


async def readiness_is(server: ServerProcess, status: int) -> dict[str, Any]:
    """What it says once it answers with that status."""

    async def ask() -> dict[str, Any] | None:
        answer, body = await asyncio.to_thread(readiness, server)
        return body if answer == status else None

    body: dict[str, Any] = await eventually(ask, f"/readyz answers {status}")
    return body


async def test_processes_hear_each_other_however_the_address_of_their_redis_is_spelled(
    cluster: Cluster, connect: Connect, room: Room, stores: tuple[str, str]
) -> None:
    redis = stores[1].rsplit("/", 1)[0]
    one = await cluster.server("spelled with a path", REDIS_ADDRESS=f"{redis}/5")
    other = await cluster.server("spelled with a query", REDIS_ADDRESS=f"{redis}?db=5")
    try:
        buyer, seller = await connect(room.buyer, to=one), await connect(room.seller, to=other)
        buyer.emit("typing", room.sides(room.buyer))
        assert await seller.expect("typing") == room.sides(room.buyer)
    finally:
        one.stop()
        other.stop()


async def test_a_process_that_hears_none_of_the_others_says_so_and_a_lone_one_is_ready(
    cluster: Cluster, stores: tuple[str, str]
) -> None:
    redis = f"{stores[1].rsplit('/', 1)[0]}/6"
    one = await cluster.server("of one prefix", REDIS_ADDRESS=redis)
    other = await cluster.server("of another prefix", REDIS_ADDRESS=redis, CHANNEL_PREFIX="other")
    try:
        for server in (one, other):
            body = await readiness_is(server, 503)
            assert (body["mongodb"], body["redis"]) == ("ok", "ok")
            assert "hears none of the 1 others" in body["processes"]
        other.stop()
        assert "processes" not in await readiness_is(one, 200)
    finally:
        one.stop()
        other.stop()
