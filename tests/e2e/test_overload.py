"""Who waits for whom: messages go on beside a flood, many lists, a Redis that is paused; typing passes a message.

The times are printed (`pytest -s`) and are bounds for a busy machine, not what the server is made to keep.
"""

import asyncio
import json
import os
import signal
import statistics
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from devstack.embedded import EmbeddedRedis
from tests.clients.client import WITHIN, Client
from tests.clients.network import Network

from .cluster import Cluster
from .conftest import Connect, NewRoom
from .people import Room
from .server_process import PROJECT, ServerProcess

pytestmark = pytest.mark.slow

FLOODED = 8.0  # seconds
WITHOUT_LIMITS = {
    "EVENT_RATE_USER": "0",
    "EVENT_RATE_MESSAGES": "0",
    "EVENT_RATE_ADDRESS": "0",
    "API_RATE_USER": "0",
    "API_RATE_ADDRESS": "0",
}


@pytest_asyncio.fixture(loop_scope="session")
async def unlimited(cluster: Cluster) -> AsyncIterator[ServerProcess]:
    """A server without limits of rate: what they stop does not come to what is tested here."""
    server = await cluster.server("unlimited", **WITHOUT_LIMITS)
    yield server
    server.stop()


async def talk(sender: Client, room: Room, seconds: float, pause: float = 0.1) -> list[float]:
    """Send messages one after the other, and check that each is stored; the seconds that each took, sorted."""
    took = []
    until = time.monotonic() + seconds
    while (began := time.monotonic()) < until:
        answer = await sender.ask("new_message", room.message(room.buyer, "hello"))
        assert answer["status"] is True, answer
        took.append(time.monotonic() - began)
        await asyncio.sleep(pause)
    return sorted(took)


def described(name: str, took: list[float]) -> str:
    middle, late = (1000 * value for value in (statistics.median(took), took[int(len(took) * 0.99)]))
    return f"{name}: {len(took)} times, median {middle:.1f} ms, p99 {late:.1f} ms"


async def test_one_who_floods_holds_nobody_else_up(
    unlimited: ServerProcess, connect: Connect, new_room: NewRoom
) -> None:
    room, flooded = new_room(), new_room()
    buyer, seller = await connect(room.buyer, to=unlimited), await connect(room.seller, to=unlimited)
    quiet = await talk(buyer, room, 3.0)
    flooder = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.e2e.flooder", unlimited.url, str(FLOODED), "3"),
        *(flooded.id, flooded.buyer.user_id, flooded.seller.user_id, json.dumps(flooded.buyer.identity())),
        cwd=PROJECT,
        stdout=asyncio.subprocess.PIPE,
    )
    await asyncio.sleep(1.5)
    beside = await talk(buyer, room, FLOODED - 1.5)
    counts, _ = await flooder.communicate()
    print(f"\n{described('quiet', quiet)}\n{described('beside a flood', beside)}\nthe flood: {counts.decode()}")
    assert beside[-1] < WITHIN, "all were acknowledged in good time"
    for _ in quiet + beside:
        await seller.expect("new_message", room_id=room.id)


async def test_messages_do_not_queue_behind_lists(
    unlimited: ServerProcess, connect: Connect, new_room: NewRoom
) -> None:
    room = new_room()
    for _ in range(60):
        new_room(buyer=room.buyer)
    buyer = await connect(room.buyer, to=unlimited)
    quiet = await talk(buyer, room, 3.0)
    reading = asyncio.create_task(_read_lists(unlimited, room, readers=50, each=12))
    beside = []
    while not reading.done():
        beside += await talk(buyer, room, 0.5)
    lists = await reading
    print(f"\n{described('quiet', quiet)}\n{described('beside lists', sorted(beside))}\n{described('lists', lists)}")
    # Both take longer on a busy machine. In one queue with the lists a message would take longer than a list: it
    # comes to the store more than once.
    assert statistics.median(beside) < statistics.median(lists) / 2


async def _read_lists(server: ServerProcess, room: Room, *, readers: int, each: int) -> list[float]:
    """Have so many readers read the buyer's rooms, one list after the other; the seconds that each took, sorted."""
    took = []
    headers = {"Authorization": f"Bearer {room.buyer.token()}"}

    async def read() -> None:
        async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=120) as client:
            for _ in range(each):
                began = time.monotonic()
                answer = await client.get("/v1/conversations/rooms", params={"role": "BUYER"})
                assert answer.status_code == 200, answer.text
                took.append(time.monotonic() - began)

    await asyncio.gather(*(read() for _ in range(readers)))
    return sorted(took)


async def test_messages_go_on_while_redis_is_paused(
    cluster: Cluster, connect: Connect, new_room: NewRoom, tmp_path: Path
) -> None:
    redis = EmbeddedRedis(tmp_path)
    redis.start()
    server = await cluster.server("paused_redis", REDIS_ADDRESS=redis.address)
    try:
        room = new_room()
        buyer, seller = await connect(room.buyer, to=server), await connect(room.seller, to=server)
        quiet = await talk(buyer, room, 3.0)
        _signal(redis, signal.SIGSTOP)
        try:
            # Others wait for Redis meanwhile: what they do is counted there.
            others = [seller.ask_later("create_room", room.creation(room.seller)) for _ in range(30)]
            beside = await talk(buyer, room, 8.0)
        finally:
            _signal(redis, signal.SIGCONT)
        await asyncio.wait(others, timeout=20)
        print(f"\n{described('quiet', quiet)}\n{described('while Redis is paused', beside)}")
        assert beside[-1] < 1.0, "none waited for Redis to answer"
        for _ in quiet + beside:
            await seller.expect("new_message", room_id=room.id)
    finally:
        server.stop()
        redis.stop()


def _signal(redis: EmbeddedRedis, number: signal.Signals) -> None:
    assert redis.process is not None
    os.kill(redis.process.pid, number)


async def test_typing_passes_a_message_that_is_not_answered_yet(
    cluster: Cluster, connect: Connect, new_room: NewRoom, stores: tuple[str, str]
) -> None:
    room = new_room()
    async with Network(stores[0].replace("mongodb", "http", 1)) as network:
        address = network.url.removeprefix("http://")
        uri = f"mongodb://{address}/{stores[0].rsplit('/', 1)[1]}?directConnection=true"
        server = await cluster.server("stalled_store", MONGODB_URI=uri)
        try:
            buyer, seller = await connect(room.buyer, to=server), await connect(room.seller, to=server)
            buyer.emit("typing", room.sides(room.buyer))
            await seller.expect("typing")
            await asyncio.sleep(1.0)  # the room is read anew
            network.silence()
            answer = buyer.ask_later("new_message", room.message(room.buyer, "hello"))
            for _ in range(7):
                buyer.emit("typing", room.sides(room.buyer))
                await seller.expect("typing", within=2)
                buyer.emit("stop_typing", room.sides(room.buyer))
                await seller.expect("stop_typing", within=2)
                await asyncio.sleep(0.5)
            assert not answer.done()
            network.mend()
            async with asyncio.timeout(15):
                assert (await answer)[0]["status"] is True
        finally:
            network.mend()
            server.stop()
