"""`new_message`: stored first, then given to every device of both sides; repeats, order, sizes."""

import asyncio
import re
from datetime import datetime
from typing import Any

import pytest
from pymongo.database import Database

from .conftest import Connect, NewRoom
from .people import Room

Stored = Database[dict[str, Any]]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def test_a_message_is_stored_and_reaches_every_device_of_both_sides(
    version: str, connect: Connect, room: Room, database: Stored
) -> None:
    phone, laptop = await connect(room.seller, version), await connect(room.seller)
    buyer = await connect(room.buyer, version)
    sent = room.message(room.seller, "Xin chào 👋", client_message_id="c1")
    phone.emit("new_message", sent)
    events = [await client.expect("new_message") for client in (phone, laptop, buyer)]
    assert events[0] == events[1] == events[2]
    assert events[0].items() >= {**sent, "is_seen": False}.items()
    assert TIME.fullmatch(events[0]["created_at"])
    assert TIME.fullmatch(events[0]["updated_at"])
    stored = database["cz_messages"].find_one({"_id": events[0]["_id"]})
    assert stored is not None
    assert {**sent, "is_seen": False}.items() <= stored.items()
    assert stored["created_at"] == datetime.fromisoformat(events[0]["created_at"])


async def test_its_room_counts_it_and_shows_it_last(connect: Connect, room: Room, database: Stored) -> None:
    """The receiver's unseen counter goes up; both sides' last message is this one; the sender's counter stays."""
    buyer = await connect(room.buyer)
    for content in ("first", "second"):
        assert (await buyer.ask("new_message", room.message(room.buyer, content)))["status"] is True
    stored = database["cz_rooms"].find_one({"_id": room.id})
    assert stored is not None
    assert (stored["seller_unseen_messages"], stored["buyer_unseen_messages"]) == (2, 0)
    assert stored["buyer_last_message"]["content"] == stored["seller_last_message"]["content"] == "second"


async def test_an_ack_carries_the_stored_message(version: str, connect: Connect, room: Room) -> None:
    buyer = await connect(room.buyer, version)
    answer = await buyer.ask("new_message", room.message(room.buyer, "hello", client_message_id="c1"))
    assert answer == {"status": True, "message": await buyer.expect("new_message")}


async def test_ids_sent_as_numbers_come_back_as_strings(
    version: str, connect: Connect, room: Room, database: Stored
) -> None:
    buyer, seller = await connect(room.buyer, version), await connect(room.seller)
    numbers = {"from": int(room.buyer.user_id), "to": int(room.seller.user_id), "client_message_id": 17}
    buyer.emit("new_message", room.message(room.buyer, "by number", **numbers))
    for client in (buyer, seller):
        message = await client.expect("new_message")
        assert message.items() >= room.message(room.buyer, "by number", client_message_id="17").items()
    assert database["cz_messages"].count_documents({"room_id": room.id, "from": room.buyer.user_id}) == 1


@pytest.mark.parametrize(
    ("kind", "content"),
    [("TEXT", "javascript:"), ("IMAGE", f"/v1/conversations/media/2026/11/{32 * 'a'}.png"), ("EMOJI", ":smile:")],
)
async def test_every_type_of_message_is_taken(kind: str, content: str, connect: Connect, room: Room) -> None:
    buyer = await connect(room.buyer)
    answer = await buyer.ask("new_message", room.message(room.buyer, content, type=kind))
    assert answer["message"]["type"] == kind


@pytest.mark.parametrize(
    ("kind", "content"),
    [("IMAGE", "javascript:alert(1)"), ("IMAGE", "https://tracker.example/1.png"), ("EMOJI", "a long text " * 10)],
)
async def test_a_picture_from_anywhere_and_a_text_as_an_emoji_are_refused(
    kind: str, content: str, connect: Connect, room: Room, database: Stored
) -> None:
    buyer = await connect(room.buyer)
    answer = await buyer.ask("new_message", room.message(room.buyer, content, type=kind))
    assert answer["error"]["code"] == "validation_failed"
    assert database["cz_messages"].count_documents({"room_id": room.id}) == 0


async def test_without_a_client_message_id_equal_messages_are_different_ones(
    version: str, connect: Connect, room: Room, database: Stored
) -> None:
    """Old clients are known to send null, or nothing: "ok" and "ok" are then two messages."""
    buyer, seller = await connect(room.buyer, version), await connect(room.seller)
    absent = room.message(room.buyer, "ok")
    for message in (absent, absent, {**absent, "client_message_id": None}, {**absent, "client_message_id": None}):
        buyer.emit("new_message", message)
    events = [await seller.expect("new_message") for _ in range(4)]
    assert {event["client_message_id"] for event in events} == {None}
    assert len({event["_id"] for event in events}) == 4
    assert database["cz_messages"].count_documents({"room_id": room.id}) == 4


async def test_with_a_constant_client_message_id_different_messages_are_all_stored(
    version: str, connect: Connect, room: Room, database: Stored
) -> None:
    """Old clients are known to send the same id for ever: only an equal message of equal id is a repeat."""
    buyer, seller = await connect(room.buyer, version), await connect(room.seller)
    for content in ("one", "two", "three"):
        buyer.emit("new_message", room.message(room.buyer, content, client_message_id="constant"))
    assert [(await seller.expect("new_message"))["content"] for _ in range(3)] == ["one", "two", "three"]
    assert database["cz_messages"].count_documents({"room_id": room.id}) == 3


async def test_a_repeat_is_acked_with_the_first_and_not_emitted_again(
    version: str, connect: Connect, room: Room, database: Stored
) -> None:
    buyer, seller = await connect(room.buyer, version), await connect(room.seller)
    message = room.message(room.buyer, "once", client_message_id="c1")
    first, second = await asyncio.gather(buyer.ask("new_message", message), buyer.ask("new_message", message))
    later = await buyer.ask("new_message", message)
    assert first == second == later
    await buyer.ask("new_message", room.message(room.buyer, "fence"))
    await seller.expect("new_message", content="fence")
    assert [event["content"] for event in seller.received("new_message")] == ["once", "fence"]
    assert [event["content"] for event in buyer.received("new_message")] == ["once", "fence"]
    assert database["cz_messages"].count_documents({"room_id": room.id}) == 2
    stored = database["cz_rooms"].find_one({"_id": room.id})
    assert stored is not None
    assert stored["seller_unseen_messages"] == 2


async def test_equal_messages_of_two_rooms_or_two_senders_are_no_repeats(
    connect: Connect, room: Room, new_room: NewRoom, database: Stored
) -> None:
    other = new_room(buyer=room.buyer)
    buyer, seller = await connect(room.buyer), await connect(room.seller)
    for client, message in (
        (buyer, room.message(room.buyer, "hi", client_message_id="c1")),
        (buyer, other.message(room.buyer, "hi", client_message_id="c1")),
        (seller, room.message(room.seller, "hi", client_message_id="c1")),
    ):
        assert (await client.ask("new_message", message))["status"] is True
    assert database["cz_messages"].count_documents({"room_id": {"$in": [room.id, other.id]}}) == 3


async def test_200_messages_sent_without_waiting_keep_their_order(
    version: str, connect: Connect, room: Room, database: Stored
) -> None:
    """As sent, for both sides, in the acks and in the database (by `created_at`, `_id`)."""
    buyer, seller = await connect(room.buyer, version), await connect(room.seller, version)
    contents = [f"number {number}" for number in range(200)]
    acks = [
        buyer.ask_later("new_message", room.message(room.buyer, content, client_message_id=content))
        for content in contents
    ]
    answers = [answer for (answer,) in await asyncio.gather(*acks)]
    assert [answer["message"]["content"] for answer in answers] == contents
    for client in (buyer, seller):
        await client.expect("new_message", content=contents[-1])
        assert [event["content"] for event in client.received("new_message")] == contents
    stored = database["cz_messages"].find({"room_id": room.id}).sort([("created_at", 1), ("_id", 1)])
    assert [message["content"] for message in stored] == contents


async def test_two_senders_of_a_room_are_seen_in_one_order(connect: Connect, room: Room, database: Stored) -> None:
    """Both sides write at once: all devices get one order, that of the database."""
    buyer, seller, tablet = await connect(room.buyer), await connect(room.seller), await connect(room.seller)
    for number in range(50):
        buyer.emit("new_message", room.message(room.buyer, f"buyer {number}"))
        seller.emit("new_message", room.message(room.seller, f"seller {number}"))
    orders = []
    for client in (buyer, seller, tablet):
        await client.expect("new_message", content="buyer 49")
        await client.expect("new_message", content="seller 49")
        orders.append([event["_id"] for event in client.received("new_message")])
    stored = database["cz_messages"].find({"room_id": room.id}).sort([("created_at", 1), ("_id", 1)])
    assert orders[0] == orders[1] == orders[2] == [message["_id"] for message in stored]


async def test_a_message_shows_a_deleted_room_again(connect: Connect, new_room: NewRoom) -> None:
    """The side that hid the room sees it again with a newer message (contract, section 3)."""
    gone = datetime.fromisoformat("2024-01-01T00:00:00+00:00")
    room = new_room(deleted_by_seller=True, seller_deleted_at=gone)
    buyer = await connect(room.buyer)
    assert (await (await connect(room.seller)).expect("active_user_list"))["rooms"] == []
    assert (await buyer.ask("new_message", room.message(room.buyer, "are you there?")))["status"] is True
    again = await (await connect(room.seller)).expect("active_user_list")
    assert again["rooms"] == [{"room_id": room.id, "status": True}]


@pytest.mark.parametrize("characters", [10_001, 1_000_000])
async def test_content_that_is_too_long_is_refused_and_the_socket_lives(
    version: str, characters: int, connect: Connect, room: Room, database: Stored
) -> None:
    buyer, seller = await connect(room.buyer, version), await connect(room.seller, version)
    message = room.message(room.buyer, "ă" * characters, client_message_id="long")
    answer = await buyer.ask("new_message", message)
    assert (answer["status"], answer["error"]["code"]) == (False, "validation_failed")
    error = await buyer.expect("event_error", event="new_message", client_message_id="long")
    assert error["code"] == "validation_failed"
    assert len(str(error)) < 1000, "the error does not send the content back"
    assert (await buyer.ask("new_message", room.message(room.buyer, "short")))["status"] is True
    assert (await seller.expect("new_message"))["content"] == "short"
    assert database["cz_messages"].count_documents({"room_id": room.id}) == 1


async def test_content_of_the_full_length_is_taken(connect: Connect, room: Room) -> None:
    buyer = await connect(room.buyer)
    answer = await buyer.ask("new_message", room.message(room.buyer, "ă" * 10_000))
    assert answer["message"]["content"] == "ă" * 10_000
