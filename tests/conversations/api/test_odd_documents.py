"""An odd document costs one row at most: no list fails for it, and what fails all the same says so in JSON."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import AsyncClient
from pymongo.database import Database

from conversations import services
from tests.conversations.api.conftest import App
from tests.conversations.oddities import MESSAGE_FIELDS, ROOM_FIELDS, VALUES, odd_messages, odd_rooms

Store = Database[dict[str, Any]]


@pytest.fixture
def odd(database: Store, room: str) -> Store:
    """The room of 7 and 9 with odd messages of both, beside odd rooms of them."""
    database.cz_rooms.insert_many(odd_rooms("7", "9"))
    database.cz_messages.insert_many(odd_messages(room, "9", "7"))
    database.cz_messages.insert_one({"_id": "good", "room_id": room, "from": "9", "to": "7", "content": "hello"})
    return database


@pytest.mark.parametrize("side", ["buyer", "seller"])
async def test_the_rooms_are_listed_with_the_odd_ones(odd: Store, buyer_app: App, seller_app: App, side: str) -> None:
    app = buyer_app if side == "buyer" else seller_app
    listed = await app.get("/rooms")
    assert listed.status == 200
    ids = [room["_id"] for room in listed.body["rooms"]]
    assert "7.9" in ids
    assert len(set(ids)) == len(ids) >= len(ROOM_FIELDS) * len(VALUES) - 20, "those that their side deleted"
    paged: list[str] = []
    query: dict[str, Any] = {"limit": 50}
    while True:
        page = (await app.get("/rooms", **query)).body
        paged += [room["_id"] for room in page["rooms"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert sorted(paged) == sorted(ids)
    for query in ({"name": "x"}, {"pinned": "1"}):
        assert (await app.get("/rooms", **query)).status == 200
    assert (await app.get("/rooms/unseen")).status == 200
    assert (await app.get("/search", q="hello")).body["data"][0]["_id"] == "good"


async def test_each_odd_room_is_shown_seen_pinned_and_blocked(odd: Store, buyer_app: App) -> None:
    for document in odd.cz_rooms.find({"_id": {"$type": "string"}}):
        path = f"/rooms/{document['_id']}"
        assert (await buyer_app.get(path)).status == 200, document
        assert (await buyer_app.put(f"{path}/seen", {})).status == 200, document
        if document["_id"].endswith(".0"):
            assert (await buyer_app.post(f"{path}/pin", {})).status == 200, document
            assert (await buyer_app.put(f"{path}/enable", {})).status == 200, document
            assert (await buyer_app.post(f"{path}/block", {"block": True})).status in (200, 403), document


async def test_the_history_shows_odd_messages(odd: Store, buyer_app: App) -> None:
    listed = await buyer_app.get("/messages", room_id="7.9", limit=100)
    assert listed.status == 200
    shown = {message["_id"] for message in listed.body["data"]}
    while (cursor := listed.body["next_cursor"]) is not None:
        listed = await buyer_app.get("/messages", room_id="7.9", limit=100, cursor=cursor)
        shown |= {message["_id"] for message in listed.body["data"]}
    assert {"good", "13", "5f8248d5e4b0a1a2b3c4d5e6"} <= shown
    assert len(shown) >= (len(MESSAGE_FIELDS) - 1) * len(VALUES), "those whose `created_at` is no time have no place"
    unseen = await buyer_app.get("/messages/unseen", room_id="7.9", user_id="7", limit=100)
    assert unseen.status == 200 and unseen.body["data"]


async def test_an_answer_that_cannot_be_encoded_is_an_internal_error_in_json(
    odd: Store, buyer_app: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def odd_count(*_: object) -> Any:
        return object()

    monkeypatch.setattr(services, "count_unseen_rooms", odd_count)
    answer = await buyer_app.get("/rooms/unseen")
    assert (answer.status, answer.body["code"], answer.body["status"]) == (500, "internal_error", False)
    assert "Traceback" in caplog.text


async def test_what_fails_before_a_call_is_reached_is_json_too(
    database: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a middleware's defect")

    client = AsyncClient(raise_request_exception=False)
    monkeypatch.setattr("django.middleware.common.CommonMiddleware.process_request", broken)
    answer = await client.get("/v1/conversations/rooms")
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/json")
    assert answer.json()["code"] == "internal_error"
    page = await client.get("/admin/login/")
    assert (page.status_code, page["Content-Type"].partition(";")[0]) == (500, "text/html")
