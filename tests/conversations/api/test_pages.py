"""Pages by cursor: every row once, in the list's order, however many sort alike and whatever lacks its sort key."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from pymongo.database import Database

from persistence.database import connection
from tests.conversations.api.conftest import Answer, App

Store = Database[dict[str, Any]]
THEN = datetime.datetime(2020, 10, 11)


def at(minute: int) -> datetime.datetime:
    return THEN + datetime.timedelta(minutes=minute)


async def all_pages(get: Callable[..., Awaitable[Answer]], rows: str, **query: Any) -> list[str]:
    """The ids on all pages, each page full but the last."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        body = (await get(**query, **cursor)).body
        found += [row["_id"] for row in body[rows]]
        if body["next_cursor"] is None:
            return found
        assert len(body[rows]) == query["limit"]
        cursor = {"cursor": body["next_cursor"]}


@pytest.fixture
def messages(database: Store, room: str) -> None:
    """Three without a time, then many of the same three instants."""
    database.cz_messages.insert_many(
        [
            {"_id": f"m{n:02}", "room_id": room, "from": "9", "to": "7", "content": "x", "is_seen": None}
            | ({} if n < 3 else {"created_at": at(n // 6)})
            for n in range(21)
        ]
    )


@pytest.mark.parametrize("path", ["/messages", "/messages/unseen"])
@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 5, 7, 20, 21])
async def test_each_message_is_on_one_page(
    messages: None, buyer_app: App, path: str, oldest_first: bool, limit: int
) -> None:
    order = {"created_at": 1} if oldest_first else {}

    async def get(**query: Any) -> Answer:
        return await buyer_app.get(path, room_id="7.9", **order, **query)

    ids = [f"m{n:02}" for n in range(21)]
    assert await all_pages(get, "data", limit=limit) == (ids if oldest_first else ids[::-1])


@pytest.mark.parametrize("oldest_first", [False, True])
async def test_pages_stay_within_the_times_asked_for(messages: None, buyer_app: App, oldest_first: bool) -> None:
    order = {"created_at": 1} if oldest_first else {}

    async def get(**query: Any) -> Answer:
        times = {"from": at(3).isoformat(), "to": at(0).isoformat()}
        return await buyer_app.get("/messages", room_id="7.9", **order, **times, **query)

    ids = [f"m{n:02}" for n in range(6, 18)]
    assert await all_pages(get, "data", limit=4) == (ids if oldest_first else ids[::-1])


async def test_messages_that_come_meanwhile_move_no_page(database: Store, messages: None, buyer_app: App) -> None:
    first = (await buyer_app.get("/messages", room_id="7.9", limit=5)).body
    database.cz_messages.insert_one({"_id": "new", "room_id": "7.9", "from": "9", "to": "7", "created_at": at(99)})
    database.cz_messages.delete_one({"_id": first["data"][-1]["_id"]})
    second = (await buyer_app.get("/messages", room_id="7.9", limit=5, cursor=first["next_cursor"])).body
    assert [row["_id"] for row in second["data"]] == ["m15", "m14", "m13", "m12", "m11"]


@pytest.fixture(params=[True, False], ids=["read at once", "as a long list"])
def rooms(database: Store, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Rooms of seller 9 with and without pins and last messages, many of them alike; their ids in the list's order."""
    monkeypatch.setattr(type(connection.ops), "stops_at_limit", request.param)
    pins, lasts = [at(2), at(1), None], [at(5), at(4), None]
    documents: list[dict[str, Any]] = []
    for pin in pins:
        for last in lasts:
            for _ in range(3):
                room: dict[str, Any] = {"_id": f"{len(documents):02}.9", "seller": "9", "pinned_by_seller": pin}
                documents.append(room | {"seller_last_message": {"_id": "c", "created_at": last} if last else None})
    database.cz_rooms.insert_many(documents[::-1])
    database.cz_rooms.update_many(
        {"pinned_by_seller": None, "_id": {"$gt": "20"}}, {"$unset": {"pinned_by_seller": ""}}
    )
    return [document["_id"] for document in documents]


@pytest.mark.parametrize("limit", [1, 2, 4, 26, 27])
async def test_each_room_is_on_one_page(rooms: list[str], seller_app: App, limit: int) -> None:
    async def get(**query: Any) -> Answer:
        return await seller_app.get("/rooms", **query)

    assert await all_pages(get, "rooms", limit=limit) == rooms


def touch(database: Store, room: str, **fields: Any) -> None:
    """A message came into a room just now, or what `fields` say."""
    now = datetime.datetime.now(datetime.UTC)
    change = fields or {"seller_last_message": {"_id": "new", "created_at": now}}
    database.cz_rooms.update_one({"_id": room}, {"$set": change})


async def test_a_room_that_moves_up_meanwhile_is_on_the_next_page(
    rooms: list[str], seller_app: App, database: Store
) -> None:
    """Some that were on a page get a message, too; they are not told again."""
    found: list[str] = []
    query: dict[str, Any] = {"limit": 4}
    while query.get("cursor") is not None or not found:
        body = (await seller_app.get("/rooms", **query)).body
        found += [room["_id"] for room in body["rooms"]]
        query["cursor"] = body["next_cursor"]
        if len(found) == 20:
            touch(database, rooms[26])
            touch(database, rooms[25], pinned_by_seller=datetime.datetime.now(datetime.UTC))
            touch(database, rooms[1])
            touch(database, rooms[19])
    assert sorted(found) == rooms
    assert found[20:22] == [rooms[25], rooms[26]]


async def test_more_rooms_that_move_up_than_a_page_holds_come_on_several(
    rooms: list[str], seller_app: App, database: Store
) -> None:
    first = (await seller_app.get("/rooms", limit=2)).body
    for room in rooms[9:]:
        touch(database, room, pinned_by_seller=datetime.datetime.now(datetime.UTC))

    async def get(**query: Any) -> Answer:
        return await seller_app.get("/rooms", **{"cursor": first["next_cursor"], **query})

    found = [room["_id"] for room in first["rooms"]] + await all_pages(get, "rooms", limit=2)
    assert sorted(found) == rooms


async def test_pinned_rooms_have_pages_too(rooms: list[str], seller_app: App) -> None:
    async def get(**query: Any) -> Answer:
        return await seller_app.get("/rooms", pinned=1, **query)

    assert await all_pages(get, "rooms", limit=4) == rooms[:18]


async def test_without_a_limit_all_rooms_come(rooms: list[str], seller_app: App) -> None:
    body = (await seller_app.get("/rooms")).body
    assert [room["_id"] for room in body["rooms"]] == rooms
    assert body["next_cursor"] is None


def cursor_of(*values: Any) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).decode().rstrip("=")


@pytest.mark.parametrize(
    "wrong",
    [
        "x", "====", "W10", "é", "a" * 7000, cursor_of(), cursor_of("rooms"),
        cursor_of("rooms", "SELLER", 1, 1, "a", 1),
        cursor_of("rooms", "BUYER", None, 1, "7.9", 1, ""), cursor_of("rooms", "SELLER", "now", None, "7.9", 1, ""),
        cursor_of("messages", False, 1, "m1"),
        cursor_of("rooms", "SELLER", None, None, "7.9", 1, "") + "=", base64.b64encode(b"[" * 1000).decode(),
        base64.urlsafe_b64encode(b'["rooms","SELLER",null,null,"\\ud800"]').decode().rstrip("="),
    ],
)  # fmt: skip
async def test_a_cursor_from_elsewhere_is_refused(rooms: list[str], seller_app: App, wrong: str) -> None:
    answer = await seller_app.get("/rooms", limit=1, cursor=wrong)
    assert (answer.status, answer.body["code"]) == (400, "validation_failed")


async def test_a_cursor_goes_one_way(messages: None, buyer_app: App) -> None:
    cursor = (await buyer_app.get("/messages", room_id="7.9", limit=1)).body["next_cursor"]
    answer = await buyer_app.get("/messages", room_id="7.9", limit=1, created_at=1, cursor=cursor)
    assert (answer.status, answer.body["code"]) == (400, "validation_failed")
