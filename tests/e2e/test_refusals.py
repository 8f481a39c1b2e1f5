"""What a client may not do in a room: each refusal is told to the sender alone, stores nothing, and ends nothing."""

from typing import Any

import pytest
from pymongo.database import Database

from tests.clients.client import Client

from .cluster import Cluster
from .conftest import Connect, NewRoom
from .people import Room, new_buyer

Stored = Database[dict[str, Any]]


async def assert_refused(sender: Client, event: str, payload: Any, code: str) -> None:
    """By ack and by `event_error` with a callback, by `event_error` alone without one; and the socket lives."""
    client_message_id = payload.get("client_message_id") if isinstance(payload, dict) else None
    answer = await sender.ask(event, payload)
    assert answer["status"] is False
    assert answer["error"]["code"] == code
    assert answer["error"]["message"]
    sender.emit(event, payload)
    for _ in range(2):
        error = await sender.expect("event_error")
        assert error.items() >= {"event": event, "code": code, "client_message_id": client_message_id}.items()
        assert error["message"]


async def assert_lives(sender: Client, room: Room, receiver: Client) -> None:
    """The sender still sends; the receiver got nothing before that."""
    assert (await sender.ask("new_message", room.message(room.buyer, "after all"))).get("status") is True
    assert (await receiver.expect("new_message"))["content"] == "after all"
    assert len(receiver.received("new_message")) == 1
    assert not receiver.received("event_error")


async def test_a_strangers_from_is_refused(version: str, connect: Connect, room: Room, database: Stored) -> None:
    """Nobody writes, types or sees in another's name, not even in that of the other side of the room."""
    buyer, seller = await connect(room.buyer, version), await connect(room.seller, version)
    for name in (room.seller.user_id, new_buyer().user_id):
        forged = room.message(room.buyer, "not mine", **{"from": name, "client_message_id": "forged"})
        await assert_refused(buyer, "new_message", forged, "user_mismatch")
        await assert_refused(buyer, "typing", {**room.sides(room.buyer), "from": name}, "user_mismatch")
        await assert_refused(buyer, "stop_typing", {**room.sides(room.buyer), "from": name}, "user_mismatch")
    await assert_lives(buyer, room, seller)
    assert not seller.received("typing")
    assert database["cz_messages"].count_documents({"room_id": room.id}) == 1


async def test_a_room_that_one_is_not_in_is_refused(
    version: str, connect: Connect, new_room: NewRoom, database: Stored
) -> None:
    """Events into a room of two others reach neither of them, whatever `to` says."""
    mine, theirs = new_room(), new_room()
    buyer, seller = await connect(mine.buyer, version), await connect(mine.seller)
    victim = await connect(theirs.seller, version)
    for to in (theirs.seller.user_id, theirs.buyer.user_id, mine.seller.user_id):
        payload = mine.message(mine.buyer, "let me in", room_id=theirs.id, to=to)
        await assert_refused(buyer, "new_message", payload, "not_a_member")
        sides = {**mine.sides(mine.buyer), "room_id": theirs.id, "to": to}
        await assert_refused(buyer, "typing", sides, "not_a_member")
        last = {"last_message_id": "1", "last_message_created_at": "2024-01-01T00:00:00.000Z"}
        await assert_refused(buyer, "seen_messages", {**sides, **last}, "not_a_member")
    await assert_lives(buyer, mine, seller)
    owner = await connect(theirs.buyer)
    owner.emit("typing", theirs.sides(theirs.buyer))
    await victim.expect("typing")
    assert len(victim.received("typing")) == 1
    assert not victim.received("new_message")
    assert not victim.received("seen_messages")
    assert database["cz_messages"].count_documents({"room_id": theirs.id}) == 0


async def test_somebody_outside_the_room_as_receiver_is_refused(version: str, connect: Connect, room: Room) -> None:
    buyer, seller = await connect(room.buyer, version), await connect(room.seller)
    for to in (new_buyer().user_id, room.buyer.user_id):
        await assert_refused(buyer, "new_message", room.message(room.buyer, "psst", to=to), "wrong_recipient")
        assert (await buyer.ask("typing", {**room.sides(room.buyer), "to": to}))["status"] is False
        await buyer.expect("event_error", event="typing")
    await assert_lives(buyer, room, seller)


async def test_a_room_that_does_not_exist_is_refused(
    version: str, connect: Connect, room: Room, database: Stored
) -> None:
    buyer, seller = await connect(room.buyer, version), await connect(room.seller)
    nowhere = Room(room.buyer, new_buyer())
    await assert_refused(buyer, "new_message", nowhere.message(room.buyer, "hello?"), "room_not_found")
    await assert_refused(buyer, "typing", nowhere.sides(room.buyer), "room_not_found")
    await assert_lives(buyer, room, seller)
    assert database["cz_rooms"].count_documents({"_id": nowhere.id}) == 0


@pytest.mark.parametrize("side", ["BUYER", "SELLER"])
async def test_a_blocked_room_takes_no_messages(
    version: str, side: str, connect: Connect, new_room: NewRoom, database: Stored
) -> None:
    """Whoever blocked it, neither side writes; the sockets of both live on."""
    room = new_room(blocked_by=side)
    buyer, seller = await connect(room.buyer, version), await connect(room.seller)
    for client, person in ((buyer, room.buyer), (seller, room.seller)):
        message = room.message(person, "hello?", client_message_id="b1")
        await assert_refused(client, "new_message", message, "room_blocked")
    assert not buyer.received("new_message")
    assert not seller.received("new_message")
    assert database["cz_messages"].count_documents({"room_id": room.id}) == 0


BAD_PAYLOADS: dict[str, tuple[Any, ...]] = {
    "no payload": (),
    "null": (None,),
    "a string": ("hello",),
    "a number": (7,),
    "a list": ([1, 2],),
    "an empty object": ({},),
    "a room_id that is an object": ({"room_id": {"$ne": ""}, "from": "1", "to": "2", "type": "TEXT", "content": "x"},),
    "an operator as content": ({"room_id": "1.2", "from": "1", "to": "2", "type": "TEXT", "content": {"$set": 1}},),
    "an unknown type": ({"room_id": "1.2", "from": "1", "to": "2", "type": "VIDEO", "content": "x"},),
    "empty content": ({"room_id": "1.2", "from": "1", "to": "2", "type": "TEXT", "content": ""},),
    "a fraction as id": ({"room_id": "1.2", "from": 1.5, "to": "2", "type": "TEXT", "content": "x"},),
}


@pytest.mark.parametrize("bad", BAD_PAYLOADS)
async def test_a_bad_payload_is_told_to_its_sender(bad: str, version: str, connect: Connect, room: Room) -> None:
    """`validation_failed`, by ack and by event; whatever the payload is instead of what it should be."""
    buyer = await connect(room.buyer, version)
    for event in ("new_message", "create_room", "seen_messages"):
        answer = await buyer.ask(event, *BAD_PAYLOADS[bad])
        assert (answer["status"], answer["error"]["code"]) == (False, "validation_failed")
        assert (await buyer.expect("event_error", event=event))["code"] == "validation_failed"
    assert (await buyer.ask("typing", room.sides(room.buyer)))["status"] is True


async def test_half_a_surrogate_pair_harms_nobody(version: str, connect: Connect, room: Room) -> None:
    """JavaScript's strings can hold what no UTF-8 can: refused or repaired, but never a broken line."""
    buyer, seller = await connect(room.buyer, version), await connect(room.seller, version)
    answer = await buyer.ask("new_message", room.message(room.buyer, "broken \ud83d"))
    assert answer["status"] in (True, False)
    assert (await buyer.ask("new_message", room.message(room.buyer, "whole 👋")))["status"] is True
    await seller.expect("new_message", content="whole 👋")


async def test_an_event_that_nobody_handles_does_no_harm(version: str, connect: Connect, room: Room) -> None:
    """A newer app may know events that this server does not."""
    buyer, seller = await connect(room.buyer, version), await connect(room.seller)
    buyer.emit("from_the_future", {"x": 1})
    buyer.emit("event_error", {})
    buyer.emit("user_status_change", {"user_id": room.seller.user_id, "status": True})
    await assert_lives(buyer, room, seller)
    assert not seller.received("from_the_future")


async def test_every_successful_event_is_acked_with_status_true(version: str, connect: Connect, room: Room) -> None:
    buyer = await connect(room.buyer, version)
    message = (await buyer.ask("new_message", room.message(room.buyer, "hello")))["message"]
    seller = await connect(room.seller, version)
    for client, event, payload in (
        (buyer, "create_room", room.creation(room.buyer)),
        (buyer, "typing", room.sides(room.buyer)),
        (buyer, "stop_typing", room.sides(room.buyer)),
        (seller, "seen_messages", room.seen(room.seller, message)),
        (seller, "verify_user", room.seller.identity()),
    ):
        assert (await client.ask(event, payload))["status"] is True, event


async def test_more_events_than_a_person_sends_are_refused_and_who_goes_on_is_disconnected(
    version: str, cluster: Cluster, connect: Connect, new_room: NewRoom
) -> None:
    limited = await cluster.server("limited", EVENT_RATE_MESSAGES="5/h")
    room = new_room()
    buyer, seller = await connect(room.buyer, version, to=limited), await connect(room.seller, version, to=limited)
    answers = [await buyer.ask("new_message", room.message(room.buyer, str(number))) for number in range(7)]
    assert [answer["status"] for answer in answers] == [True] * 5 + [False] * 2
    refusal = answers[-1]["error"]
    assert refusal["code"] == "rate_limited" and 0 < refusal["retry_after"] <= 720
    assert (await buyer.expect("event_error"))["retry_after"] == refusal["retry_after"]
    assert (await seller.ask("new_message", room.message(room.seller, "I may")))["status"] is True
    for number in range(150):
        buyer.emit("new_message", room.message(room.buyer, str(number)))
    assert await buyer.disconnected() == "io server disconnect"
