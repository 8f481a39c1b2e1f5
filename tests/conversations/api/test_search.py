"""`GET /search`: texts in the rooms that the caller sees, newest first."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from pymongo.database import Database
from pytest_django import Settings

from conversations.services import search
from identity import Role
from tests.conversations.api.conftest import App
from tests.conversations.commands import ASKED

Store = Database[dict[str, Any]]
THEN = datetime.datetime(2026, 3, 1, 12)
DAY = datetime.timedelta(days=1)


class Rooms:
    """Puts rooms and messages into the store, as the old service would have."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.number = 0

    def room(self, buyer: str, seller: str, **fields: Any) -> str:
        room = {"_id": f"{buyer}.{seller}", "type": "BS", "buyer": buyer, "seller": seller, **fields}
        self.store.cz_rooms.insert_one(room)
        return f"{buyer}.{seller}"

    def message(self, room_id: str, content: str, at: datetime.datetime | None = THEN, **fields: Any) -> str:
        self.number += 1
        buyer, seller = room_id.split(".")
        message = {
            "_id": f"m{self.number:04}",
            "room_id": room_id,
            "from": buyer,
            "to": seller,
            "type": "TEXT",
            "content": content,
            **({"created_at": at} if at else {}),
            **fields,
        }
        self.store.cz_messages.insert_one(message)
        if at:
            last = {"created_at": at, "_id": message["_id"]}
            changes = {"buyer_last_message": last, "seller_last_message": last}
            self.store.cz_rooms.update_one({"_id": room_id}, {"$max": changes})
        return f"m{self.number:04}"


@pytest.fixture
def rooms(api: object, database: Store) -> Rooms:
    return Rooms(database)


async def found(app: App, q: str, **query: Any) -> list[str]:
    answer = await app.get("/search", q=q, **query)
    assert answer.status == 200, answer.body
    assert answer.body["complete"] is True
    return [message["_id"] for message in answer.body["data"]]


async def test_texts_are_found_in_all_rooms_of_the_caller_newest_first(rooms: Rooms, seller_app: App) -> None:
    one, two = rooms.room("7", "9"), rooms.room("8", "9")
    first = rooms.message(one, "Xin chào shop", THEN)
    rooms.message(one, "something else", THEN + 3 * DAY)
    second = rooms.message(two, "CHÀO bạn", THEN + DAY)
    third = rooms.message(one, "chào", THEN + 2 * DAY)
    answer = await seller_app.get("/search", q="chào")
    assert [message["_id"] for message in answer.body["data"]] == [third, second, first]
    assert answer.body["data"][1] == {
        "_id": second,
        "room_id": two,
        "from": "8",
        "to": "9",
        "type": "TEXT",
        "content": "CHÀO bạn",
        "client_message_id": None,
        "is_seen": False,
        "created_at": "2026-03-02T12:00:00.000Z",
        "updated_at": "2026-03-02T12:00:00.000Z",
    }
    assert {name: answer.body[name] for name in ("q", "next_cursor", "complete")} == {
        "q": "chào",
        "next_cursor": None,
        "complete": True,
    }


async def test_marks_are_found_by_letters_without_them_and_not_the_other_way_round(
    rooms: Rooms, buyer_app: App
) -> None:
    room = rooms.room("7", "9")
    marked, plain = rooms.message(room, "Xin chào"), rooms.message(room, "Xin chao")
    apart = rooms.message(room, "Xin cha\u0300o")
    assert await found(buyer_app, "chào") == [apart, marked]
    assert await found(buyer_app, "cha\u0300o") == [apart, marked]
    assert await found(buyer_app, "chao") == [apart, plain, marked]


@pytest.mark.parametrize("q", [".*", "x.z", "[a-z]+", "(x|y)", "^xyz$", "\\w", "(", "$", "{$gt:''}", "x" * 100])
async def test_what_is_looked_for_is_never_a_pattern(rooms: Rooms, buyer_app: App, q: str) -> None:
    room = rooms.room("7", "9")
    rooms.message(room, "xyz")
    message = rooms.message(room, f"literally {q}, indeed")
    assert await found(buyer_app, q) == [message]


async def test_nothing_is_found_in_rooms_of_others(rooms: Rooms, buyer_app: App, stranger_app: App) -> None:
    mine, other = rooms.room("7", "9"), rooms.room("6", "9")
    message = rooms.message(mine, "secret")
    rooms.message(other, "secret")
    assert await found(buyer_app, "secret") == [message]
    assert await found(stranger_app, "secret") == []
    assert (await buyer_app.get("/search", q="secret", room_id=other)).body["code"] == "not_a_member"
    assert (await buyer_app.get("/search", q="secret", room_id="6.5")).body["code"] == "room_not_found"


async def test_each_side_is_searched_where_the_token_allows_both(rooms: Rooms) -> None:
    bought, sold = rooms.room("5", "9"), rooms.room("7", "5")
    as_buyer, as_seller = rooms.message(bought, "word"), rooms.message(sold, "word")
    assert await found(App("5"), "word") == [as_seller, as_buyer]
    assert await found(App("5"), "word", role="BUYER") == [as_buyer]
    assert await found(App("5", Role.SELLER), "word") == [as_seller]
    assert (await App("5", Role.SELLER).get("/search", q="word", role="BUYER")).status == 403


async def test_a_room_that_was_deleted_is_not_searched_nor_what_was_said_before_it_came_back(
    rooms: Rooms, buyer_app: App, seller_app: App
) -> None:
    gone = rooms.room("7", "9", deleted_by_buyer=True, buyer_deleted_at=THEN)
    before = rooms.message(gone, "word", THEN - DAY)
    rooms.store.cz_rooms.update_one({"_id": gone}, {"$unset": {"buyer_last_message": ""}})
    assert await found(buyer_app, "word") == []
    assert await found(buyer_app, "word", room_id=gone) == []
    assert await found(seller_app, "word") == [before]
    since = rooms.message(gone, "word again", THEN + DAY)
    assert await found(buyer_app, "word") == [since]
    assert await found(buyer_app, "word", room_id=gone) == [since]
    assert await found(seller_app, "word") == [since, before]


async def test_what_was_redacted_is_not_found(rooms: Rooms, buyer_app: App) -> None:
    room = rooms.room("7", "9")
    rooms.message(room, "word", redacted_at=THEN)
    kept = rooms.message(room, "word", redacted_at=None)
    assert await found(buyer_app, "word") == [kept]


async def test_addresses_of_images_and_names_of_emoji_are_no_text(rooms: Rooms, buyer_app: App) -> None:
    room = rooms.room("7", "9")
    rooms.message(room, "https://images.example.com/word.jpg", type="IMAGE")
    rooms.message(room, "word", type="EMOJI")
    old = rooms.message(room, "word", type=None)
    assert await found(buyer_app, "word") == [old]


async def test_one_room_can_be_searched(rooms: Rooms, seller_app: App) -> None:
    one, two = rooms.room("7", "9"), rooms.room("8", "9")
    message = rooms.message(one, "word")
    rooms.message(two, "word")
    assert await found(seller_app, "word", room_id=one) == [message]


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_pages_lose_nothing_and_repeat_nothing(rooms: Rooms, seller_app: App, limit: int) -> None:
    """In many rooms, with messages of one time, with some without a time, and one that comes meanwhile."""
    expected = []
    for number in range(40):
        room = rooms.room(str(100 + number), "9", **({"seller_deleted_at": THEN - DAY} if number % 9 == 1 else {}))
        at = THEN + DAY * (number // 15)
        expected.append((at, rooms.message(room, "word", at)))
        rooms.message(room, "other", at + DAY)
        if number % 9 == 1:
            rooms.message(room, "word before", THEN - DAY)
    undated = rooms.message("100.9", "word", None), rooms.message("105.9", "word", None)
    newest_first = [message for _, message in sorted(expected, reverse=True)] + sorted(undated, reverse=True)
    pages, cursor = [], None
    while True:
        query: dict[str, str] = {"cursor": cursor} if cursor else {}
        answer = await seller_app.get("/search", q="word", limit=limit, **query)
        assert 1 <= len(answer.body["data"]) <= limit
        pages += [message["_id"] for message in answer.body["data"]]
        cursor = answer.body["next_cursor"]
        if len(pages) == limit:
            rooms.message("100.9", "word, but newer", THEN + 50 * DAY)
        if cursor is None:
            break
    assert pages == newest_first


async def test_many_of_one_millisecond_are_all_found(rooms: Rooms, buyer_app: App) -> None:
    room = rooms.room("7", "9")
    messages = [rooms.message(room, "word") for _ in range(40)]
    first = await buyer_app.get("/search", q="word", limit=35)
    second = await buyer_app.get("/search", q="word", limit=35, cursor=first.body["next_cursor"])
    both = [message["_id"] for answer in (first, second) for message in answer.body["data"]]
    assert both == messages[::-1]


async def test_rooms_are_searched_no_further_than_needed(rooms: Rooms, seller_app: App) -> None:
    """25 rooms with each question, those of the latest message first, until nothing newer can be in the others."""
    for number in range(100):
        rooms.message(rooms.room(str(100 + number), "9"), "word" if number % 2 else "verb", THEN + number * DAY)
    with ASKED.recording() as commands:
        assert len(await found(seller_app, "word", limit=10)) == 10
    assert len([command for command in commands if command.get("find") == "cz_messages"]) == 1
    with ASKED.recording() as commands:
        assert await found(seller_app, "nothing like it") == []
    asked = [command["filter"] for command in commands if command.get("find") == "cz_messages"]
    assert len(asked) == 4
    logic = {"$or", "$and", "$nor", "$expr", "$where", "$text"}
    assert not any(logic & condition.keys() for condition in asked), (
        "one range of the index, not all messages of everybody"
    )


async def test_a_search_that_takes_too_long_answers_with_what_it_has(
    rooms: Rooms, seller_app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms.message(rooms.room("7", "9"), "word")
    monkeypatch.setattr(search, "LONGEST", -1.0)
    answer = await seller_app.get("/search", q="word")
    assert (answer.status, answer.body["complete"], answer.body["data"]) == (200, False, [])


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"q": ""},
        {"q": "  "},
        {"q": "a\0b"},
        {"q": "x" * 101},
        {"q": "ộ" * 100},
        {"q": "x", "limit": 0},
        {"q": "x", "limit": "many"},
        {"q": "x", "cursor": "nonsense"},
        {"q": "x", "cursor": "WyJzZWFyY2giLDk5OTk5OTk5OTk5OTk5OTk5OSwibSJd"},
        {"q": "x", "role": "ADMIN"},
    ],
)
async def test_bad_questions_are_refused(buyer_app: App, query: dict[str, Any]) -> None:
    answer = await buyer_app.get("/search", **query)
    assert (answer.status, answer.body["code"]) == (400, "validation_failed")


async def test_a_cursor_of_another_list_is_refused(rooms: Rooms, buyer_app: App) -> None:
    room = rooms.room("7", "9")
    for _ in range(2):
        rooms.message(room, "word")
    messages = (await buyer_app.get("/messages", room_id=room, limit=1)).body["next_cursor"]
    searched = (await buyer_app.get("/search", q="word", limit=1)).body["next_cursor"]
    assert (await buyer_app.get("/search", q="word", cursor=messages)).status == 400
    assert (await buyer_app.get("/messages", room_id=room, cursor=searched)).status == 400


async def test_searches_have_a_rate_of_their_own(api: object, settings: Settings) -> None:
    settings.API_RATE_SEARCHES = "2/d"
    app = App("searches-often")
    assert [(await app.get("/search", q="x")).status for _ in range(3)] == [200, 200, 429]
