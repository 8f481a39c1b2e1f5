"""`create_room`: what is stored, who is told, what is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo.database import Database

from .conftest import Connect
from .people import Room, new_buyer, new_seller

Rooms = Database[dict[str, Any]]


async def test_a_room_is_stored_and_its_creators_devices_are_told(
    version: str, connect: Connect, database: Rooms
) -> None:
    room = Room(new_buyer(), new_seller())
    phone, tablet = await connect(room.buyer, version), await connect(room.buyer)
    answer = await phone.ask("create_room", room.creation(room.buyer, buyer_info={"name": "Lan"}))
    assert answer["status"] is True
    assert answer["room"]["room_id" if "room_id" in answer["room"] else "_id"] == room.id
    for device in (phone, tablet):
        event = await device.expect("create_room")
        assert (
            event.items() >= room.creation(room.buyer, room_id=room.id, _id=room.id, buyer_info={"name": "Lan"}).items()
        )
    stored = database["cz_rooms"].find_one({"_id": room.id})
    assert stored is not None
    assert (stored["type"], stored["creator"], stored["buyer"], stored["seller"]) == (
        "BS",
        room.buyer.user_id,
        room.buyer.user_id,
        room.seller.user_id,
    )
    assert stored["buyer_info"]["name"] == "Lan"


async def test_who_was_connected_before_the_room_was_made_learns_that_the_other_is_online(connect: Connect) -> None:
    room = Room(new_buyer(), new_seller())
    buyer, seller = await connect(room.buyer), await connect(room.seller)
    await buyer.ask("create_room", room.creation(room.buyer))
    for device, other, role in ((buyer, room.seller, "SELLER"), (seller, room.buyer, "BUYER")):
        change = await device.expect("user_status_change")
        assert change == {"user_id": other.user_id, "user_role": role, "room_id": room.id, "status": True}


async def test_ids_sent_as_numbers_come_back_as_strings(version: str, connect: Connect, database: Rooms) -> None:
    room = Room(new_buyer(), new_seller())
    buyer = await connect(room.buyer, version)
    numbers = {side: int(value) for side, value in room.creation(room.buyer).items() if value.isdigit()}
    buyer.emit("create_room", room.creation(room.buyer, **numbers))
    created = await buyer.expect("create_room")
    assert created.items() >= room.creation(room.buyer, room_id=room.id).items()
    assert database["cz_rooms"].count_documents({"_id": room.id, "buyer": room.buyer.user_id}) == 1


async def test_creating_a_room_that_exists_changes_nothing_of_it(
    version: str, connect: Connect, room: Room, database: Rooms
) -> None:
    before = database["cz_rooms"].find_one({"_id": room.id})
    buyer = await connect(room.buyer, version)
    answer = await buyer.ask("create_room", room.creation(room.buyer))
    assert answer["status"] is True
    assert (await buyer.expect("create_room"))["room_id"] == room.id
    after = database["cz_rooms"].find_one({"_id": room.id})
    assert before is not None and after is not None
    kept = before.keys() - {"updated_at"}
    assert {key: after[key] for key in kept} == {key: before[key] for key in kept}


async def test_a_deleted_room_is_enabled_again_for_both(connect: Connect, new_room: Any, database: Rooms) -> None:
    gone = datetime.now(UTC)
    room: Room = new_room(deleted_by_buyer=True, buyer_deleted_at=gone, deleted_by_seller=True, seller_deleted_at=gone)
    seller = await connect(room.seller)
    assert (await seller.expect("active_user_list"))["rooms"] == []
    assert (await seller.ask("create_room", room.creation(room.seller)))["status"] is True
    stored = database["cz_rooms"].find_one({"_id": room.id})
    assert stored is not None
    assert not stored["deleted_by_buyer"] and not stored["deleted_by_seller"]
    again = await connect(room.seller)
    assert (await again.expect("active_user_list"))["rooms"] == [{"room_id": room.id, "status": False}]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"creator": "1"}, "the creator is somebody else"),
        ({"buyer": "1"}, "the creator is on neither side"),
        ({"seller": None}, "a side is missing"),
        ({"type": "XX"}, "an unknown type"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_wrong_room_is_refused(
    wrong: dict[str, Any], why: str, connect: Connect, database: Rooms, version: str
) -> None:
    """The sender learns what was wrong, by ack and by event; nothing is stored."""
    room = Room(new_buyer(), new_seller())
    buyer = await connect(room.buyer, version)
    answer = await buyer.ask("create_room", room.creation(room.buyer, **wrong))
    assert answer["status"] is False, why
    assert answer["error"]["code"]
    assert (await buyer.expect("event_error"))["event"] == "create_room"
    assert database["cz_rooms"].count_documents({"seller": room.seller.user_id}) == 0
    assert not buyer.received("create_room")


async def test_nobody_sells_to_himself(connect: Connect, database: Rooms) -> None:
    person = new_buyer()
    buyer = await connect(person)
    answer = await buyer.ask("create_room", Room(person, person).creation(person))
    assert answer["status"] is False
    assert database["cz_rooms"].count_documents({"buyer": person.user_id}) == 0
