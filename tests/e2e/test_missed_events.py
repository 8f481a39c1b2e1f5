"""Redis goes away between processes: what is acknowledged reaches the other side, or the other side is told to sync."""

import asyncio
import itertools
import json
import os
import signal
from collections import Counter

import pytest

from devstack.embedded import EmbeddedRedis
from tests.clients.client import GENERATIONS, Client
from tests.eventually import eventually

from .cluster import Cluster
from .conftest import Connect, NewRoom
from .outages import Harm, cut_often, cut_publishers, cut_subscriptions, flush, pause, restart_without_data
from .people import Room
from .server_process import ServerProcess

pytestmark = pytest.mark.slow

SOON = 15.0
"""Seconds after Redis answers within which everything has arrived."""


async def send_on(sender: Client, room: Room, acked: list[str]) -> None:
    """Write a message each 20 ms, and make the room anew each second; `acked` has the ids of those acknowledged."""
    for number in itertools.count():
        answer = await sender.ask("new_message", room.message(room.seller, f"message {number}"), within=60)
        if answer["status"] is True:
            acked.append(answer["message"]["_id"])
        if number % 50 == 25:
            await sender.ask("create_room", room.creation(room.seller), within=60)
        await asyncio.sleep(0.02)


def _is_quiet(log: str) -> bool:
    """Whether a log has two errors at most, ten warnings, and no traceback."""
    levels = Counter(json.loads(line)["level"] for line in log.splitlines() if line.startswith("{"))
    return "Traceback" not in log and levels["error"] + levels["critical"] <= 2 and levels["warning"] <= 10


@pytest.mark.parametrize(
    "harm",
    [flush, restart_without_data, pause, cut_often, cut_subscriptions, cut_publishers],
    ids=lambda harm: str(harm.__name__),
)
async def test_what_is_acknowledged_meanwhile_arrives_in_order_and_once(
    harm: Harm,
    own_redis: EmbeddedRedis,
    pair: tuple[ServerProcess, ServerProcess],
    connect: Connect,
    new_room: NewRoom,
) -> None:
    """And each process logs little of it."""
    one, two = pair
    marks = [server.log_size() for server in pair]
    rooms = [new_room() for _ in GENERATIONS]
    # Limits of events are counted in Redis, or here: a sender each stays below them.
    receivers = [await connect(room.buyer, version, to=one) for room, version in zip(rooms, GENERATIONS, strict=True)]
    senders = [await connect(room.seller, to=two) for room in rooms]
    acked: list[list[str]] = [[] for _ in rooms]
    tasks = [asyncio.create_task(send_on(*each)) for each in zip(senders, rooms, acked, strict=True)]

    async def meanwhile() -> None:
        await asyncio.sleep(0.5)

    await meanwhile()
    await harm(own_redis, meanwhile)
    await meanwhile()
    for task in tasks:
        task.cancel()
    await asyncio.sleep(0.5)
    for receiver, ids in zip(receivers, acked, strict=True):
        assert len(ids) > 5
        await eventually(
            lambda: receiver.received("resync") or len(receiver.received("new_message")) >= len(ids),  # noqa: B023  asked now
            within=SOON,
        )
        assert not receiver.received("resync"), "all of it can be made good"
        arrived = [message["_id"] for message in receiver.received("new_message")]
        assert arrived[: len(ids)] == ids
        assert len(set(arrived)) == len(arrived)
    for server, mark in zip(pair, marks, strict=True):
        assert _is_quiet(server.log_since(mark)), server.log_since(mark)
    print(f"\n{sum(map(len, acked))} acknowledged, all there")


async def test_what_a_process_took_along_is_told_by_resync(
    cluster: Cluster, own_redis: EmbeddedRedis, connect: Connect, new_room: NewRoom
) -> None:
    """It died while Redis stood still. Clients that do not know `resync` by default, those of 2.x, connect again."""
    here = await cluster.server("survivor of an outage", REDIS_ADDRESS=own_redis.address)
    dying = await cluster.server("killed in an outage", REDIS_ADDRESS=own_redis.address)
    try:
        rooms = [new_room() for _ in range(3)]
        again = {"reconnection": True, "reconnectionDelay": 100}
        old = await connect(rooms[0].buyer, "2.3.1", to=here, options=again)
        knowing = await connect(rooms[1].buyer, "2.3.1", to=here, identity={"resync": "true"}, options=again)
        new = await connect(rooms[2].buyer, "4.8", to=here, options=again)
        senders = [await connect(room.seller, to=dying) for room in rooms]
        for sender, room, buyer in zip(senders, rooms, (old, knowing, new), strict=True):
            await sender.ask("new_message", room.message(room.seller, "heard"))
            await buyer.expect("new_message", content="heard")
        assert own_redis.process is not None
        os.kill(own_redis.process.pid, signal.SIGSTOP)
        try:
            for sender, room in zip(senders, rooms, strict=True):
                answer = await sender.ask("new_message", room.message(room.seller, "not heard"), within=30)
                assert answer["status"] is True
            dying.kill()
            await asyncio.sleep(3)
        finally:
            os.kill(own_redis.process.pid, signal.SIGCONT)
        for buyer, room in ((knowing, rooms[1]), (new, rooms[2])):
            since = (await buyer.expect("resync", within=30))["since"]
            page = await buyer.ask("sync", {"since": since})
            contents = [change["data"].get("content") for change in page["changes"] if change["type"] == "new_message"]
            assert "not heard" in contents, room.id
        await old.disconnected()
        await old.connected()
        assert not old.received("resync")
    finally:
        here.stop()
