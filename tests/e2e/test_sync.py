"""After any absence a device is by `sync` where one is that loads everything anew."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pymongo.database import Database

from tests.clients.client import GENERATIONS
from tests.eventually import eventually

from .cluster import Cluster
from .conftest import Connect, NewRoom
from .device import App, Device
from .job import Job
from .people import Room, new_seller
from .server_process import ServerProcess

Store = Database[dict[str, Any]]
DAY = datetime.timedelta(days=1)

TOKEN_OF = """
import datetime
from conversations.services import token_since
return token_since(datetime.datetime.fromisoformat(instant))
"""
REDACT = """
import datetime
from asgiref.sync import async_to_sync
from conversations import services
at = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
return len(async_to_sync(services.redact_messages)(messages, at, lambda originals: None))
"""


@pytest_asyncio.fixture(loop_scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30) as client:
        yield client


def stored(room: Room, number: int, at: datetime.datetime) -> dict[str, Any]:
    """A message of the buyer as it has been in the store since then."""
    return {
        "created_at": at,
        "_id": f"{room.id} {at:%m%d} {number:03}",
        **room.message(room.buyer, f"{number} of {at:%d}"),
        "is_seen": False,
        "updated_at": at,
        "__v": 0,
    }


def store(database: Store, messages: list[dict[str, Any]]) -> None:
    """Store messages, and what they did to their rooms."""
    database.cz_messages.insert_many(messages)
    for message in messages:
        last = {f"{side}_last_message": message for side in ("buyer", "seller")}
        change = {"$set": {**last, "updated_at": message["created_at"]}, "$inc": {"seller_unseen_messages": 1}}
        database.cz_rooms.update_one({"_id": message["room_id"]}, change)


async def write(http: httpx.AsyncClient, room: Room, count: int, *urls: str) -> None:
    """The buyer writes, and repeats what is not answered."""
    app = App(room.buyer, *urls)
    for number in range(count):
        body = room.message(room.buyer, f"now {number}", client_message_id=f"n{number}")
        await app.call(http, "POST", "/messages", body)


@pytest.mark.slow
async def test_an_old_client_comes_back_after_three_days(
    connect: Connect, new_room: NewRoom, database: Store, http: httpx.AsyncClient, server: ServerProcess, job: Job
) -> None:
    """2,000 messages in 200 rooms, one edited, one redacted, one room deleted on another device, one blocked."""
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    seller = new_seller()
    rooms = [new_room(seller=seller, created_at=now - 9 * DAY, updated_at=now - 9 * DAY) for _ in range(202)]
    store(database, [stored(room, number, now - 4 * DAY) for room in rooms[::10] for number in range(3)])
    device = Device(seller)
    await device.load(http, server.url)
    device.token = await job.do(TOKEN_OF, instant=(now - 3 * DAY).isoformat())

    edited, redacted = (stored(rooms[at], 1, now - 4 * DAY)["_id"] for at in (10, 20))
    store(database, [stored(room, number, now - 2 * DAY) for room in rooms[:100] for number in range(10)])
    await App(rooms[10].buyer, server.url).call(http, "PUT", f"/messages/{edited}", {"content": "edited"})
    assert await job.do(REDACT, messages=[redacted]) == 1
    await asyncio.gather(*(write(http, room, 10, server.url) for room in rooms[100:200]))
    await App(seller, server.url).call(http, "DELETE", f"/rooms/{rooms[200].id}")
    await App(rooms[201].buyer, server.url).call(http, "POST", f"/rooms/{rooms[201].id}/block", {"block": True})

    fresh = Device(seller)
    await fresh.load(http, server.url)
    assert device.shown() != fresh.shown()
    await device.sync(await connect(seller, "2.3.1"))
    assert sum(len(messages) for messages in device.messages.values()) == 2000 + 3 * 20
    assert device.shown() == fresh.shown()
    assert rooms[200].id not in device.rooms and device.rooms[rooms[201].id]["blocked_by"] == "BUYER"
    assert device.pages <= 25

    before = device.shown()
    await device.sync(await connect(seller, "4.8"))  # what is told again changes nothing
    assert device.shown() == before


@pytest.mark.slow
async def test_a_sync_while_others_write_and_a_process_is_killed(
    connect: Connect, new_room: NewRoom, http: httpx.AsyncClient, cluster: Cluster, job: Job
) -> None:
    """Of two devices, one on each process. They sync in small pages while buyers write; then one process is killed."""
    options = {"MONGODB_PATIENCE": "3"}
    lost, kept = await cluster.server("sync lost", **options), await cluster.server("sync kept", **options)
    seller = new_seller()
    rooms = [new_room(seller=seller) for _ in range(40)]
    await asyncio.gather(*(write(http, room, 5, kept.url) for room in rooms[:20]))
    devices = [Device(seller), Device(seller)]
    clients = [await connect(seller, "2.3.1", to=lost), await connect(seller, "2.3.1", to=kept)]
    for device, client in zip(devices, clients, strict=True):
        device.token = (await client.expect("active_user_list"))["since"]
        await device.load(http, kept.url)
        client.drop() if device is devices[0] else client.disconnect()
        await client.disconnected()
    await asyncio.gather(*(write(http, room, 5, kept.url, lost.url) for room in rooms[20:]))
    clients = [await connect(seller, "2.3.1", to=lost), await connect(seller, "2.3.1", to=kept)]

    async def act(room: Room) -> None:
        """Other numbers than before, so that all are new; and the first message of the room is changed."""
        app = App(room.buyer, lost.url, kept.url)
        for number in range(100, 120):
            body = room.message(room.buyer, f"then {number}", client_message_id=f"n{number}")
            sent = await app.call(http, "POST", "/messages", body)
            if number == 105:
                await app.call(http, "PUT", f"/messages/{sent['_id']}", {"content": "edited"})
            if number == 110:
                await App(room.seller, kept.url).call(http, "POST", f"/rooms/{room.id}/pin")

    acting = [asyncio.create_task(act(room)) for room in rooms]
    killed = False

    async def kill_soon() -> None:
        nonlocal killed
        if not killed and devices[1].pages >= 5:
            killed = True
            lost.kill()

    first = asyncio.create_task(devices[0].sync(clients[0], limit=3))
    await devices[1].sync(clients[1], limit=3, after_page=kill_soon)
    assert killed, "the kill came in the middle"
    first.cancel()  # its process is gone: the device comes back on the other one, with the token it had
    clients[0] = await connect(seller, "2.3.1", to=kept)
    await devices[0].sync(clients[0], limit=7)
    await asyncio.gather(*acting)
    redacted = [next(iter(devices[1].messages[rooms[0].id]))]
    assert await job.do(REDACT, messages=redacted) == 1

    async def both_show_what_a_fresh_one_does() -> bool:
        for device, client in zip(devices, clients, strict=True):
            await device.sync(client)
        fresh = Device(seller)
        await fresh.load(http, kept.url)
        return all(device.shown() == fresh.shown() for device in devices)

    await eventually(both_show_what_a_fresh_one_does)
    assert all(len(messages) >= 25 for messages in devices[0].messages.values())


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_every_generation_syncs_and_a_token_outlives_the_process(
    generation: str, connect: Connect, new_room: NewRoom, http: httpx.AsyncClient, cluster: Cluster
) -> None:
    server = await cluster.server("sync kept", MONGODB_PATIENCE="3")
    room = new_room()
    client = await connect(room.seller, generation, to=server)
    device = Device(room.seller)
    device.token = (await client.ask("sync"))["next"]
    await device.load(http, server.url)
    client.disconnect()
    await write(http, room, 3, server.url)
    server.kill()
    server = await cluster.server("sync kept")
    client = await connect(room.seller, generation, to=server)
    await device.sync(client, limit=2)
    assert [message["content"] for message in device.messages[room.id].values()] == ["now 0", "now 1", "now 2"]
    refused = await client.ask("sync", {"since": "nonsense"})
    assert refused["error"]["code"] == "validation_failed"
    assert (await client.expect("event_error"))["event"] == "sync"
