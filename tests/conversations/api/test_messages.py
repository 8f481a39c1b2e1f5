"""Calls about messages: `/messages…` of the contract's section 4."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from pymongo.database import Database

from tests.conversations.api.conftest import App
from tests.conversations.conftest import Emitted

Store = Database[dict[str, Any]]
THEN = datetime.datetime(2020, 10, 11, 0, 13, 35, 390_000)


def at(minute: int) -> datetime.datetime:
    return THEN + datetime.timedelta(minutes=minute)


def wire(minute: int) -> str:
    return at(minute).isoformat(timespec="milliseconds") + "Z"


@pytest.fixture
def history(database: Store, room: str) -> None:
    """Twenty messages, a minute apart, by turns of buyer 7 and seller 9; the last four are unseen."""
    database.cz_messages.insert_many(
        [
            {
                "_id": f"m{n:02}", "room_id": room, "from": "79"[n % 2], "to": "97"[n % 2], "type": "TEXT",
                "content": f"message {n}", "created_at": at(n), "is_seen": n < 16, "__v": 0,
            }
            for n in range(20)
        ]
    )  # fmt: skip
    database.cz_messages.insert_one({"_id": "other", "room_id": "7.10", "from": "10", "to": "7", "created_at": THEN})


def numbers(body: dict[str, Any]) -> list[int]:
    return [int(message["_id"][1:]) for message in body["data"]]


NEWEST = list(range(19, -1, -1))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, NEWEST[:15]),
        ({"limit": 3}, [19, 18, 17]),
        ({"limit": 500}, NEWEST),
        ({"created_at": 1, "limit": 3}, [0, 1, 2]),
        ({"created_at": -1, "limit": 3}, [19, 18, 17]),
        ({"from": wire(3)}, [2, 1, 0]),
        ({"to": wire(17)}, [19, 18]),
        ({"from": wire(7), "to": wire(3)}, [6, 5, 4]),
        ({"from": wire(7), "to": wire(3), "created_at": 1}, [4, 5, 6]),
        ({"from": wire(3), "to": wire(7)}, []),
        ({"from": "2020-10-11T07:16:35.390+07:00"}, [2, 1, 0]),
        ({"from": "", "to": "undefined", "limit": "", "created_at": "null", "cursor": ""}, NEWEST[:15]),
    ],
)
async def test_messages_of_a_room(history: None, buyer_app: App, query: dict[str, Any], expected: list[int]) -> None:
    answer = await buyer_app.get("/messages", room_id="7.9", **query)
    assert (answer.status, numbers(answer.body)) == (200, expected)
    assert answer.body["room_id"] == "7.9"
    assert answer.body["filters"]["message_count"] == len(expected)


async def test_a_page_says_what_it_lies_before(history: None, buyer_app: App) -> None:
    body = (await buyer_app.get("/messages", room_id="7.9", **{"from": "2020-10-11T00:16:35.39Z"})).body
    assert body["filters"] == {"message_count": 3, "from": wire(3)}
    assert (await buyer_app.get("/messages", room_id="7.9")).body["filters"]["from"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"room_id": ""}, {"limit": 0}, {"limit": -1}, {"limit": "many"}, {"limit": 1.5}, {"from": "yesterday"},
        {"to": "9"}, {"from": "99999-01-01"}, {"cursor": "x"}, {"cursor": "W10"}, {"cursor": "é"},
    ],
)  # fmt: skip
async def test_a_question_that_makes_no_sense_is_refused(history: None, buyer_app: App, wrong: dict[str, Any]) -> None:
    answer = await buyer_app.get("/messages", **{"room_id": "7.9", **wrong})
    assert (answer.status, answer.body["code"]) == (400, "validation_failed")


@pytest.mark.parametrize("path", ["/messages", "/messages/unseen"])
async def test_history_before_a_sides_deletion_stays_hidden_from_it(
    database: Store, history: None, buyer_app: App, seller_app: App, path: str
) -> None:
    """Whatever it asks for, and also from old messages that have no time."""
    database.cz_messages.insert_one({"_id": "m99", "room_id": "7.9", "from": "9", "to": "7", "is_seen": False})
    database.cz_rooms.update_one({"_id": "7.9"}, {"$set": {"buyer_deleted_at": at(16), "deleted_by_buyer": True}})
    for query in ({}, {"to": wire(0)}, {"created_at": 1}):
        shown = numbers((await buyer_app.get(path, room_id="7.9", **query)).body)
        assert sorted(shown) == ([17, 19] if path.endswith("unseen") else [17, 18, 19])
    assert len((await seller_app.get("/messages", room_id="7.9", limit=100)).body["data"]) == 21


async def test_an_old_message_is_shown_in_the_full_shape(database: Store, room: str, buyer_app: App) -> None:
    database.cz_messages.insert_one({"_id": "ck1", "room_id": room, "from": "9", "to": "7", "content": "x"})
    assert (await buyer_app.get("/messages", room_id=room)).body["data"] == [
        {
            "_id": "ck1", "room_id": room, "from": "9", "to": "7", "type": "TEXT", "content": "x",
            "client_message_id": None, "is_seen": False, "created_at": "", "updated_at": "",
        }
    ]  # fmt: skip


@pytest.mark.parametrize("query", [{}, {"from": "9"}, {"from": "7"}, {"user_id": "7"}])
async def test_unseen_messages_are_those_to_the_caller(
    database: Store, history: None, buyer_app: App, query: dict[str, Any]
) -> None:
    database.cz_messages.update_one({"_id": "m01"}, {"$unset": {"is_seen": ""}})
    answer = await buyer_app.get("/messages/unseen", room_id="7.9", **query)
    assert numbers(answer.body) == [19, 17, 1]
    assert answer.body["filters"] == {"message_count": 3, "from": None}


async def test_unseen_messages_before_a_time(history: None, seller_app: App) -> None:
    assert numbers((await seller_app.get("/messages/unseen", room_id="7.9", **{"from": wire(18)})).body) == [16]


async def test_a_message_is_stored_and_sent_to_both(api: Emitted, database: Store, room: str, buyer_app: App) -> None:
    asked = {"room_id": "7.9", "from": 7, "to": 9, "type": "TEXT", "content": "hello", "client_message_id": None}
    answer = await buyer_app.post("/messages", asked)
    kept = database.cz_messages.find_one({})
    assert answer.status == 200 and kept is not None
    assert answer.body == {
        "_id": kept["_id"], "room_id": "7.9", "from": "7", "to": "9", "type": "TEXT", "content": "hello",
        "client_message_id": None, "is_seen": False, "created_at": answer.body["created_at"],
        "updated_at": answer.body["created_at"],
    }  # fmt: skip
    assert api.all == [("new_message", answer.body, ["7", "9"], [])]
    assert (database.cz_rooms.find_one() or {})["seller_unseen_messages"] == 1


async def test_a_message_sent_twice_is_stored_once(api: Emitted, database: Store, room: str, buyer_app: App) -> None:
    asked = {"room_id": "7.9", "to": "9", "type": "TEXT", "content": "hello", "client_message_id": "a1"}
    first, second = await buyer_app.post("/messages", asked), await buyer_app.post("/messages", asked)
    assert first.body == second.body
    assert len(api.all) == database.cz_messages.count_documents({}) == 1


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"from": "9"}, 403, "user_mismatch"),
        ({"to": "8"}, 400, "wrong_recipient"),
        ({"to": None}, 400, "validation_failed"),
        ({"type": "VIDEO"}, 400, "validation_failed"),
        ({"content": ""}, 400, "validation_failed"),
        ({"content": 5}, 400, "validation_failed"),
        ({"content": "x" * 10_001}, 400, "validation_failed"),
        ({"room_id": "8.9"}, 403, "not_a_member"),
        ({"room_id": "1.2"}, 400, "room_not_found"),
    ],
)
async def test_a_message_that_is_refused(
    api: Emitted, database: Store, room: str, buyer_app: App, change: dict[str, Any], status: int, code: str
) -> None:
    database.cz_rooms.insert_one({"_id": "8.9", "buyer": "8", "seller": "9"})
    asked = {"room_id": "7.9", "to": "9", "type": "TEXT", "content": "hello", **change}
    answer = await buyer_app.post("/messages", asked)
    assert (answer.status, answer.body["status"], answer.body["code"]) == (status, False, code)
    assert api.all == []
    assert database.cz_messages.count_documents({}) == 0


async def test_an_edited_message_is_so_everywhere(api: Emitted, database: Store, room: str, buyer_app: App) -> None:
    """In the history, in the room's two copies of it, and on the devices of both."""
    sent = (await buyer_app.post("/messages", {"room_id": room, "to": 9, "type": "TEXT", "content": "helo"})).body
    edited = (await buyer_app.put(f"/messages/{sent['_id']}", {"content": "hello"})).body
    assert edited == {**sent, "content": "hello", "updated_at": edited["updated_at"]}
    assert edited["updated_at"] > sent["updated_at"]
    assert api.all[-1] == ("message_updated", edited, ["7", "9"], [])
    assert (await buyer_app.get("/messages", room_id=room)).body["data"] == [edited]
    kept = database.cz_rooms.find_one() or {}
    assert kept["buyer_last_message"]["content"] == kept["seller_last_message"]["content"] == "hello"


async def test_an_edited_message_that_is_not_the_last_leaves_the_last_alone(
    database: Store, room: str, buyer_app: App
) -> None:
    asked = {"room_id": room, "to": "9", "type": "TEXT", "content": "first"}
    first = (await buyer_app.post("/messages", asked)).body
    await buyer_app.post("/messages", {**asked, "content": "second"})
    await buyer_app.put(f"/messages/{first['_id']}", {"content": "1st"})
    assert (database.cz_rooms.find_one() or {})["seller_last_message"]["content"] == "second"


@pytest.mark.parametrize(
    ("who", "message_id", "body", "fields", "status", "code"),
    [
        ("7", "m01", {"content": "x"}, {}, 403, "not_the_sender"),
        ("8", "m00", {"content": "x"}, {}, 403, "not_a_member"),
        ("7", "none", {"content": "x"}, {}, 404, "message_not_found"),
        ("7", "m00", {"content": ""}, {}, 400, "validation_failed"),
        ("7", "m00", {}, {}, 400, "validation_failed"),
        ("7", "m00", {"content": "x" * 10_001}, {}, 400, "validation_failed"),
        ("7", "m00", {"content": "x"}, {"blocked_by": "SELLER"}, 403, "room_blocked"),
        ("7", "m00", {"content": "x"}, {"closed_at": THEN}, 403, "room_closed"),
        ("7", "m00", {"content": "x"}, {"buyer_deleted_at": at(5)}, 404, "message_not_found"),
    ],
)
async def test_an_edit_that_is_refused(
    api: Emitted, database: Store, history: None, who: str, message_id: str, body: dict[str, Any],
    fields: dict[str, Any], status: int, code: str,
) -> None:  # fmt: skip
    if fields:
        database.cz_rooms.update_one({"_id": "7.9"}, {"$set": fields})
    answer = await App(who).put(f"/messages/{message_id}", body)
    assert (answer.status, answer.body["code"]) == (status, code)
    assert api.all == []
    assert database.cz_messages.count_documents({"content": "x"}) == 0
