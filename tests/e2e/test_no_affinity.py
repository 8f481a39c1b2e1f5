"""Three processes behind a load balancer that sends each request anywhere: no sticky sessions."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.clients.network import Network

from .cluster import Cluster
from .conftest import Connect, NewRoom
from .exchange import exchange
from .people import Room

DEFAULT, POLLING = ("polling", "websocket"), ("polling",)


@pytest_asyncio.fixture(loop_scope="session")
async def balancer(cluster: Cluster) -> AsyncIterator[Network]:
    servers = [await cluster.server(name) for name in ("first", "second", "third")]
    async with Network(*(server.url for server in servers)) as balancer:
        yield balancer


@pytest.mark.parametrize("transports", [DEFAULT, POLLING], ids="-".join)
async def test_each_message_arrives_once_and_in_order_wherever_requests_land(
    version: str, transports: tuple[str, ...], connect: Connect, room: Room, balancer: Network
) -> None:
    buyer = await connect(room.buyer, version, to=balancer, transports=transports)
    seller = await connect(room.seller, version, to=balancer, transports=transports)
    await exchange(room, buyer, seller)


@pytest.mark.slow
async def test_many_clients_of_all_generations(connect: Connect, new_room: NewRoom, balancer: Network) -> None:
    """25 pairs of each generation, their default transports, 40 events each way: 6,000 in all."""
    pairs = []
    for generation in ("2.3.1", "3.1.3", "4.8"):
        for _ in range(25):
            room = new_room()
            buyer, seller = await asyncio.gather(
                connect(room.buyer, generation, to=balancer, transports=DEFAULT),
                connect(room.seller, generation, to=balancer, transports=DEFAULT),
            )
            pairs.append((room, buyer, seller))
    for number in range(40):
        for room, buyer, seller in pairs:
            buyer.emit("typing", room.sides(room.buyer) | {"number": number})
            seller.emit("stop_typing", room.sides(room.seller))
            buyer.emit("new_message", room.message(room.buyer, str(number), client_message_id=str(number)))
        await asyncio.sleep(0.01)
    for _, buyer, seller in pairs:
        for client in (buyer, seller):
            received = [(await client.expect("new_message", within=60))["content"] for _ in range(40)]
            assert received == [str(number) for number in range(40)]
        for _ in range(40):
            await seller.expect("typing")
            await buyer.expect("stop_typing")
        assert [event.name for event in seller.events].count("typing") == 40
        assert [event.name for event in buyer.events].count("stop_typing") == 40
