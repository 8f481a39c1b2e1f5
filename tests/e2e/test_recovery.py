"""Connection state recovery with the stock client: its process is killed, and it misses nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from devstack.embedded import EmbeddedKafka
from tests.auctions.publisher import Publisher, result
from tests.clients.client import GENERATIONS, Client, NeverHappened
from tests.clients.driver import Driver
from tests.clients.network import Network
from tests.workers.worker_process import WorkerProcess

from .cluster import Cluster
from .conftest import Connect, NewRoom
from .people import Room, new_buyer
from .test_auction_results import ONE, SEVERAL, auction, publisher  # noqa: F401  fixtures

RECONNECTING = {"reconnection": True, "reconnectionDelay": 500, "reconnectionDelayMax": 500}
ASKING = {"recovery": True}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def recovering(stores: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """Servers with recovery on, apart from those that have it off: in a Redis database of their own."""
    mongodb, redis = stores
    directory = tmp_path_factory.mktemp("recovering")
    async with Cluster(mongodb, f"{redis.rpartition('/')[0]}/3", directory) as cluster:
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
    sellers = [await connect(room.seller, "4.8", to=balancer, options=RECONNECTING, identity=ASKING) for room in rooms]
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


async def test_who_does_not_ask_for_it_gets_not_one_argument_more(
    connect: Connect, new_room: NewRoom, recovering: Cluster
) -> None:
    """Clients of all generations, as they were before there was recovery; one that is cut off is a new one."""
    server = await recovering.server("second")
    rooms = [new_room() for _ in GENERATIONS]
    clients = [await connect(room.seller, version, to=server) for room, version in zip(rooms, GENERATIONS, strict=True)]
    asking = await connect(rooms[0].seller, "4.8", to=server, identity=ASKING)
    for room, client in zip(rooms, clients, strict=True):
        buyer = await connect(room.buyer, "4.8", to=server)
        await buyer.ask("new_message", room.message(room.buyer, "hello"))
        await client.expect("new_message", content="hello")
    await asking.expect("new_message", content="hello")
    assert {len(event.args) for client in clients for event in client.events} == {1}
    assert {len(event.args) for event in asking.events} == {2}


async def test_a_network_that_breaks_again_and_again_costs_nothing(
    connect: Connect, room: Room, balancer: Network
) -> None:
    seller = await connect(room.seller, "4.8", to=balancer, options=RECONNECTING, identity=ASKING)
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


async def test_who_watches_an_auction_misses_no_result(
    driver: Driver,
    recovering: Cluster,
    kafka: EmbeddedKafka,
    publisher: Publisher,  # noqa: F811
    auction: int,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Results that a consumer emits while the watchers' connections are cut, in both namespaces."""
    server = await recovering.server("second")
    kafka_settings = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "SCHEMA_REGISTRY_URL": kafka.address,
        "CONSUMER_GROUP_ID": "recovering",
    }
    consumer = WorkerProcess("consume_auction_results", tmp_path / "log", recovering.environment | kafka_settings)
    await asyncio.to_thread(consumer.start_ready)
    query = {"token": new_buyer().token(), "auction_id": str(auction), "auction_ids": str(auction), **ASKING}

    async def publish(*prices: int) -> None:
        await asyncio.to_thread(publisher.publish, *(result(auction, price) for price in prices))

    try:
        watchers = [
            Client(driver, version="4.8", url=server.url, namespace=namespace, query=query, options=RECONNECTING)
            for namespace in (ONE, SEVERAL)
        ]
        async with watchers[0], watchers[1]:
            await publish(100)
            for watcher in watchers:
                await watcher.expect("new_auction_result", currentPrice=100)
                watcher.drop()
                await watcher.disconnected()
            await publish(200, 300)
            for watcher in watchers:
                await watcher.connected()
                assert watcher.recovered
            await publish(400)
            for watcher in watchers:
                await watcher.expect("new_auction_result", currentPrice=400)
                prices = [told["currentPrice"] for told in watcher.received("new_auction_result")]
                assert list(dict.fromkeys(prices)) == [100, 200, 300, 400], "in order; the latest may come once more"
    finally:
        await asyncio.to_thread(consumer.stop)


async def _cut(seller: Client) -> bool:
    try:
        await seller.disconnected(within=3)
    except NeverHappened:
        return False
    return True
