"""`typing`, `stop_typing` and `seen_messages`: who gets them, who does not, what is stored."""

import asyncio
from typing import Any

import pytest
from pymongo.database import Database

from .conftest import Connect, NewRoom
from .people import Room

Stored = Database[dict[str, Any]]


@pytest.mark.parametrize("event", ["typing", "stop_typing"])
async def test_typing_goes_to_the_other_side_and_to_ones_other_devices(
    event: str, version: str, connect: Connect, room: Room
) -> None:
    """The typing socket itself gets nothing back."""
    phone, laptop = await connect(room.buyer, version), await connect(room.buyer)
    sellers = [await connect(room.seller, version), await connect(room.seller)]
    phone.emit(event, room.sides(room.buyer))
    for client in (laptop, *sellers):
        assert await client.expect(event) == room.sides(room.buyer)
    laptop.emit(event, room.sides(room.buyer))
    assert await phone.expect(event) == room.sides(room.buyer)
    assert len(phone.received(event)) == len(laptop.received(event)) == 1


async def test_typing_by_number_comes_back_as_strings(version: str, connect: Connect, room: Room) -> None:
    buyer, seller = await connect(room.buyer, version), await connect(room.seller)
    numbers = {"from": int(room.buyer.user_id), "to": int(room.seller.user_id)}
    buyer.emit("typing", {**room.sides(room.buyer), **numbers})
    assert await seller.expect("typing") == room.sides(room.buyer)


async def test_nobody_else_sees_typing(connect: Connect, new_room: NewRoom) -> None:
    room, other = new_room(), new_room()
    buyer, seller = await connect(room.buyer), await connect(room.seller)
    stranger = await connect(other.seller)
    buyer.emit("typing", room.sides(room.buyer))
    await seller.expect("typing")
    fence = await connect(other.buyer)
    fence.emit("typing", other.sides(other.buyer))
    await stranger.expect("typing")
    assert stranger.received("typing") == [other.sides(other.buyer)]


async def test_seen_messages_are_marked_and_the_writer_is_told(
    version: str, connect: Connect, room: Room, database: Stored
) -> None:
    """Up to the named message: seen, counter 0, last messages marked. All devices of the writer learn it."""
    seller = await connect(room.seller, version)
    buyers = [await connect(room.buyer, version), await connect(room.buyer)]
    messages = []
    for content in ("one", "two"):
        messages.append((await buyers[0].ask("new_message", room.message(room.buyer, content)))["message"])
    own = (await seller.ask("new_message", room.message(room.seller, "my own")))["message"]
    assert (await seller.ask("seen_messages", room.seen(room.seller, messages[1])))["status"] is True
    for device in buyers:
        assert await device.expect("seen_messages") == room.seen(room.seller, messages[1])
    seen = {message["_id"]: message["is_seen"] for message in database["cz_messages"].find({"room_id": room.id})}
    assert seen == {messages[0]["_id"]: True, messages[1]["_id"]: True, own["_id"]: False}
    stored = database["cz_rooms"].find_one({"_id": room.id})
    assert stored is not None
    assert (stored["seller_unseen_messages"], stored["buyer_unseen_messages"]) == (0, 1)


async def test_what_came_after_the_named_message_stays_unseen(connect: Connect, room: Room, database: Stored) -> None:
    seller, buyer = await connect(room.seller), await connect(room.buyer)
    first = (await buyer.ask("new_message", room.message(room.buyer, "seen")))["message"]
    await asyncio.sleep(0.002)  # times have milliseconds: the second message gets a later one
    second = (await buyer.ask("new_message", room.message(room.buyer, "not yet")))["message"]
    assert first["created_at"] < second["created_at"]
    await seller.ask("seen_messages", room.seen(room.seller, first))
    seen = {message["_id"]: message["is_seen"] for message in database["cz_messages"].find({"room_id": room.id})}
    assert (seen[first["_id"]], seen[second["_id"]]) == (True, False)


async def test_the_last_message_of_a_room_is_marked_too(connect: Connect, room: Room, database: Stored) -> None:
    seller, buyer = await connect(room.seller), await connect(room.buyer)
    last = (await buyer.ask("new_message", room.message(room.buyer, "the last")))["message"]
    await seller.ask("seen_messages", room.seen(room.seller, last))
    stored = database["cz_rooms"].find_one({"_id": room.id})
    assert stored is not None
    assert stored["buyer_last_message"]["is_seen"] is True
    assert stored["seller_last_message"]["is_seen"] is True


async def test_the_reader_gets_no_seen_messages_of_its_own(connect: Connect, room: Room) -> None:
    seller, buyer = await connect(room.seller), await connect(room.buyer)
    message = (await buyer.ask("new_message", room.message(room.buyer, "hello")))["message"]
    seller.emit("seen_messages", room.seen(room.seller, message))
    await buyer.expect("seen_messages")
    assert (await seller.ask("typing", room.sides(room.seller)))["status"] is True
    assert not seller.received("seen_messages")


@pytest.mark.parametrize("wrong", [{"last_message_created_at": "yesterday"}, {"last_message_created_at": None}])
async def test_a_time_that_is_none_is_refused(wrong: dict[str, Any], connect: Connect, room: Room) -> None:
    seller = await connect(room.seller)
    seen = {**room.sides(room.seller), "last_message_id": "1", "last_message_created_at": "2024-01-01T00:00:00.000Z"}
    answer = await seller.ask("seen_messages", {**seen, **wrong})
    assert (answer["status"], answer["error"]["code"]) == (False, "validation_failed")
