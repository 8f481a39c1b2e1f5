"""Ready means able: `/readyz` of real processes whose stores refuse, or are not there."""

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.clients.network import Network
from tests.clients.replica_set_member import ReplicaSetMember
from tests.eventually import eventually

from .cluster import Cluster
from .conftest import Connect, NewRoom
from .server_process import ServerProcess

pytestmark = pytest.mark.slow


async def readyz(server: ServerProcess) -> tuple[int, dict[str, Any]]:
    """The status and the body."""

    def ask() -> tuple[int, dict[str, Any]]:
        try:
            with urllib.request.urlopen(f"{server.url}/readyz", timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    return await asyncio.to_thread(ask)


async def test_a_store_that_refuses_every_write_is_unready_and_the_log_says_so_once(
    cluster: Cluster, connect: Connect, new_room: NewRoom, stores: tuple[str, str]
) -> None:
    room = new_room()
    async with ReplicaSetMember(stores[0]) as mongodb:
        server = await cluster.server("full disk", MONGODB_URI=f"mongodb://{mongodb.address}{urlsplit(stores[0]).path}")
        try:
            buyer = await connect(room.buyer, to=server)
            mongodb.fill_disk()
            for number in range(3):
                refused = await buyer.ask("new_message", room.message(room.buyer, f"no room {number}"))
                assert refused["error"]["code"] == "store_unavailable"

            async def unready() -> bool:
                status, body = await readyz(server)
                return status == 503 and "disk space" in body["mongodb"]

            await eventually(unready, within=15)
            mongodb.make_room()

            async def ready() -> bool:
                return (await readyz(server))[0] == 200

            await eventually(ready, within=15)
            assert (await buyer.ask("new_message", room.message(room.buyer, "room")))["status"] is True
        finally:
            server.stop()
    log = server.log_since(0)
    assert log.count("The message store refuses writes: ") == 1
    assert log.count("The message store takes writes again after ") == 1
    assert "Traceback" not in log


async def test_redis_takes_no_process_out_unless_it_is_away_for_that_one_alone(
    cluster: Cluster, stores: tuple[str, str]
) -> None:
    target = urlsplit(stores[1])
    async with Network(f"http://{target.netloc}") as way, Network(f"http://{target.netloc}") as other_way:
        one, other = [
            await cluster.server(name, REDIS_ADDRESS=f"redis://{urlsplit(each.url).netloc}{target.path}")
            for name, each in (("one way", way), ("another way", other_way))
        ]
        try:
            way.cut()
            other_way.cut()
            for _ in range(12):  # longer than it takes to learn that others do reach it
                for server in (one, other):
                    status, body = await readyz(server)
                    assert (status, body["mongodb"]) == (200, "ok")
                await asyncio.sleep(1)
            assert body["status"] == "degraded" and body["redis"] != "ok"
            other_way.mend()

            async def alone() -> bool:
                await readyz(other)
                status, body = await readyz(one)
                return status == 503 and "reach Redis" in body["processes"]

            await eventually(alone, within=20)
            assert (await readyz(other))[0] == 200
            way.mend()
            await eventually(lambda: _is_whole(one), within=10)
        finally:
            one.stop()
            other.stop()


async def _is_whole(server: ServerProcess) -> bool:
    return await readyz(server) == (200, {"status": "ok", "mongodb": "ok", "redis": "ok"})
