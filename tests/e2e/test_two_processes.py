"""Two server processes behind one Redis and one MongoDB are one system: a buyer on one, a seller on the other."""

import asyncio
from typing import Any

import pytest
from pymongo.database import Database

from .cluster import Cluster
from .conftest import Connect, NewRoom
from .people import Room
from .server_process import ServerProcess

Stored = Database[dict[str, Any]]


async def test_every_chat_event_crosses(
    version: str, connect: Connect, room: Room, second_server: ServerProcess
) -> None:
    """In both directions, and to one's own device on the other process."""
    buyer, buyers_tablet = await connect(room.buyer, version), await connect(room.buyer, to=second_server)
    seller = await connect(room.seller, version, to=second_server)
    for client, person, other in ((buyer, room.buyer, seller), (seller, room.seller, buyer)):
        for event in ("typing", "stop_typing"):
            client.emit(event, room.sides(person))
            assert await other.expect(event) == room.sides(person)
        client.emit("new_message", room.message(person, f"from {person.role}"))
        message = await other.expect("new_message")
        assert message == await client.expect("new_message")
        assert message == await buyers_tablet.expect("new_message")
    seller.emit("seen_messages", room.seen(room.seller, message))
    await buyer.expect("seen_messages")
    await buyers_tablet.expect("seen_messages")


async def test_a_new_room_is_known_to_all_at_once(
    connect: Connect, new_room: NewRoom, second_server: ServerProcess
) -> None:
    """Created here, used there; both processes knew its sides before."""
    buyer = await connect(new_room().buyer)
    old = new_room()
    seller = await connect(old.seller, to=second_server)
    person = new_room().buyer
    buyer = await connect(person)
    room = Room(person, old.seller)
    refused = await seller.ask("new_message", room.message(old.seller, "too early"))
    assert refused["error"]["code"] == "room_not_found"
    await buyer.ask("create_room", room.creation(person))
    assert (await seller.ask("new_message", room.message(old.seller, "welcome")))["status"] is True
    assert (await buyer.expect("new_message"))["content"] == "welcome"


async def test_no_process_delivers_twice(connect: Connect, room: Room, second_server: ServerProcess) -> None:
    """Devices on both processes, 100 messages from each side: every device gets each message once."""
    devices = [
        await connect(person, to=server) if server else await connect(person)
        for person in (room.buyer, room.seller)
        for server in (None, second_server)
    ]
    buyer, seller = devices[0], devices[3]
    for number in range(100):
        buyer.emit("new_message", room.message(room.buyer, f"buyer {number}"))
        seller.emit("new_message", room.message(room.seller, f"seller {number}"))
    for device in devices:
        await device.expect("new_message", content="buyer 99")
        await device.expect("new_message", content="seller 99")
        contents = [event["content"] for event in device.received("new_message")]
        assert len(contents) == len(set(contents)) == 200
        for side in ("buyer", "seller"):
            assert [content for content in contents if content.startswith(side)] == [f"{side} {n}" for n in range(100)]


async def test_a_repeat_sent_to_both_at_once_is_stored_once(
    version: str, connect: Connect, room: Room, database: Stored, second_server: ServerProcess
) -> None:
    """A client that was cut off and sends again elsewhere: one message, one event, acks that agree."""
    here, there = await connect(room.buyer, version), await connect(room.buyer, version, to=second_server)
    seller = await connect(room.seller)
    for number in range(20):
        message = room.message(room.buyer, f"number {number}", client_message_id=f"c{number}")
        first, second = await asyncio.gather(here.ask("new_message", message), there.ask("new_message", message))
        assert first["status"] is second["status"] is True
        assert first["message"]["_id"] == second["message"]["_id"]
    there.emit("typing", room.sides(room.buyer))
    await seller.expect("typing")
    here.emit("stop_typing", room.sides(room.buyer))
    await seller.expect("stop_typing")
    assert len(seller.received("new_message")) == 20
    assert database["cz_messages"].count_documents({"room_id": room.id}) == 20
    stored = database["cz_rooms"].find_one({"_id": room.id})
    assert stored is not None
    assert stored["seller_unseen_messages"] == 20


@pytest.mark.slow
async def test_the_users_of_a_killed_process_go_offline(connect: Connect, new_room: NewRoom, cluster: Cluster) -> None:
    """Within 30 s of a kill -9, for the surviving processes' users; who has a device elsewhere stays online."""
    victim = await cluster.server("victim")
    lost, kept = new_room(), new_room()
    watchers = [await connect(lost.buyer), await connect(kept.buyer)]
    await connect(lost.seller, to=victim)
    await connect(kept.seller, to=victim)
    survivor = await connect(kept.seller)
    for watcher in watchers:
        assert (await watcher.expect("user_status_change"))["status"] is True
    victim.kill()
    change = await watchers[0].expect("user_status_change", within=30)
    assert (change["room_id"], change["status"]) == (lost.id, False)
    again = await connect(lost.buyer)
    assert (await again.expect("active_user_list"))["rooms"] == [{"room_id": lost.id, "status": False}]
    survivor.emit("typing", kept.sides(kept.seller))
    await watchers[1].expect("typing")
    survivor.disconnect()
    assert (await watchers[1].expect("user_status_change", within=30))["status"] is False
    assert len(watchers[1].received("user_status_change")) == 2


@pytest.mark.slow
async def test_who_comes_back_from_a_stopped_process_was_never_offline(
    connect: Connect, new_room: NewRoom, cluster: Cluster
) -> None:
    """A SIGTERM, as at a deployment. Who does not come back is offline when the process's entry in Redis expires."""
    leaving = await cluster.server("leaving")
    moving, gone = new_room(), new_room()
    watchers = [await connect(moving.buyer), await connect(gone.buyer)]
    devices = [await connect(room.seller, to=leaving) for room in (moving, gone)]
    for watcher in watchers:
        assert (await watcher.expect("user_status_change"))["status"] is True
    await asyncio.to_thread(leaving.stop)
    for device in devices:
        await device.disconnected()
    await connect(moving.seller)
    assert (await watchers[1].expect("user_status_change", within=30))["status"] is False
    assert [change["status"] for change in watchers[0].received("user_status_change")] == [True]
