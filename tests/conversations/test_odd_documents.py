"""A field of an old room that holds what it should not: it counts as absent, and costs nobody the other rooms."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec
import pytest
from pymongo.database import Database

from conversations import services
from conversations.errors import RuleViolation
from conversations.models import Message, Room
from conversations.requests import CreateRoom, NewMessage
from conversations.services import Excerpt, RoomQuery
from conversations.storage.room_summaries import is_behind, rebuild_room_summary, update_room_summaries
from identity import Identity, Role
from persistence.engine.values import as_number
from persistence.mongodb import durable, in_store_thread
from tests.conversations.conftest import Emitted
from tests.conversations.oddities import ROOM_FIELDS, VALUES, odd_rooms

Store = Database[dict[str, Any]]
THEN = datetime.datetime(2020, 10, 11, 0, 13, 35, 390_000)
LAST = {"_id": "m1", "room_id": "7.9", "from": "9", "to": "7", "content": "hi", "created_at": THEN}
ODDITIES: dict[str, dict[str, Any]] = {
    "a last message without an id": {"buyer_last_message": {"from": "9", "to": "7", "content": "hi"}},
    "a last message of no time": {"buyer_last_message": {**LAST, "created_at": "2020-10-11"}},
    "a last message that is none": {"buyer_last_message": "m1"},
    "an empty last message": {"buyer_last_message": {}},
    "a pin that is a flag": {"pinned_by_buyer": True},
    "a deletion of no time": {"buyer_deleted_at": 1602375215390},
    "what JavaScript counts from undefined on": {"buyer_unseen_messages": float("nan")},
    "a counter that is a word": {"buyer_unseen_messages": "many"},
    "a block by nobody": {"blocked_by": True},
    "a shop that is a name": {"shop": "Tea"},
    "a buyer that is a name": {"buyer_info": ["An"]},
    "a creation of no time": {"created_at": "2020"},
    "fields that nobody knows": {"members": ["7", "9"], "buyer_last_message": {**LAST, "seen_by": ["9"]}},
}


@pytest.mark.parametrize("oddity", ODDITIES)
async def test_the_rooms_of_both_sides_are_shown(
    database: Store, chat: Emitted, buyer: Identity, seller: Identity, oddity: str
) -> None:
    database.cz_rooms.insert_many(
        [
            {"_id": "7.9", "buyer": "7", "seller": "9", **ODDITIES[oddity]},
            {"_id": "7.8", "buyer": "7", "seller": "8"},
            {"_id": "6.9", "buyer": "6", "seller": "9"},
        ]
    )
    for person, side, other in ((buyer, Role.BUYER, "7.8"), (seller, Role.SELLER, "6.9")):
        for query in (RoomQuery(), RoomQuery(limit=5)):
            page = await services.list_rooms(person, side, query)
            assert {room.id for room in page.rooms} == {"7.9", other}
            assert msgspec.json.encode(page.rooms)
        assert await services.list_rooms(person, side, RoomQuery(name="x")) == services.RoomPage([], None)
        await services.count_unseen_rooms(person, side)
        await services.list_messages(person, "7.9", Excerpt(limit=5))
        await services.search_messages(person, [side], "x", limit=5)
        await services.mark_room_seen(person, "7.9")
        assert {room.room_id for room in await services.visible_rooms_of(person.user_id, side)} == {"7.9", other}
        assert len(await services.rooms_visible_to_others(person.user_id)) == 2
    answer = await services.create_room(buyer, CreateRoom(buyer="7", seller="9"))
    assert answer.outcome is services.Outcome.EXISTED


@pytest.mark.parametrize("oddity", [oddity for oddity in ODDITIES if "block" not in oddity])
async def test_a_message_updates_its_rooms_summary_which_can_be_rebuilt(
    database: Store, chat: Emitted, seller: Identity, oddity: str
) -> None:
    database.cz_rooms.insert_one({"_id": "7.9", "buyer": "7", "seller": "9", **ODDITIES[oddity]})
    message = NewMessage(room_id="7.9", sender="9", recipient="7", type="TEXT", content="hello")
    sent = await services.send_message(seller, message)

    def again() -> None:
        room, stored = durable(Room).find_one({"_id": "7.9"}), durable(Message).find_one({"_id": sent.id})
        assert room is not None and stored is not None
        assert not is_behind(room, stored)
        rebuild_room_summary(room, [stored])

    await in_store_thread(again)
    kept = database.cz_rooms.find_one({"_id": "7.9"})
    assert kept is not None
    assert (kept["seller_last_message"]["_id"], kept["buyer_unseen_messages"]) == (sent.id, 1)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("field", ["seller_unseen_messages", "seller_last_message", "updated_at"])
def test_the_next_message_heals_what_it_counts_and_costs_no_other_room_of_its_batch(
    database: Store, field: str, value: Any
) -> None:
    database.cz_rooms.insert_many(
        [
            {"_id": "7.9", "buyer": "7", "seller": "9", field: value},
            {"_id": "8.9", "buyer": "8", "seller": "9", "seller_unseen_messages": 2},
        ]
    )
    at = THEN + datetime.timedelta(days=4000)
    news = [{**LAST, "_id": f"m{buyer}", "room_id": f"{buyer}.9", "created_at": at} for buyer in "78"]
    update_room_summaries([(message, Role.SELLER) for message in news])
    odd, sound = database.cz_rooms.find(sort=[("_id", 1)])
    assert (odd["seller_last_message"]["_id"], sound["seller_last_message"]["_id"]) == ("m7", "m8")
    assert sound["seller_unseen_messages"] == 3
    was = as_number(value) if field == "seller_unseen_messages" else 0
    assert int(str(odd["seller_unseen_messages"]).partition(".")[0]) == max(0, was or 0) + 1


async def test_presence_is_told_of_every_odd_room(
    database: Store, chat: Emitted, buyer: Identity, seller: Identity
) -> None:
    database.cz_rooms.insert_many([*odd_rooms("7", "9"), {"_id": "7.9", "buyer": "7", "seller": "9"}])
    for person, side in ((buyer, Role.BUYER), (seller, Role.SELLER)):
        visible = await services.visible_rooms_of(person.user_id, side)
        seen = await services.rooms_visible_to_others(person.user_id)
        for rooms in (visible, seen):
            assert len(rooms) > len(VALUES) * (len(ROOM_FIELDS) - 2)
            assert "7.9" in {room.room_id for room in rooms}
            assert msgspec.json.encode(rooms)


async def test_a_blocked_room_stays_one_whoever_blocked_it(database: Store, chat: Emitted, seller: Identity) -> None:
    database.cz_rooms.insert_one({"_id": "7.9", "buyer": "7", "seller": "9", "blocked_by": True})
    message = NewMessage(room_id="7.9", sender="9", recipient="7", type="TEXT", content="hello")
    with pytest.raises(RuleViolation) as refused:
        await services.send_message(seller, message)
    assert refused.value.code == "room_blocked"
