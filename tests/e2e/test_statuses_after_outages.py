"""Redis goes away, or loses what it had or what it was to pass on: soon after, nobody has a wrong status."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from devstack.embedded import EmbeddedRedis
from tests.clients.client import GENERATIONS, Client
from tests.clients.network import Network
from tests.eventually import eventually

from .cluster import Cluster
from .conftest import Connect, NewRoom
from .outages import Harm, cut_subscriptions, flush, pause, restart_without_data
from .people import Room
from .server_process import ServerProcess

pytestmark = pytest.mark.slow

SOON = 15.0
"""Seconds after Redis answers within which all statuses are right."""


@dataclass
class Pair:
    """A buyer, who watches, and a seller, who may come or go."""

    room: Room
    watcher: Client
    elsewhere: ServerProcess
    seller: Client | None = None

    def told(self) -> bool | None:
        """What the watcher was told last."""
        told: bool | None = None
        for event in self.watcher.events:
            if event.name == "active_user_list":
                told = {room["room_id"]: room["status"] for room in event.payload["rooms"]}[self.room.id]
            elif event.name == "user_status_change" and event.payload["user_id"] == self.room.seller.user_id:
                told = event.payload["status"]
        return told


@pytest.mark.parametrize(
    "harm", [flush, restart_without_data, pause, cut_subscriptions], ids=lambda harm: str(harm.__name__)
)
async def test_all_statuses_are_right_soon_after(
    harm: Harm,
    own_redis: EmbeddedRedis,
    pair: tuple[ServerProcess, ServerProcess],
    connect: Connect,
    new_room: NewRoom,
) -> None:
    everybody: list[Pair] = []
    for number in range(8):
        here, there = pair[number % 2], pair[number // 4]
        room = new_room()
        watcher = await connect(room.buyer, GENERATIONS[number % 3], to=here)
        everybody.append(Pair(room, watcher, there))
    staying, leaving, coming, flapping = (everybody[start::4] for start in range(4))
    for each in [*staying, *leaving, *flapping]:
        each.seller = await connect(each.room.seller, to=each.elsewhere)
    await eventually(lambda: [each.told() for each in everybody].count(True) == 6, within=20)

    async def meanwhile() -> None:
        for each in [*leaving, *flapping]:
            assert each.seller is not None
            each.seller.disconnect()
        for each in [*coming, *flapping]:
            each.seller = await connect(each.room.seller, to=each.elsewhere)

    await harm(own_redis, meanwhile)
    await asyncio.sleep(SOON)
    assert [each.told() for each in [*staying, *coming, *flapping]] == [True] * 6
    assert [each.told() for each in leaving] == [False] * 2


async def test_who_came_or_left_while_the_store_was_away_is_told_when_it_is_back(
    cluster: Cluster, connect: Connect, new_room: NewRoom, stores: tuple[str, str]
) -> None:
    """And who connected meanwhile gets the list then."""
    target = urlsplit(stores[0])
    async with Network(f"http://{target.netloc}") as mongodb:
        uri = f"mongodb://{urlsplit(mongodb.url).netloc}{target.path}?directConnection=true"
        server = await cluster.server("left storeless", MONGODB_URI=uri, MONGODB_PATIENCE="1")
        try:
            leaving, coming = new_room(), new_room()
            watchers = [await connect(room.buyer, to=server) for room in (leaving, coming)]
            leaver = await connect(leaving.seller, to=server)
            assert (await watchers[0].expect("user_status_change"))["status"] is True
            mongodb.cut()
            leaver.disconnect()
            comer = await connect(coming.seller, to=server)
            await asyncio.sleep(5)
            assert not comer.received("active_user_list")
            mongodb.mend()
            assert (await watchers[0].expect("user_status_change", within=SOON))["status"] is False
            assert (await watchers[1].expect("user_status_change", within=SOON))["status"] is True
            assert (await comer.expect("active_user_list", within=SOON))["rooms"] == [
                {"room_id": coming.id, "status": True}
            ]
        finally:
            server.stop()
    assert "Traceback" not in server.log_since(0)
