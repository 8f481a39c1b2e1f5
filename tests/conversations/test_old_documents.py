"""The database of the old service, as it is: it migrates without a change to its documents, and they load."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from bson import Int64, ObjectId
from django.core.management import call_command
from django.db import connection
from pymongo.database import Database
from pytest_django import DjangoDbBlocker

from conversations.models import Message, Room, is_visible
from identity import Role

THEN = datetime.datetime(2020, 10, 11, 0, 13, 35, 390_000)
THEN_UTC = THEN.replace(tzinfo=datetime.UTC)
CUID = "ckg4q5z7d0000a1b2c3d4e5f6"
LAST_MESSAGE = {
    "_id": CUID, "room_id": "7.9", "from": "7", "to": "9", "type": "TEXT", "content": "hi", "created_at": THEN,
}  # fmt: skip
FULL_ROOM = {
    "_id": "7.9",
    "type": "BS",
    "creator": "7",
    "buyer": "7",
    "seller": "9",
    "shop": {"_id": ObjectId("5f8248d5e4b0a1a2b3c4d5e6"), "name": "Trà & Cà phê", "since": THEN, "id": Int64(3)},
    "buyer_info": {"name": "An", "avatar": None, "phone_number": "84", "email": "an@example.com"},
    "buyer_last_message": LAST_MESSAGE,
    "seller_last_message": LAST_MESSAGE,
    "pinned_by_buyer": THEN,
    "buyer_unseen_messages": 0,
    "seller_unseen_messages": 1,
    "deleted_by_buyer": False,
    "blocked_by": "SELLER",
    "created_at": THEN,
    "updated_at": THEN,
    "__v": 0,
}
BARE_ROOM = {"_id": "8.9", "buyer": "8", "seller": "9"}
FULL_MESSAGE = {**LAST_MESSAGE, "is_seen": True, "updated_at": THEN, "__v": 0}
BARE_MESSAGE = {"_id": "ckg4q5z7d0001", "room_id": "8.9", "from": "8", "to": "9", "content": "x"}


@pytest.fixture
def old_database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Database[dict[str, Any]]]:
    """The old service's collections, before this app's migrations ever ran; afterwards they are as in other tests."""
    with django_db_blocker.unblock():
        connection.ensure_connection()
        database: Database[dict[str, Any]] = connection.database  # type: ignore[attr-defined]
        call_command("migrate", "conversations", "zero", verbosity=0)
        database.drop_collection("cz_rooms")
        database.drop_collection("cz_messages")
        database.cz_rooms.insert_many(copy.deepcopy([FULL_ROOM, BARE_ROOM]))
        database.cz_messages.insert_many(copy.deepcopy([FULL_MESSAGE, BARE_MESSAGE]))
        call_command("migrate", verbosity=0)
        yield database
        database.cz_rooms.delete_many({})
        database.cz_messages.delete_many({})


def test_migrating_changes_no_document(old_database: Database[dict[str, Any]]) -> None:
    assert list(old_database.cz_rooms.find().sort("_id")) == [FULL_ROOM, BARE_ROOM]
    assert list(old_database.cz_messages.find().sort("_id")) == [FULL_MESSAGE, BARE_MESSAGE]


def test_migrating_adds_the_indexes_that_the_queries_need(old_database: Database[dict[str, Any]]) -> None:
    messages = old_database.cz_messages.index_information()
    assert messages["message_history"]["key"] == [("room_id", 1), ("created_at", 1), ("_id", 1)]
    assert messages["message_unseen"]["key"] == [("room_id", 1), ("to", 1), ("is_seen", 1), ("created_at", 1)]
    assert messages["message_once_in_room"]["key"] == [("room_id", 1), ("dedup_key", 1)]
    assert messages["message_once_in_room"]["unique"] is True
    assert messages["message_once_in_room"]["partialFilterExpression"] == {"dedup_key": {"$gte": ""}}
    rooms = old_database.cz_rooms.index_information()
    assert rooms["room_buyer"]["key"] == [("buyer", 1)]
    assert rooms["room_seller"]["key"] == [("seller", 1)]
    assert rooms["room_activity"]["key"] == [("updated_at", 1)]


@pytest.mark.parametrize("side", list(Role))
def test_the_rooms_of_a_user_are_found_by_an_index_and_without_those_of_others(
    old_database: Database[dict[str, Any]], side: Role
) -> None:
    """Also those of a user whose id begins alike."""
    sides = {"7.9": ("7", "9"), "7.8": ("7", "8"), "77.9": ("77", "9"), "6.97": ("6", "97")}
    old_database.cz_rooms.delete_many({})
    old_database.cz_rooms.insert_many(
        [{"_id": room_id, "buyer": buyer, "seller": seller} for room_id, (buyer, seller) in sides.items()]
    )
    user, expected = {Role.BUYER: ("7", {"7.8", "7.9"}), Role.SELLER: ("9", {"7.9", "77.9"})}[side]
    rooms = Room.of(user, side)
    assert {room.pk for room in rooms} == expected
    assert "COLLSCAN" not in str(rooms.explain())


def test_migrating_back_takes_the_indexes_and_leaves_the_documents(old_database: Database[dict[str, Any]]) -> None:
    call_command("migrate", "conversations", "zero", verbosity=0)
    assert old_database.cz_rooms.count_documents({}) == 2
    assert list(old_database.cz_messages.index_information()) == ["_id_"]
    call_command("migrate", verbosity=0)


def test_a_full_room_loads(old_database: Database[dict[str, Any]]) -> None:
    room = Room.objects.get(pk="7.9")
    assert (room.buyer, room.seller, room.blocked_by, room.created_at) == ("7", "9", "SELLER", THEN_UTC)
    assert room.buyer_info["name"] == "An"
    assert (room.buyer_last_message.message_id, room.buyer_last_message.sender) == (CUID, "7")
    assert room.buyer_last_message.created_at == THEN_UTC
    assert room.buyer_last_message.is_seen is False


def test_a_shop_with_what_only_mongodb_knows_loads_as_json(old_database: Database[dict[str, Any]]) -> None:
    assert Room.objects.get(pk="7.9").shop == {
        "_id": "5f8248d5e4b0a1a2b3c4d5e6",
        "name": "Trà & Cà phê",
        "since": "2020-10-11T00:13:35.390Z",
        "id": 3,
    }


def test_what_a_room_lacks_loads_as_its_default(old_database: Database[dict[str, Any]]) -> None:
    room = Room.objects.get(pk="8.9")
    assert (room.type, room.shop, room.buyer_info) == ("BS", {}, {})
    assert (room.buyer_unseen_messages, room.deleted_by_seller, room.document_version) == (0, False, 0)
    assert (room.buyer_last_message, room.blocked_by, room.created_at) == (None, None, None)
    assert is_visible(old_database.cz_rooms.find_one({"_id": "8.9"}) or {}, Role.BUYER)


def test_messages_load_full_or_bare(old_database: Database[dict[str, Any]]) -> None:
    full, bare = Message.objects.order_by("message_id")
    assert (full.sender, full.recipient, full.is_seen, full.created_at) == ("7", "9", True, THEN_UTC)
    assert (bare.content, bare.type, bare.is_seen, bare.created_at, bare.client_message_id) == (
        "x", "TEXT", False, None, None,
    )  # fmt: skip


def test_saving_a_loaded_room_keeps_it(old_database: Database[dict[str, Any]]) -> None:
    Room.objects.get(pk="8.9").save()
    assert Room.objects.get(pk="8.9").buyer == "8"


def test_rooms_are_found_by_a_part_of_the_shops_or_the_buyers_name(old_database: Database[dict[str, Any]]) -> None:
    assert [room.pk for room in Room.objects.filter(shop__name__icontains="cà PHÊ")] == ["7.9"]
    assert [room.pk for room in Room.objects.filter(buyer_info__name__icontains="a")] == ["7.9"]
