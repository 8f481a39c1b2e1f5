"""A process is killed when a message is acknowledged, and not told to the other processes yet: one of them tells it."""

import asyncio
import random
import time
from collections import Counter

import pytest

from tests.clients.held_redis import HeldRedis

from .cluster import Cluster
from .conftest import Connect, NewRoom
from .people import Room

pytestmark = pytest.mark.slow

KNOWN_DEAD = 30.0
"""Seconds until a killed process is known to be dead, and some more for a busy machine."""


async def test_what_was_acknowledged_and_not_published_reaches_the_other_side(
    cluster: Cluster, connect: Connect, new_room: NewRoom, stores: tuple[str, str]
) -> None:
    rooms = [new_room() for _ in range(3)]
    other = await cluster.server("survivor")
    async with HeldRedis(stores[1]) as redis:
        dying = await cluster.server("killed before it told", REDIS_ADDRESS=redis.url)
        pairs = [
            (room, await connect(room.buyer, to=dying), await connect(room.seller, version, to=other))
            for room, version in zip(rooms, ("2.3.1", "3.1.3", "4.8"), strict=True)
        ]
        for room, buyer, seller in pairs:
            buyer.emit("new_message", room.message(room.buyer, "told"))
            await seller.expect("new_message", content="told")
        redis.hold("PUBLISH", "SPUBLISH")
        for room, buyer, _ in pairs:
            for number in range(3):
                answer = await buyer.ask("new_message", room.message(room.buyer, f"not told {number}"))
                assert answer["status"] is True
        await asyncio.sleep(0.5)
        for _, _, seller in pairs:
            assert len(seller.received("new_message")) == 1, "the hold works"
        dying.kill()
    killed = time.monotonic()
    for room, _, seller in pairs:
        for number in range(3):
            await seller.expect("new_message", content=f"not told {number}", room_id=room.id, within=KNOWN_DEAD)
        contents = [message["content"] for message in seller.received("new_message")]
        assert list(dict.fromkeys(contents)) == ["told", "not told 0", "not told 1", "not told 2"]
    print(f"\ntold {time.monotonic() - killed:.1f} s after the kill")


async def test_killed_at_any_moment_under_load_nothing_acknowledged_stays_untold(
    cluster: Cluster, connect: Connect, new_room: NewRoom
) -> None:
    rooms = [new_room() for _ in range(4)]
    other, dying = await cluster.server("survivor"), await cluster.server("killed under load")
    buyers = [await connect(room.buyer, to=dying) for room in rooms]
    sellers = [await connect(room.seller, to=other) for room in rooms]
    asked: dict[str, asyncio.Future[list[object]]] = {}

    async def send(room: Room, at: int) -> None:
        for number in range(10_000):
            content = f"{room.id} {number}"
            asked[content] = buyers[at].ask_later("new_message", room.message(room.buyer, content))
            await asyncio.sleep(0.002)

    sending = [asyncio.create_task(send(room, at)) for at, room in enumerate(rooms)]
    await asyncio.sleep(1.0 + random.random())
    dying.kill()
    for task in sending:
        task.cancel()
    for buyer in buyers:
        await buyer.disconnected()
    acked = {content for content, future in asked.items() if future.done()}
    assert acked, "the kill came in the middle"

    def told() -> Counter[str]:
        return Counter(message["content"] for seller in sellers for message in seller.received("new_message"))

    until = time.monotonic() + KNOWN_DEAD
    while acked - told().keys() and time.monotonic() < until:
        await asyncio.sleep(0.1)
    missed_at_first, twice = acked - told().keys(), sum(count > 1 for count in told().values())
    print(f"\n{len(acked)} acknowledged, {twice} of {len(told())} told twice")
    assert not missed_at_first
