"""MongoDB elects a new primary: who writes meanwhile waits and is not refused, and the log says what was."""

import asyncio
from urllib.parse import urlsplit

import pytest

from tests.clients.replica_set_member import ReplicaSetMember
from tests.eventually import eventually

from .cluster import Cluster
from .conftest import Connect, NewRoom

pytestmark = pytest.mark.slow


async def test_an_election_costs_waiting_and_refuses_nobody(
    cluster: Cluster, connect: Connect, new_room: NewRoom, stores: tuple[str, str]
) -> None:
    room = new_room()
    async with ReplicaSetMember(stores[0]) as mongodb:
        uri = f"mongodb://{mongodb.address}{urlsplit(stores[0]).path}"
        server = await cluster.server("electing", MONGODB_URI=uri)
        try:
            buyer, seller = await connect(room.buyer, to=server), await connect(room.seller, to=server)
            first = await buyer.ask("new_message", room.message(room.buyer, "before"))
            assert first["status"] is True
            mongodb.step_down()
            asked = [
                buyer.ask_later("new_message", room.message(room.buyer, f"meanwhile {n}", client_message_id=f"c{n}"))
                for n in range(5)
            ]
            asked.append(seller.ask_later("seen_messages", room.seen(room.seller, first["message"])))
            await asyncio.sleep(6)  # a sender waits for ten, of which the driver needs some to find the new primary
            assert not any(answer.done() for answer in asked)
            mongodb.elect()
            async with asyncio.timeout(20):
                answers = [(await answer)[0] for answer in asked]
            assert [answer["status"] for answer in answers] == [True] * 6
            assert mongodb.refused
        finally:
            server.stop()
    log = server.log_since(0)
    assert log.count("The message store is away") == log.count("The message store is back") <= 1
    assert "Traceback" not in log


async def test_a_message_that_waits_longer_than_its_sender_is_refused_and_can_be_sent_again(
    cluster: Cluster, connect: Connect, new_room: NewRoom, stores: tuple[str, str]
) -> None:
    room = new_room()
    messages = [room.message(room.buyer, f"meanwhile {n}", client_message_id=f"c{n}") for n in range(5)]
    async with ReplicaSetMember(stores[0]) as mongodb:
        uri = f"mongodb://{mongodb.address}{urlsplit(stores[0]).path}"
        server = await cluster.server("electing for long", MONGODB_URI=uri)
        try:
            buyer = await connect(room.buyer, to=server)
            assert (await buyer.ask("new_message", room.message(room.buyer, "before")))["status"] is True
            mongodb.step_down()
            asked = [buyer.ask_later("new_message", message) for message in messages]
            await asyncio.sleep(11)
            mongodb.elect()
            async with asyncio.timeout(20):
                answers = [(await answer)[0] for answer in asked]
            refused = [answer["error"]["code"] for answer in answers if answer["status"] is not True]
            assert refused and set(refused) == {"overloaded"}
            again = [(await buyer.ask("new_message", message))["status"] for message in messages]
            assert again == [True] * 5
        finally:
            server.stop()
    assert "Traceback" not in server.log_since(0)


async def test_who_would_rather_be_refused_sets_the_patience(
    cluster: Cluster, connect: Connect, new_room: NewRoom, stores: tuple[str, str]
) -> None:
    room = new_room()
    async with ReplicaSetMember(stores[0]) as mongodb:
        uri = f"mongodb://{mongodb.address}{urlsplit(stores[0]).path}"
        server = await cluster.server("impatient", MONGODB_URI=uri, MONGODB_PATIENCE="2")
        try:
            buyer = await connect(room.buyer, to=server)
            mongodb.step_down()
            for number in range(3):
                answer = await buyer.ask("new_message", room.message(room.buyer, f"in vain {number}"))
                assert answer["error"]["code"] == "store_unavailable"
            mongodb.elect()

            async def is_stored() -> bool:
                return bool((await buyer.ask("new_message", room.message(room.buyer, "at last")))["status"])

            await eventually(is_stored, within=20)
        finally:
            server.stop()
    log = server.log_since(0)
    assert log.index("The message store is away: ") < log.index("The message store is back after ")
