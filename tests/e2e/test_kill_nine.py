"""A kill -9 of the server in the middle of everything: what any client received or had acked is in MongoDB, once."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from pymongo.database import Database

from tests.clients.client import GENERATIONS, Client
from tests.eventually import eventually

from .cluster import Cluster
from .conftest import Connect, NewRoom

EACH = 500  # messages of each of four rooms
AFTER = 700  # events, when the server is killed

pytestmark = pytest.mark.slow


async def test_nothing_that_was_seen_is_lost(
    connect: Connect, new_room: NewRoom, database: Database[dict[str, Any]], cluster: Cluster
) -> None:
    """2,000 messages in four rooms, the server killed on the way, started again: the clients come back and finish.

    They send again, with the same `client_message_id`, what was not acked, as an app would. In the end every message is
    stored exactly once, those of before the kill as they were first seen.
    """
    server = await cluster.server("killed")
    rooms = [new_room() for _ in range(4)]
    options = {"reconnection": True, "reconnectionDelay": 100, "reconnectionDelayMax": 500}
    buyers, sellers = [], []
    for number, room in enumerate(rooms):
        version = GENERATIONS[number % len(GENERATIONS)]
        buyers.append(await connect(room.buyer, version, to=server, options=options))
        sellers.append(await connect(room.seller, version, to=server, options=options))
    acks: dict[str, asyncio.Future[list[Any]]] = {}
    for number in range(EACH):
        for room, buyer in zip(rooms, buyers, strict=True):
            content = f"{room.id} {number}"
            acks[content] = buyer.ask_later(
                "new_message", room.message(room.buyer, content, client_message_id=f"c{number}")
            )
    await _until_received(sellers, AFTER)
    server.kill()
    for client in buyers + sellers:
        await client.disconnected()

    acked = {content: future.result()[0]["message"] for content, future in acks.items() if future.done()}
    received = [event for client in buyers + sellers for event in client.received("new_message")]
    assert AFTER <= len(received) < 4 * EACH * 2, "the kill came in the middle"
    stored = {
        message["_id"]: message
        for message in database["cz_messages"].find({"room_id": {"$in": [room.id for room in rooms]}})
    }
    for message in [*received, *acked.values()]:
        assert stored[message["_id"]]["content"] == message["content"]
    assert not _repeated(message["content"] for message in stored.values())

    await cluster.server("killed")
    for client in buyers + sellers:
        await client.reconnected(within=30)
    for room, buyer in zip(rooms, buyers, strict=True):
        again = [f"{room.id} {number}" for number in range(EACH) if f"{room.id} {number}" not in acked]
        for content in again:
            client_message_id = f"c{content.split()[-1]}"
            acks[content] = buyer.ask_later(
                "new_message", room.message(room.buyer, content, client_message_id=client_message_id)
            )
    async with asyncio.timeout(60):
        answers = {content: (await future)[0] for content, future in acks.items()}
    assert all(answer["status"] is True for answer in answers.values())
    for room, seller in zip(rooms, sellers, strict=True):
        in_store = list(database["cz_messages"].find({"room_id": room.id}))
        assert Counter(message["content"] for message in in_store) == {f"{room.id} {n}": 1 for n in range(EACH)}
        assert {message["_id"] for message in in_store} == {
            answers[f"{room.id} {n}"]["message"]["_id"] for n in range(EACH)
        }
        assert not _repeated(event["_id"] for event in seller.received("new_message"))


async def _until_received(clients: list[Client], events: int) -> None:
    await eventually(lambda: sum(len(client.received("new_message")) for client in clients) >= events)


def _repeated(values: Any) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]
