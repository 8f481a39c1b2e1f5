"""Calls about rooms: `/rooms…` of the contract's section 4."""

from __future__ import annotations

import datetime
import unicodedata
from typing import Any

import pytest
from bson import Int64, ObjectId
from pymongo.database import Database

from presence import current as current_presence
from tests.conversations.api.conftest import App
from tests.conversations.conftest import Emitted

Store = Database[dict[str, Any]]
THEN = datetime.datetime(2020, 10, 11, 0, 13, 35, 390_000)
THEN_ON_THE_WIRE = "2020-10-11T00:13:35.390Z"
LAST = {
    "_id": "c1", "room_id": "7.9", "from": "7", "to": "9", "type": "TEXT", "content": "hi", "created_at": THEN,
}  # fmt: skip
SHARED = {
    "_id": "7.9", "room_id": "7.9", "type": "BS", "creator": "7", "buyer": "7", "seller": "9", "shop_id": "",
    "blocked_by": "SELLER", "closed_at": None, "created_at": THEN_ON_THE_WIRE, "updated_at": THEN_ON_THE_WIRE,
}  # fmt: skip
LAST_ON_THE_WIRE = {
    **LAST, "client_message_id": None, "is_seen": False, "created_at": THEN_ON_THE_WIRE, "updated_at": THEN_ON_THE_WIRE,
}  # fmt: skip


def at(minute: int) -> datetime.datetime:
    return THEN + datetime.timedelta(minutes=minute)


@pytest.fixture
def full_room(database: Store) -> None:
    """A room with all that the old service wrote, and what only BSON knows."""
    database.cz_rooms.insert_one(
        {
            **{name: value for name, value in SHARED.items() if name not in ("room_id", "shop_id")},
            "shop": {"_id": ObjectId("5f8248d5e4b0a1a2b3c4d5e6"), "name": "Trà", "since": THEN, "id": Int64(3)},
            "buyer_info": {"name": "An", "avatar": None, "phone_number": "84", "email": "an@example.com"},
            "buyer_last_message": LAST, "seller_last_message": LAST, "pinned_by_buyer": THEN,
            "pinned_by_seller": at(1), "buyer_unseen_messages": Int64(2), "seller_unseen_messages": 1,
            "deleted_by_buyer": False, "created_at": THEN, "updated_at": THEN, "__v": 0,
        }
    )  # fmt: skip


async def test_a_buyer_sees_the_shop_and_nothing_of_the_sellers_own(full_room: None, buyer_app: App) -> None:
    listed = await buyer_app.get("/rooms")
    assert listed.body == {"user_id": "7", "role": "BUYER", "next_cursor": None, "rooms": [listed.body["rooms"][0]]}
    assert listed.body["rooms"][0] == {
        **SHARED,
        "shop": {"_id": "5f8248d5e4b0a1a2b3c4d5e6", "name": "Trà", "since": THEN_ON_THE_WIRE, "id": 3},
        "buyer_last_message": LAST_ON_THE_WIRE,
        "pinned_by_buyer": THEN_ON_THE_WIRE,
        "buyer_unseen_messages": 2,
        "deleted_by_buyer": False,
        "buyer_deleted_at": None,
    }
    assert (await buyer_app.get("/rooms/7.9")).body == {"room": listed.body["rooms"][0]}


async def test_a_seller_sees_the_buyers_info_and_nothing_of_the_buyers_own(full_room: None, seller_app: App) -> None:
    listed = await seller_app.get("/rooms")
    assert listed.body["rooms"][0] == {
        **SHARED,
        "buyer_info": {"name": "An", "avatar": None, "phone_number": "84", "email": "an@example.com"},
        "seller_last_message": LAST_ON_THE_WIRE,
        "pinned_by_seller": "2020-10-11T00:14:35.390Z",
        "seller_unseen_messages": 1,
        "deleted_by_seller": False,
        "seller_deleted_at": None,
    }
    assert (await seller_app.get("/rooms/7.9")).body == {"room": listed.body["rooms"][0]}


@pytest.mark.parametrize(
    "lacking", [{}, {"shop": None, "buyer_info": None, "seller_last_message": None, "blocked_by": "", "type": None}]
)
async def test_what_an_old_room_lacks_is_null_zero_false_or_an_empty_object(
    database: Store, buyer_app: App, seller_app: App, lacking: dict[str, Any]
) -> None:
    database.cz_rooms.insert_one({"_id": "7.9", "buyer": "7", "seller": "9", **lacking})
    shared = {**SHARED, "creator": "", "blocked_by": None, "created_at": None, "updated_at": None}
    mine = (await seller_app.get("/rooms")).body["rooms"]
    assert mine == [
        {
            **shared, "buyer_info": {}, "seller_last_message": None, "pinned_by_seller": None,
            "seller_unseen_messages": 0, "deleted_by_seller": False, "seller_deleted_at": None,
        }
    ]  # fmt: skip
    assert (await buyer_app.get("/rooms")).body["rooms"][0]["shop"] == {}


async def test_pinned_rooms_come_first_then_those_of_the_latest_message(database: Store, seller_app: App) -> None:
    def message(minute: int) -> dict[str, Any]:
        return {"_id": f"c{minute}", "created_at": at(minute)}

    database.cz_rooms.insert_many(
        [
            {"_id": "1.9", "seller": "9", "seller_last_message": message(5), "buyer_last_message": message(90)},
            {"_id": "2.9", "seller": "9", "seller_last_message": message(6), "pinned_by_buyer": at(90)},
            {"_id": "3.9", "seller": "9"},
            {"_id": "4.9", "seller": "9", "pinned_by_seller": at(1), "seller_last_message": message(1)},
            {"_id": "5.9", "seller": "9", "pinned_by_seller": at(2)},
            {"_id": "6.9", "seller": "9", "deleted_by_seller": True, "seller_last_message": message(9)},
            {"_id": "7.9", "seller": "9", "deleted_by_seller": True, "seller_deleted_at": at(9)},
            {"_id": "8.9", "seller": "90"},
        ]
    )

    async def listed(**query: Any) -> list[str]:
        return [room["_id"] for room in (await seller_app.get("/rooms", **query)).body["rooms"]]

    assert await listed() == ["5.9", "4.9", "6.9", "2.9", "1.9", "3.9"]
    assert await listed(pinned="1") == ["5.9", "4.9"]
    assert await listed(pinned="0") == await listed()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("an", ["1.9", "2.9"]), ("AN", ["1.9", "2.9"]), ("lAn", ["2.9"]), ("đỗ", ["4.9"]), (".", ["3.9"]),
        ("(", ["3.9"]), ("n (", ["3.9"]), ("zzz", []),
        ("hà đô", []), ("Ha Do", ["4.9"]), (unicodedata.normalize("NFD", "hà đỗ"), ["4.9"]),
        ("", ["1.9", "2.9", "3.9", "4.9", "5.9"]),
    ],
)  # fmt: skip
async def test_rooms_are_found_by_a_part_of_the_other_sides_name(
    database: Store, seller_app: App, buyer_app: App, name: str, found: list[str]
) -> None:
    names = ["An", "Lan", "M. Min (x)", "Hà ĐỖ", None]
    database.cz_rooms.insert_many(
        [
            {"_id": f"{n}.9", "buyer": str(n), "seller": "9", "buyer_info": {"name": of}, "shop": {"name": "anyone"}}
            for n, of in enumerate(names, 1)
        ]
    )
    rooms = (await seller_app.get("/rooms", name=name)).body["rooms"]
    assert sorted(room["_id"] for room in rooms) == found


async def test_a_buyer_finds_rooms_by_the_shops_name(database: Store, buyer_app: App) -> None:
    database.cz_rooms.insert_many(
        [
            {"_id": "7.9", "buyer": "7", "seller": "9", "shop": {"name": "Gốm Bát Tràng"}, "buyer_info": {"name": "x"}},
            {"_id": "7.8", "buyer": "7", "seller": "8", "shop": {"name": "Books"}, "buyer_info": {"name": "gốm"}},
        ]
    )
    assert [room["_id"] for room in (await buyer_app.get("/rooms", name="GỐM")).body["rooms"]] == ["7.9"]


async def test_unseen_rooms_are_counted_if_visible(database: Store, seller_app: App) -> None:
    database.cz_rooms.insert_many(
        [
            {"_id": "1.9", "seller": "9", "seller_unseen_messages": 3},
            {"_id": "2.9", "seller": "9", "seller_unseen_messages": 0, "buyer_unseen_messages": 4},
            {"_id": "3.9", "seller": "9"},
            {"_id": "4.9", "seller": "9", "seller_unseen_messages": 1, "deleted_by_seller": True},
            {"_id": "5.8", "seller": "8", "seller_unseen_messages": 1},
        ]
    )
    answer = await seller_app.get("/rooms/unseen")
    assert answer.body == {"unseen_rooms": 1, "filters": {"user_id": "9", "role": "SELLER"}}


WISH = {"type": "BS", "buyer": 7, "seller": 9, "shop_id": 3, "creator": "7", "buyer_info": {"name": "An"}}


async def test_a_room_is_made_once(api: Emitted, database: Store, buyer_app: App) -> None:
    made = await buyer_app.post("/rooms", WISH)
    assert (made.status, made.body["status"], made.body["room"]["_id"]) == (200, True, "7.9")
    assert made.body["room"]["shop"] == {} and "buyer_info" not in made.body["room"]
    assert api.all[-1][0::2] == ("create_room", ["7"])
    again = await buyer_app.post("/rooms", WISH)
    assert (again.status, again.body["status"], again.body["room"]) == (200, False, made.body["room"])
    assert again.body["message"]
    assert database.cz_rooms.count_documents({}) == 1


@pytest.mark.parametrize("slash", ["/", "%2F"])
@pytest.mark.parametrize("end", ["", "/"])
async def test_a_room_whose_ids_have_slashes_is_addressed_as_any_other(
    api: Emitted, database: Store, slash: str, end: str
) -> None:
    app = App("google/7")
    made = await app.post("/rooms", {"buyer": "google/7", "seller": "shop/9", "creator": "google/7"})
    assert made.body["room"]["_id"] == "google/7.shop/9"
    room = f"/rooms/google{slash}7.shop{slash}9"
    for method, path in [
        ("GET", ""), ("POST", "/pin"), ("DELETE", "/pin"), ("PUT", "/seen"), ("DELETE", ""), ("PUT", "/enable"),
    ]:  # fmt: skip
        answer = await app.call(method, f"{room}{path}{end}")
        assert (answer.status, answer.body.get("status", True)) == (200, True), (method, path)
    blocked = await app.post(f"{room}/block{end}", {"block": True})
    assert blocked.body["room"]["_id"] == "google/7.shop/9"


async def test_a_room_that_a_side_deleted_is_brought_back_for_both(
    database: Store, room: str, buyer_app: App, seller_app: App
) -> None:
    await buyer_app.delete("/rooms/7.9")
    await seller_app.delete("/rooms/7.9")
    back = await seller_app.post("/rooms", {"buyer": "7", "seller": "9"})
    assert (back.status, back.body["status"], back.body["room"]["seller_deleted_at"] is not None) == (200, True, True)
    assert len((await buyer_app.get("/rooms")).body["rooms"]) == 1


async def test_a_room_with_oneself_is_none(database: Store, buyer_app: App) -> None:
    answer = await buyer_app.post("/rooms", {"buyer": "7", "seller": 7})
    assert (answer.status, answer.body["status"]) == (200, False)
    assert answer.body["message"] and "room" not in answer.body
    assert database.cz_rooms.count_documents({}) == 0


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"creator": "9"}, 403, "user_mismatch"),
        ({"buyer": "8"}, 403, "not_a_member"),
        ({"buyer": None}, 400, "validation_failed"),
        ({"buyer": "7.8"}, 400, "validation_failed"),
        ({"seller": ""}, 400, "validation_failed"),
        ({"seller": "/9"}, 400, "validation_failed"),
        ({"seller": "9/pin"}, 400, "validation_failed"),
        ({"type": "SS"}, 400, "validation_failed"),
        ({"buyer_info": "An"}, 400, "validation_failed"),
    ],
)
async def test_a_wish_for_a_room_that_is_refused(
    database: Store, buyer_app: App, change: dict[str, Any], status: int, code: str
) -> None:
    answer = await buyer_app.post("/rooms", {**WISH, **change})
    assert (answer.status, answer.body["status"], answer.body["code"]) == (status, False, code)
    assert database.cz_rooms.count_documents({}) == 0


async def test_pinning_puts_a_room_first_and_unpinning_back(database: Store, room: str, seller_app: App) -> None:
    database.cz_rooms.insert_one({"_id": "8.9", "buyer": "8", "seller": "9", "seller_last_message": LAST})
    assert (await seller_app.post("/rooms/7.9/pin")).body == {"status": True}
    first = (await seller_app.get("/rooms")).body["rooms"][0]
    assert (first["_id"], first["pinned_by_seller"] is not None) == ("7.9", True)
    await seller_app.post("/rooms/8.9/pin")
    assert (await seller_app.get("/rooms", pinned="1")).body["rooms"][0]["_id"] == "8.9"
    unpinned = await seller_app.delete("/rooms/7.9/pin")
    assert (unpinned.body["status"], unpinned.body["room"]["pinned_by_seller"]) == (True, None)
    assert len((await seller_app.get("/rooms", pinned="1")).body["rooms"]) == 1


async def test_a_deleted_room_is_hidden_until_it_is_enabled(
    api: Emitted, database: Store, room: str, seller_app: App, buyer_app: App
) -> None:
    deleted = await seller_app.delete("/rooms/7.9")
    assert (deleted.body["status"], deleted.body["role"]) == (True, "SELLER")
    assert deleted.body["deleted_at"].endswith("Z")
    assert api.payloads("room_deletion") == [{"room_id": "7.9", "seller": "9", "buyer": "7", "deletion_role": "SELLER"}]
    assert (await seller_app.get("/rooms")).body["rooms"] == []
    assert len((await buyer_app.get("/rooms")).body["rooms"]) == 1
    enabled = await seller_app.put("/rooms/7.9/enable", {"role": "SELLER"})
    assert (enabled.body["status"], enabled.body["room"]["deleted_by_seller"]) == (True, False)
    assert enabled.body["message"]
    assert enabled.body["room"]["seller_deleted_at"] == deleted.body["deleted_at"]
    assert len((await seller_app.get("/rooms")).body["rooms"]) == 1
    assert api.payloads("user_status_change") == []


@pytest.mark.parametrize("online", [{"7", "9"}, {"7"}, {"9"}, set()])
@pytest.mark.parametrize("made", ["made", "brought back", "brought back for the other", "enabled"])
async def test_both_sides_of_a_room_that_is_new_to_them_learn_that_the_other_is_online(
    api: Emitted, database: Store, seller_app: App, online: set[str], made: str
) -> None:
    """Their `active_user_list` did not have it, so that they show it as offline."""
    if made != "made":
        hidden = "deleted_by_buyer" if made == "brought back for the other" else "deleted_by_seller"
        room = {"_id": "7.9", "type": "BS", "creator": "7", "buyer": "7", "seller": "9", hidden: True}
        database.cz_rooms.insert_one(room)
    for user_id in online:
        await current_presence().enter(user_id, f"a socket of {user_id}")
    if made == "enabled":
        await seller_app.put("/rooms/7.9/enable")
    else:
        await seller_app.post("/rooms", {"type": "BS", "buyer": "7", "seller": "9", "shop_id": "1"})
    for user_id in online:
        await current_presence().leave(user_id, f"a socket of {user_id}")
    told = {to: payload for event, payload, [to], _ in api.all if event == "user_status_change"}
    assert told == {
        to: {"user_id": of, "user_role": role, "room_id": "7.9", "status": True}
        for to, of, role in (("7", "9", "SELLER"), ("9", "7", "BUYER"))
        if {"7", "9"} == online
    }


async def test_a_blocked_room_takes_no_messages_until_its_blocker_lifts_the_block(
    room: str, seller_app: App, buyer_app: App
) -> None:
    blocked = await seller_app.post("/rooms/7.9/block", {"block": True})
    assert (blocked.body["status"], blocked.body["room"]["blocked_by"]) == (True, "SELLER")
    assert "message" not in blocked.body
    message = {"room_id": "7.9", "to": "9", "type": "TEXT", "content": "hi"}
    refused = await buyer_app.post("/messages", message)
    assert (refused.status, refused.body["code"]) == (403, "room_blocked")
    for app in (seller_app, buyer_app):
        again = await app.post("/rooms/7.9/block", {"block": True})
        assert (again.body["status"], again.body["room"]["blocked_by"]) == (True, "SELLER")
        assert again.body["message"]
    lifting = await buyer_app.post("/rooms/7.9/block", {"block": False})
    assert (lifting.status, lifting.body["code"]) == (403, "not_the_blocker")
    lifted = await seller_app.post("/rooms/7.9/block", {"block": False})
    assert (lifted.body["status"], lifted.body["room"]["blocked_by"]) == (True, None)
    again = await buyer_app.post("/rooms/7.9/block", {"block": False})
    assert again.body["status"] is True and again.body["message"]
    assert (await buyer_app.post("/messages", message)).status == 200


@pytest.mark.parametrize("body", [{}, {"block": None}, {"block": "true"}, {"block": 1}])
async def test_a_block_is_true_or_false(room: str, buyer_app: App, body: dict[str, Any]) -> None:
    answer = await buyer_app.post("/rooms/7.9/block", body)
    assert (answer.status, answer.body["code"]) == (400, "validation_failed")


async def test_a_whole_room_is_seen(api: Emitted, database: Store, room: str, buyer_app: App, seller_app: App) -> None:
    """Also messages that have no time; what the seller wrote stays unseen; the buyer is told of the newest."""
    database.cz_messages.insert_one({"_id": "old", "room_id": "7.9", "from": "7", "to": "9", "content": "x"})
    sent = [
        (await buyer_app.post("/messages", {"room_id": "7.9", "to": "9", "type": "TEXT", "content": str(n)})).body
        for n in range(2)
    ]
    own = {"room_id": "7.9", "to": "7", "type": "TEXT", "content": "mine"}
    await seller_app.post("/messages", own)
    seen = await seller_app.put("/rooms/7.9/seen", {"user_id": "9", "role": "SELLER"})
    assert (seen.body["status"], seen.body["room"]["seller_unseen_messages"]) == (True, 0)
    assert database.cz_messages.count_documents({"to": "9", "is_seen": True}) == 3
    assert database.cz_messages.count_documents({"to": "7", "is_seen": True}) == 0
    told = {
        "room_id": "7.9", "from": "9", "to": "7", "last_message_id": sent[1]["_id"],
        "last_message_created_at": sent[1]["created_at"],
    }  # fmt: skip
    assert api.all[-1] == ("seen_messages", told, ["7"], [])


async def test_a_room_in_which_nothing_was_said_is_seen_silently(api: Emitted, room: str, seller_app: App) -> None:
    assert (await seller_app.put("/rooms/7.9/seen")).body["room"]["seller_unseen_messages"] == 0
    assert api.all == []
