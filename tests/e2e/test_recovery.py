"""Connection state recovery with the stock client: its process is killed, and it misses nothing."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.clients.client import Client, NeverHappened
from tests.clients.network import Network

from .cluster import Cluster
from .conftest import Connect, NewRoom
from .people import Room

RECONNECTING = {"reconnection": True, "reconnectionDelay": 500, "reconnectionDelayMax": 500}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def recovering(stores: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """Servers with recovery on, apart from those that have it off: in a Redis database of their own."""
    mongodb, redis = stores
    directory = tmp_path_factory.mktemp("recovering")
    async with Cluster(mongodb, f"{redis.rpartition('/')[0]}/2", directory) as cluster:
        cluster.environment["MAX_DISCONNECTION_DURATION"] = "120"
        yield cluster


@pytest_asyncio.fixture(loop_scope="session")
async def balancer(recovering: Cluster) -> AsyncIterator[Network]:
    servers = [await recovering.server(name) for name in ("mortal", "second")]
    async with Network(*(server.url for server in servers)) as balancer:
        yield balancer


async def test_a_kill_of_its_process_costs_a_client_nothing(
    connect: Connect, new_room: NewRoom, recovering: Cluster, balancer: Network
) -> None:
    """Two processes; kill -9 of one, messages meanwhile; the sellers that were on it come back to the other."""
    buyers_server = await recovering.server("second")
    rooms = [new_room() for _ in range(4)]
    sellers = [await connect(room.seller, "4.8", to=balancer, options=RECONNECTING) for room in rooms]
    buyers = [await connect(room.buyer, "4.8", to=buyers_server) for room in rooms]
    ids = [seller.socket_id for seller in sellers]

    async def say(content: str) -> None:
        for room, buyer in zip(rooms, buyers, strict=True):
            message = room.message(room.buyer, content, client_message_id=f"{room.id} {content}")
            assert (await buyer.ask("new_message", message))["status"] is True

    await say("before")
    for seller in sellers:
        await seller.expect("new_message", content="before")
    (await recovering.server("mortal")).kill()
    cut = [seller for seller in sellers if await _cut(seller)]
    assert len(cut) == 2, "the balancer shares them out"
    await say("meanwhile")
    for seller in cut:
        await seller.connected(within=30)
        assert seller.recovered
    await say("after")
    for seller in sellers:
        await seller.expect("new_message", content="after")
        assert [message["content"] for message in seller.received("new_message")] == ["before", "meanwhile", "after"]
    assert [seller.socket_id for seller in sellers] == ids


async def test_a_network_that_breaks_again_and_again_costs_nothing(
    connect: Connect, room: Room, balancer: Network
) -> None:
    seller = await connect(room.seller, "4.8", to=balancer, options=RECONNECTING)
    buyer = await connect(room.buyer, "4.8", to=balancer)
    first_id = seller.socket_id
    contents = [str(number) for number in range(4)]
    for content in contents:
        seller.drop()
        await seller.disconnected()
        await buyer.ask("new_message", room.message(room.buyer, content, client_message_id=content))
        await seller.connected()
        assert seller.recovered
        await seller.expect("new_message", content=content)
    assert seller.socket_id == first_id
    assert [message["content"] for message in seller.received("new_message")] == contents


async def _cut(seller: Client) -> bool:
    try:
        await seller.disconnected(within=3)
    except NeverHappened:
        return False
    return True
